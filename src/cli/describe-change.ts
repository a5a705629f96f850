import { toText } from "../base/index.ts";
import type { OpenedImage, ResolvedChange } from "../index.ts";
import type { MergedNode } from "../union/index.ts";
import { octalMode } from "./format-mode.ts";
import { formatBytes } from "./format-size.ts";
import { isoTime } from "./format-time.ts";
import { printableText } from "./printable.ts";

/** What a layer did to a path, as one clause: `changes owner 0:0 → 1000:1000, mode 0644 → 0750`. */
export function describeChange(image: OpenedImage, change: ResolvedChange): string {
  switch (change.kind) {
    case "add":
      return describeAdd(change);
    case "delete":
      return describeDelete(image, change);
    case "modify":
      return `changes ${differences(change).join(", ")}`;
  }
}

/** The letter for each kind of change, as `docker diff` has it. */
export const CHANGE_LETTERS = { add: "A", modify: "C", delete: "D" } as const;

function describeAdd({ cause, after }: ResolvedChange): string {
  if (after === undefined) return "adds";
  if (cause === "hardlink") return "adds a hardlink";
  if (cause === "implied") return "adds a directory that only a path implies";
  const size = after.type === "file" ? `, ${formatBytes(after.size)}` : "";
  const target = after.type === "symlink" ? ` to ${printableText(toText(after.linkTarget))}` : "";
  return `adds a ${after.type}${target}${size}`;
}

function describeDelete(image: OpenedImage, change: ResolvedChange): string {
  const entry = entryName(image, change);
  switch (change.cause) {
    case "whiteout":
      return `deletes it with a whiteout (${entry})`;
    case "opaque":
      return `hides it with an opaque marker (${entry})`;
    case "ancestor":
      return `deletes it with a directory above (${entry})`;
    default:
      return `deletes it (${entry})`;
  }
}

/** The entry that made the change, as its layer's tar has it. */
export function entryName(
  image: OpenedImage,
  { layer, entry }: { readonly layer: number; readonly entry: number },
): string {
  const index = image.layers[layer]?.index;
  return index === undefined || entry < 0 ? "" : printableText(toText(index.name(entry)));
}

/** Every fact that differs, with both values. */
function differences({ before, after, metadata, content }: ResolvedChange): string[] {
  if (before === undefined || after === undefined) return [];
  const parts: string[] = metadata.map((field) => DIFFERENCES[field](before, after));
  if (content === "changed")
    parts.unshift(before.size === after.size ? "content" : `content, ${before.size} → ${after.size} bytes`);
  return parts.length === 0 ? ["nothing: the layer carries it once more"] : parts;
}

type Difference = (before: MergedNode, after: MergedNode) => string;

const DIFFERENCES: Readonly<Record<ResolvedChange["metadata"][number], Difference>> = {
  type: (a, b) => `type ${a.type} → ${b.type}`,
  mode: (a, b) => `mode ${octalMode(a.mode)} → ${octalMode(b.mode)}`,
  owner: (a, b) => `owner ${a.uid}:${a.gid} → ${b.uid}:${b.gid}`,
  mtime: (a, b) => `mtime ${shortTime(a)} → ${shortTime(b)}`,
  xattrs: (a, b) => `xattrs ${xattrNames(a)} → ${xattrNames(b)}`,
  device: (a, b) => `device ${a.device.major}:${a.device.minor} → ${b.device.major}:${b.device.minor}`,
  target: (a, b) => `target ${printableText(toText(a.linkTarget))} → ${printableText(toText(b.linkTarget))}`,
};

function shortTime({ mtime }: MergedNode): string {
  return isoTime(mtime).replace(/\.000000000Z$/, "Z");
}

function xattrNames({ xattrs }: MergedNode): string {
  return xattrs.size === 0 ? "none" : [...xattrs.keys()].map((name) => printableText(toText(name))).join(" ");
}
