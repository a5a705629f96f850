import { type ByteString, isUtf8, StrataError, toBuffer, toText } from "../base/index.ts";
import type { OpenedImage, PathBlame, ResolvedChange } from "../index.ts";
import type { LayerChange, MergedNode, ProvenanceTree, Slot } from "../union/index.ts";
import { CHANGE_LETTERS, describeChange, entryName } from "./describe-change.ts";
import { formatMode, octalMode } from "./format-mode.ts";
import { isoTime } from "./format-time.ts";
import { instructionOf, truncate } from "./instruction.ts";
import { jsonName } from "./json-entry.ts";
import { layerTag } from "./long-listing.ts";
import { printableText } from "./printable.ts";
import type { Style } from "./style.ts";
import type { Terminal } from "./terminal.ts";
import type { View } from "./view.ts";

/** What layers up to the view's did to a path. @throws StrataError `path-not-found` when none ever spoke of it */
async function blameIn(view: View, path: string): Promise<PathBlame> {
  const blame = await view.image.blame(path);
  const changes = blame?.changes.filter(({ layer }) => layer <= view.layer) ?? [];
  if (blame === undefined || changes.length === 0) throw neverThere(view, path);
  const after = changes.at(-1)?.after;
  const hidden = changes.flatMap(({ before }) => (before === undefined ? [] : [before])).reverse();
  return { path: blame.path, node: after, changes, hidden };
}

/** The story of one path as text. */
export async function blameReport(style: Style, view: View, path: string): Promise<string> {
  const blame = await blameIn(view, path);
  const { image } = view;
  const where = printableText(toText(`/${blame.path}`));
  let text = `${style.bold(where)}  ${stateOf(blame)}\n`;
  for (const change of blame.changes) {
    const createdBy = image.layers[change.layer]?.createdBy;
    const instruction = createdBy === undefined ? "" : style.dim(printableText(truncate(instructionOf(createdBy), 84)));
    text += `  ${style.layer(change.layer, `layer ${change.layer}`)}  ${describeChange(image, change)}\n`;
    if (instruction !== "") text += `           ${instruction}\n`;
  }
  const files = blame.hidden.filter(({ type }) => type !== "directory");
  if (files.length === 0) return text;
  text += "  hidden below, from the newest to the oldest:\n";
  for (const node of files) {
    const command = `strata cat --layer ${node.layer} ${image.source.reference} ${where}`;
    const hint = node.type === "file" ? `   ${style.dim(command)}` : "";
    text += `    ${style.layer(node.layer, layerTag(node))} ${nodeText(node)}${hint}\n`;
  }
  return text;
}

function stateOf({ node, changes }: PathBlame): string {
  const last = changes.at(-1);
  if (node === undefined) return `gone since layer ${last?.layer ?? 0}`;
  return `${node.type}, from layer ${node.layer}`;
}

function nodeText(node: MergedNode): string {
  return `${formatMode(node)} ${node.uid}:${node.gid} ${node.size} bytes`;
}

/** The story as `blame --json` gives it. */
export async function blameJson(view: View, path: string): Promise<Record<string, unknown>> {
  const { image } = view;
  const blame = await blameIn(view, path);
  const whole = `/${blame.path}`;
  return {
    path: toText(whole),
    ...(isUtf8(whole) ? {} : { pathBytes: toBuffer(whole).toString("base64") }),
    present: blame.node !== undefined,
    layer: blame.node?.layer ?? null,
    changes: blame.changes.map((change) => changeJson(image, change)),
    hidden: blame.hidden.map(nodeJson),
  };
}

function changeJson(image: OpenedImage, change: ResolvedChange): Record<string, unknown> {
  const { layer, kind, cause, content, metadata, before, after } = change;
  return {
    layer,
    diffID: image.layers[layer]?.diffId ?? null,
    createdBy: image.layers[layer]?.createdBy ?? null,
    kind,
    cause,
    entry: entryName(image, change),
    ...(kind === "modify" ? { content, metadata } : {}),
    before: before === undefined ? null : nodeJson(before),
    after: after === undefined ? null : nodeJson(after),
  };
}

function nodeJson(node: MergedNode): Record<string, unknown> {
  const { layer, type, mode, uid, gid, size, mtime } = node;
  return { layer, type, mode: octalMode(mode), uid, gid, size, mtime: isoTime(mtime) };
}

/** One line for each path that ever was at or below a path: what each layer did to it, as letters. */
export async function recursiveBlame(
  terminal: Terminal,
  { image, tree, layer: top }: View,
  { path, json }: { readonly path: string; readonly json: boolean },
): Promise<void> {
  const blame = await blameIn({ image, tree, layer: top }, path);
  for (const story of storiesBelow(image.provenance, blame.path, top)) {
    terminal.stdout.write(`${json ? summaryJson(story) : summaryLine(terminal, story)}\n`);
    if (terminal.stdout.isFull) await terminal.stdout.flush();
  }
}

/** What layers up to `top` did at and below a path, also to what is gone; parents first, names in order. */
function storiesBelow(tree: ProvenanceTree, base: ByteString, top: number): Story[] {
  const stories = new Map<Slot, { path: ByteString; changes: LayerChange[] }>();
  for (let layer = 0; layer <= top; layer++) {
    for (const change of tree.changes(layer)) {
      const known = stories.get(change.slot);
      if (known === undefined) stories.set(change.slot, { path: tree.pathOf(change.slot), changes: [change] });
      else known.changes.push(change);
    }
  }
  const inside = (path: ByteString): boolean => base === "" || path === base || path.startsWith(`${base}/`);
  // A slash sorts before every other character of a name, so that a directory is followed by what is in it.
  const key = (path: ByteString): ByteString => path.replaceAll("/", "\0");
  return [...stories.values()].filter(({ path }) => inside(path)).sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1));
}

interface Story {
  readonly path: ByteString;
  readonly changes: readonly LayerChange[];
}

function summaryLine(terminal: Terminal, { path, changes }: Story): ByteString {
  const { style } = terminal;
  const steps = changes.map(({ layer, kind }) => style.layer(layer, `${CHANGE_LETTERS[kind]}${layer}`));
  const name = terminal.name(`/${path}`);
  const isGone = changes.at(-1)?.kind === "delete";
  return `${steps.join(" ")}\t${isGone ? style.dim(name) : name}`;
}

function summaryJson({ path, changes }: Story): ByteString {
  const steps = changes.map(({ layer, kind, cause }) => `{"layer":${layer},"kind":"${kind}","cause":"${cause}"}`);
  const isPresent = changes.at(-1)?.kind !== "delete";
  return `{${jsonName("path", `/${path}`)},"present":${isPresent},"changes":[${steps.join(",")}]}`;
}

function neverThere({ image }: View, path: string): StrataError {
  return new StrataError({
    code: "path-not-found",
    kind: "not-found",
    message: `No layer of the image ever had "${path}"`,
    details: { image: image.source.reference, path },
  });
}
