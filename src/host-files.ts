import promises from "node:fs/promises";
import { platform } from "node:os";
import { type ByteString, fromBuffer, toBuffer } from "./base/index.ts";
import { type FsLike, rootedAt } from "./fs/index.ts";
import { readXattrs } from "./linux/index.ts";

/**
 * The files of this machine, as a file system that edits copy from: paths are absolute. Extended attributes where the system
 * has them.
 */
export function hostFiles(): FsLike {
  if (!HAS_XATTRS) return rootedAt(promises, "");
  return rootedAt(promises, "", {
    listxattr: async (path) => [...xattrsOf(path).keys()].map((name) => toBuffer(name).toString()),
    getxattr: async (path, name) => Buffer.from(xattrsOf(path).get(name) ?? []),
  });
}

const HAS_XATTRS = platform() === "linux";

function xattrsOf(path: string | Uint8Array): ReadonlyMap<ByteString, Uint8Array> {
  return readXattrs(fromBuffer(Buffer.from(path)));
}
