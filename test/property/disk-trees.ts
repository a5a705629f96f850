import type fc from "fast-check";
import type { ByteString } from "../../src/base/index.ts";
import type { MemoryFile, MemoryFiles } from "../support/memory-tree.ts";
import { treePair } from "./random-trees.ts";

const PAGE = 4096;
/** Data between two holes. */
const HOLEY: Pick<MemoryFile, "content" | "sparse"> = {
  content: `${"\0".repeat(16 * PAGE)}${"z".repeat(PAGE)}${"\0".repeat(5 * PAGE)}`,
  sparse: [{ offset: 16 * PAGE, length: PAGE }],
};

/** cap_net_raw+ep, VFS_CAP_REVISION_2 (linux/capability.h). */
export const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** An access control list: u::rw-,u:NUMBER:r--,g::r--,m::rw-,o::--- (linux/posix_acl_xattr.h). */
export function accessList(user: number): Buffer {
  const entries: readonly (readonly [tag: number, permissions: number, id: number])[] = [
    [0x01, 6, 0xffffffff],
    [0x02, 4, user],
    [0x04, 4, 0xffffffff],
    [0x10, 6, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ];
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  for (const [i, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * i);
    bytes.writeUInt16LE(permissions, 6 + 8 * i);
    bytes.writeUInt32LE(id, 8 + 8 * i);
  }
  return bytes;
}

/** What no file system takes becomes what it takes; some files become sparse, and get lists of who may read them. */
function onDisk(file: MemoryFile): MemoryFile {
  const { type, uid, content, device } = file;
  const xattrs = new Map<ByteString, Uint8Array>();
  for (const [name, value] of file.xattrs) {
    if (type !== "file" && type !== "directory") xattrs.set("trusted.n", value);
    else if (!name.startsWith("security.")) xattrs.set(name, value);
    else if (type === "file") xattrs.set(name, CAPABILITY);
    else xattrs.set("system.posix_acl_default", accessList(value.length));
  }
  if (uid === 1000 && (type === "file" || type === "directory")) xattrs.set("system.posix_acl_access", accessList(7));
  return {
    ...file,
    xattrs,
    ...(content.length === 600 ? HOLEY : {}),
    // A character device of 0:0 is a whiteout of overlayfs.
    ...(type === "char" && device[1] === 2 ? { type: "block", device: [259, 70_000] } : {}),
  };
}

function treeOnDisk(files: MemoryFiles, known: Map<MemoryFile, MemoryFile>): MemoryFiles {
  const changed = new Map<ByteString, MemoryFile>();
  for (const [path, file] of files) {
    const there = known.get(file) ?? onDisk(file);
    known.set(file, there);
    changed.set(path, there);
  }
  return changed;
}

/** A tree that real file systems can have, and what became of it. */
export const diskPair: fc.Arbitrary<{ readonly lower: MemoryFiles; readonly upper: MemoryFiles }> = treePair.map(
  ({ lower, upper }) => {
    const known = new Map<MemoryFile, MemoryFile>();
    return { lower: treeOnDisk(lower, known), upper: treeOnDisk(upper, known) };
  },
);
