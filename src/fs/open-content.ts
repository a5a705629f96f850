import { type ByteSource, memorySource, StrataError, toText } from "../base/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";
import { withCode } from "./argument-error.ts";
import { errnoError } from "./errno-error.ts";
import type { FileContents } from "./file-contents.ts";
import { findSlot } from "./find-slot.ts";
import { type ImagePath, type PathLike, parsePath } from "./image-path.ts";
import { type OpenFlags, type OpenMode, parseFlags } from "./open-flags.ts";

/** `readFile` gives up beyond this, as Node's does. */
const MAX_WHOLE_FILE = 2 ** 31 - 1;

/**
 * The node that open(2) would give a descriptor for: a file or a directory.
 *
 * @throws EROFS for flags that write, ENXIO for devices and pipes (an image holds none of their content), and what
 *   resolving throws
 */
export function findToOpen(tree: MergedTree, path: PathLike, flags: OpenFlags): MergedNode {
  const parsed = parsePath(path);
  const mode = parseFlags(flags);
  const call = { syscall: "open", path: parsed.text };
  if (mode.writes) throw errnoError("EROFS", call);
  const slot = findSlot(tree, parsed, "open", !mode.noFollow);
  assertCanOpen(tree, slot, { path: parsed, mode });
  return tree.node(slot);
}

function assertCanOpen(tree: MergedTree, slot: Slot, { path, mode }: { path: ImagePath; mode: OpenMode }): void {
  const call = { syscall: "open", path: path.text };
  const type = tree.typeOf(slot);
  if (mode.directoryOnly && type !== "directory") throw errnoError("ENOTDIR", call);
  if (type === "symlink") throw errnoError("ELOOP", call);
  if (type !== "file" && type !== "directory") throw errnoError("ENXIO", call);
}

/** Opens the bytes of a node; undefined for a directory, which has none. The caller disposes them. */
export async function openContent(contents: FileContents, node: MergedNode): Promise<ByteSource | undefined> {
  if (node.type !== "file") return undefined;
  return node.size === 0 ? memorySource(new Uint8Array()) : contents.open(node.layer, node.entry);
}

/**
 * The whole content of a file without waiting, in a new buffer.
 *
 * @throws EISDIR for a directory
 * @throws StrataError `sync-read-unavailable` (failed-precondition) where the bytes can only be had asynchronously
 */
export function readContentSync(contents: FileContents, node: MergedNode, path: ImagePath): Buffer {
  assertWhole(node);
  if (node.size === 0) return Buffer.alloc(0);
  const source = contents.openSync?.(node.layer, node.entry);
  if (source?.readSync === undefined) throw cannotReadSync(path, node);
  const bytes = Buffer.allocUnsafeSlow(node.size);
  try {
    return bytes.subarray(0, source.readSync(bytes, 0));
  } finally {
    // There is nobody to wait for it, and nothing was written that a failure to close could lose.
    source[Symbol.asyncDispose]().then(undefined, () => {});
  }
}

/** @throws EISDIR for a directory, `ERR_FS_FILE_TOO_LARGE` over 2 GiB */
export function assertWhole(node: MergedNode): void {
  if (node.type === "directory") throw errnoError("EISDIR", { syscall: "read" });
  if (node.size <= MAX_WHOLE_FILE) return;
  throw withCode(new RangeError(`File size (${node.size}) is greater than 2 GiB`), "ERR_FS_FILE_TOO_LARGE");
}

function cannotReadSync(path: ImagePath, node: MergedNode): StrataError {
  return new StrataError({
    code: "sync-read-unavailable",
    kind: "failed-precondition",
    message: `Cannot read "${toText(path.bytes)}" synchronously: its layer is not at hand uncompressed`,
    hint: 'Open the image with `spool: "eager"`, or read the file with `readFile`.',
    details: { layer: node.layer, path: path.text },
  });
}
