import type { ByteSource, ByteString } from "../base/index.ts";
import { type TarHeaderFields, type TarMember, writeTar } from "../tar/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";
import type { FileContents } from "./file-contents.ts";

/** What is exported, and until when. */
export interface ExportOptions {
  /** Export only this directory or file. */
  readonly top?: Slot;
  /** The directory that names in the archive are relative to, `top` itself or above it. Default: the image's root. */
  readonly relativeTo?: Slot;
  /** Stops the export between two chunks. */
  readonly signal?: AbortSignal;
}

/** Up to this size one synchronous read costs less than setting up a stream, many thousand times. */
const SMALL_FILE = 256 * 1024;

/**
 * A tree as one tar: parents before children, names in byte order, hardlinks as links to the first name, extended
 * attributes and nanoseconds kept, owners by number. Identical bytes on every run. The root has an entry (`./`) when some
 * layer describes it. Unpacked over an empty directory it gives the tree back.
 */
export function exportTree(
  tree: MergedTree,
  contents: FileContents,
  { top = tree.root, relativeTo = tree.root, signal }: ExportOptions = {},
): AsyncIterable<Uint8Array> {
  return writeTar(membersOf(tree, contents, { top, relativeTo, signal }));
}

function* membersOf(
  tree: MergedTree,
  contents: FileContents,
  {
    top,
    relativeTo,
    signal,
  }: { readonly top: Slot; readonly relativeTo: Slot; readonly signal: AbortSignal | undefined },
): Generator<TarMember> {
  const firstNames = new Map<number, ByteString>();
  const base = tree.pathOf(relativeTo);
  for (const { slot, path: whole } of tree.walk(top)) {
    const path = base === "" ? whole : whole.slice(base.length + 1);
    signal?.throwIfAborted();
    const node = tree.node(slot);
    if (path === "" && node.isImplied) continue;
    const isShared = node.type !== "directory" && node.nlink > 1;
    const first = isShared ? firstNames.get(node.inode) : undefined;
    if (first !== undefined) {
      yield { entry: { ...headerOf(path, node), type: "hardlink", size: 0, linkName: first } };
      continue;
    }
    if (isShared) firstNames.set(node.inode, path);
    const data = node.type === "file" && node.size > 0 ? dataOf(node, contents, signal) : undefined;
    yield { entry: headerOf(path, node), data };
  }
}

function headerOf(path: ByteString, node: MergedNode): TarHeaderFields {
  const { type, mode, uid, gid, mtime, xattrs, device } = node;
  const name = type === "directory" ? `${path === "" ? "." : path}/` : path;
  const size = type === "file" ? node.size : 0;
  const numbers = { devMajor: device.major, devMinor: device.minor };
  return { name, type, mode, uid, gid, size, mtime, xattrs, linkName: node.linkTarget, ...numbers };
}

async function* dataOf(
  node: MergedNode,
  contents: FileContents,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  await using source: ByteSource = await contents.open(node.layer, node.entry);
  if (source.readSync === undefined || source.size > SMALL_FILE) {
    yield* source.stream({ ...(signal && { signal }) });
    return;
  }
  const bytes = new Uint8Array(source.size);
  yield bytes.subarray(0, source.readSync(bytes, 0));
}
