import { type ByteString, type FileTime, fromBuffer } from "../base/index.ts";
import { joinPath } from "../tree/index.ts";
import {
  BLOCK,
  BLOCK_BITS,
  CHUNK_BASED,
  CHUNK_INDEX_BYTES,
  CHUNK_INDEXES,
  DIRENT_BYTES,
  EXTENDED,
  FLAT_INLINE,
  FLAT_PLAIN,
  INODE_BYTES,
  INODE_SLOT,
  LAYOUT_SHIFT,
  MAX_U32,
  XATTR_ENTRY_BYTES,
  XATTR_HEADER_BYTES,
} from "./on-disk.ts";
import { brokenErofs, readSuperblock } from "./read-superblock.ts";
import type { Superblock } from "./superblock.ts";
import { wholeName } from "./xattr-name.ts";

/** One chunk of a file: a block of a device (0 is the image itself), or nothing. */
export type ErofsChunk = { readonly device: number; readonly block: number } | undefined;

/** One name in an image, with all that its inode says. */
export interface ErofsFile {
  readonly path: ByteString;
  readonly nid: number;
  readonly layout: "plain" | "inline" | "chunks";
  /** Type and permissions, as `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  readonly mtime: FileTime;
  /** First block of the data, device number or chunk format, after mode and layout. */
  readonly value: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Of these, how many lie in the shared area. */
  readonly sharedXattrs: number;
  /** Of a symlink. */
  readonly target: ByteString;
  /** Of a file in chunks, one after the other. */
  readonly chunks: readonly ErofsChunk[];
}

/** An image that was read. */
export interface ErofsContents {
  readonly superblock: Superblock;
  /** Every name, a directory before what is in it. @throws StrataError `erofs-broken` where the structure is */
  files(): Generator<ErofsFile>;
}

const [TYPE_MASK, DIRECTORY, SYMLINK] = [0o170000, 0o040000, 0o120000];

/**
 * Reads an image that {@link writeErofs} wrote, independently of the kernel: for checks. Positions that lead out of the
 * image, names out of order and directories that contain themselves are found.
 *
 * @throws StrataError `erofs-broken` (malformed)
 */
export function readErofs(image: Uint8Array): ErofsContents {
  const superblock = readSuperblock(image);
  if (superblock.blocks * BLOCK !== image.length) throw brokenErofs(`it has ${image.length} bytes`);
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  return { superblock, files: () => walk(bytes, superblock) };
}

function* walk(bytes: Buffer, superblock: Superblock): Generator<ErofsFile> {
  const directories = new Set<number>();
  const pending = [{ path: "", nid: superblock.rootNid }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const file = readFile(bytes, superblock, at);
    yield file;
    if ((file.mode & TYPE_MASK) !== DIRECTORY) continue;
    if (directories.has(file.nid)) throw brokenErofs(`the directory "${file.path}" has two names`);
    directories.add(file.nid);
    const entries = readDirectory(dataOf(bytes, file), file.path);
    for (const { name, nid } of entries.reverse()) {
      if (name !== "." && name !== "..") pending.push({ path: joinPath(file.path, name), nid });
    }
  }
}

function readFile(bytes: Buffer, superblock: Superblock, { path, nid }: Pick<ErofsFile, "path" | "nid">): ErofsFile {
  const at = nid * INODE_SLOT;
  if (at + INODE_BYTES > bytes.length) throw brokenErofs(`the inode of "${path}" lies outside`);
  const format = bytes.readUInt16LE(at);
  const layout = LAYOUTS.get(format >> LAYOUT_SHIFT);
  if ((format & 1) !== EXTENDED || layout === undefined) throw brokenErofs(`the inode of "${path}" is of another kind`);
  const file = {
    path,
    nid,
    layout,
    mode: bytes.readUInt16LE(at + 4),
    size: Number(bytes.readBigUInt64LE(at + 8)),
    value: bytes.readUInt32LE(at + 16),
    uid: bytes.readUInt32LE(at + 24),
    gid: bytes.readUInt32LE(at + 28),
    mtime: { seconds: Number(bytes.readBigInt64LE(at + 32)), nanoseconds: bytes.readUInt32LE(at + 40) },
    nlink: bytes.readUInt32LE(at + 44),
    ...readXattrs(bytes, superblock, at),
    target: "",
    chunks: [],
  };
  if (layout === "chunks") return { ...file, chunks: readChunks(bytes, file) };
  return (file.mode & TYPE_MASK) === SYMLINK ? { ...file, target: fromBuffer(dataOf(bytes, file)) } : file;
}

const LAYOUTS: ReadonlyMap<number, ErofsFile["layout"]> = new Map([
  [FLAT_PLAIN, "plain"],
  [FLAT_INLINE, "inline"],
  [CHUNK_BASED, "chunks"],
]);

/** Where what follows an inode and its xattrs begins. */
function endOfHead(bytes: Buffer, nid: number): number {
  const units = bytes.readUInt16LE(nid * INODE_SLOT + 2);
  const xattrs = units === 0 ? 0 : XATTR_HEADER_BYTES + (units - 1) * XATTR_ENTRY_BYTES;
  return nid * INODE_SLOT + INODE_BYTES + xattrs;
}

/** Data that the image itself holds: of directories and symlinks. */
function dataOf(bytes: Buffer, file: Pick<ErofsFile, "path" | "nid" | "layout" | "size" | "value">): Buffer {
  const tail = file.layout === "inline" ? file.size % BLOCK : 0;
  const start = file.value * BLOCK;
  const end = start + file.size - tail;
  const tailAt = endOfHead(bytes, file.nid);
  if (end > bytes.length || tailAt + tail > bytes.length) throw brokenErofs(`the data of "${file.path}" lie outside`);
  if (tail > 0 && (tailAt % BLOCK) + tail > BLOCK) throw brokenErofs(`the data of "${file.path}" cross a block`);
  return Buffer.concat([bytes.subarray(start, end), bytes.subarray(tailAt, tailAt + tail)]);
}

function readDirectory(data: Buffer, path: ByteString): { readonly name: ByteString; readonly nid: number }[] {
  const entries: { readonly name: ByteString; readonly nid: number }[] = [];
  for (let start = 0; start < data.length; start += BLOCK) {
    const block = data.subarray(start, start + BLOCK);
    const count = block.readUInt16LE(8) / DIRENT_BYTES;
    for (let i = 0; i < count; i++) {
      const at = block.readUInt16LE(i * DIRENT_BYTES + 8);
      const end = i + 1 < count ? block.readUInt16LE((i + 1) * DIRENT_BYTES + 8) : block.length;
      const name = fromBuffer(block.subarray(at, end)).split("\0", 1)[0] ?? "";
      const last = entries.at(-1)?.name ?? "";
      if (name <= last) throw brokenErofs(`the names in "${path}" are not in order`);
      entries.push({ name, nid: Number(block.readBigUInt64LE(i * DIRENT_BYTES)) });
    }
  }
  return entries;
}

function readChunks(bytes: Buffer, { path, nid, size, value }: Pick<ErofsFile, "path" | "nid" | "size" | "value">) {
  if ((value & CHUNK_INDEXES) === 0) throw brokenErofs(`the chunks of "${path}" are of another kind`);
  const count = Math.ceil(size / 2 ** ((value & (CHUNK_INDEXES - 1)) + BLOCK_BITS));
  const end = endOfHead(bytes, nid);
  const start = end + (-end & (CHUNK_INDEX_BYTES - 1));
  if (start + count * CHUNK_INDEX_BYTES > bytes.length) throw brokenErofs(`the chunks of "${path}" lie outside`);
  return Array.from({ length: count }, (_, i): ErofsChunk => {
    const at = start + i * CHUNK_INDEX_BYTES;
    const block = bytes.readUInt32LE(at + 4);
    return block === MAX_U32 ? undefined : { device: bytes.readUInt16LE(at + 2), block };
  });
}

function readXattrs(bytes: Buffer, { xattrBlock }: Superblock, at: number): Pick<ErofsFile, "xattrs" | "sharedXattrs"> {
  const xattrs = new Map<ByteString, Uint8Array>();
  const end = endOfHead(bytes, at / INODE_SLOT);
  const start = at + INODE_BYTES;
  if (end === start) return { xattrs, sharedXattrs: 0 };
  const sharedXattrs = bytes[start + 4] as number;
  let next = start + XATTR_HEADER_BYTES;
  for (let i = 0; i < sharedXattrs; i++, next += XATTR_ENTRY_BYTES) {
    readXattr(bytes, xattrBlock * BLOCK + bytes.readUInt32LE(next) * XATTR_ENTRY_BYTES, xattrs);
  }
  while (next < end) next = readXattr(bytes, next, xattrs);
  return { xattrs, sharedXattrs };
}

/** Reads one xattr; returns where the next begins. */
function readXattr(bytes: Buffer, at: number, xattrs: Map<ByteString, Uint8Array>): number {
  if (at + XATTR_ENTRY_BYTES > bytes.length) throw brokenErofs("an extended attribute lies outside");
  const valueAt = at + XATTR_ENTRY_BYTES + (bytes[at] as number);
  const end = valueAt + bytes.readUInt16LE(at + 2);
  const suffix = fromBuffer(bytes.subarray(at + XATTR_ENTRY_BYTES, valueAt));
  xattrs.set(wholeName({ index: bytes[at + 1] as number, suffix }), bytes.subarray(valueAt, end));
  return end + (-end & (XATTR_ENTRY_BYTES - 1));
}
