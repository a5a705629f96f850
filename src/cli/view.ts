import { type ByteString, fromText, StrataError } from "../base/index.ts";
import type { ImageLayer, OpenedImage } from "../index.ts";
import { type MergedTree, NOT_DIRECTORY, type Slot, TOO_MANY_LINKS } from "../union/index.ts";

/** What a verb looks at: an image, and its tree after one of its layers. */
export interface View {
  readonly image: OpenedImage;
  readonly tree: MergedTree;
  /** Number of the topmost layer in the view; -1 for an image without layers. */
  readonly layer: number;
}

/** The view that `--layer` asks for; without it, the whole image. */
export function viewOf(image: OpenedImage, selector: string | undefined): View {
  if (selector === undefined) return { image, tree: image.tree, layer: image.layers.length - 1 };
  const layer = selectLayer(image, selector);
  return { image, tree: image.at(layer).tree, layer };
}

const SHORTEST_PREFIX = 4;

/**
 * The layer with this number, counted from 0, or whose diffID or chainID begins so (hex digits, `sha256:` optional).
 *
 * @throws StrataError `no-such-layer`, `ambiguous-layer`
 */
function selectLayer(image: OpenedImage, selector: string): number {
  const { layers } = image;
  if (/^[0-9]{1,5}$/.test(selector) && Number(selector) < layers.length) return Number(selector);
  const prefix = selector.replace(/^sha256:/, "").toLowerCase();
  const isPrefix = prefix.length >= SHORTEST_PREFIX && /^[0-9a-f]+$/.test(prefix);
  const found = isPrefix ? layers.filter((layer) => hasPrefix(layer, prefix)) : [];
  const [first] = found;
  if (first === undefined) throw noSuchLayer(image, selector);
  if (found.length > 1) {
    throw new StrataError({
      code: "ambiguous-layer",
      kind: "invalid-argument",
      message: `"${selector}" is the beginning of several layers' ids: ${found.map(({ number }) => number).join(", ")}`,
      details: { image: image.source.reference },
    });
  }
  return first.number;
}

function hasPrefix({ diffId, chainId }: ImageLayer, prefix: string): boolean {
  return [diffId, chainId].some((id) => id?.slice(id.indexOf(":") + 1).startsWith(prefix) === true);
}

function noSuchLayer({ layers, source }: OpenedImage, selector: string): StrataError {
  const range = layers.length === 0 ? "it has none" : `they are numbered 0 to ${layers.length - 1}`;
  return new StrataError({
    code: "no-such-layer",
    kind: "not-found",
    message: `The image has no layer "${selector}": ${range}`,
    details: { image: source.reference },
    hint: "`strata layers IMAGE` lists them",
  });
}

export interface FindPathOptions {
  /** Follow the path when it is a symlink itself. Symlinks on the way are followed always. */
  readonly followLast: boolean;
}

/**
 * The slot of a path as the user wrote it, from the root of the image.
 *
 * @throws StrataError `path-not-found`, `too-many-links`
 */
export function findPath(view: View, path: string, options: FindPathOptions): Slot {
  const slot = view.tree.find(fromText(path), options);
  if (slot >= 0) return slot;
  const details = { image: view.image.source.reference, path };
  switch (slot) {
    case NOT_DIRECTORY:
      throw pathError("path-not-found", `A part of "${path}" is not a directory`, details);
    case TOO_MANY_LINKS:
      throw pathError("too-many-links", `"${path}" leads through too many symlinks`, details);
    default:
      throw pathError("path-not-found", `There is no "${path}" in the image`, details, hintFor(view, fromText(path)));
  }
}

/** A path that some layer once had is worth a word. */
function hintFor({ image, tree, layer }: View, path: ByteString): string | undefined {
  if (image.tree.layers.length === 0) return undefined;
  const slot = image.provenance.everAt(path);
  if (slot === undefined) return undefined;
  const history = image.provenance.history(slot);
  const gone = history.findLast((change) => change.layer <= layer && change.kind === "delete");
  if (gone !== undefined)
    return `Layer ${gone.layer} deleted it; \`--layer ${gone.layer - 1}\` shows what was there before`;
  const later = history.find((change) => change.layer > layer);
  return tree === image.tree || later === undefined ? undefined : `Layer ${later.layer} adds it, above this view`;
}

function pathError(
  code: string,
  message: string,
  details: { readonly image: string; readonly path: string },
  hint?: string,
): StrataError {
  return new StrataError({ code, kind: "not-found", message, details, ...(hint === undefined ? {} : { hint }) });
}
