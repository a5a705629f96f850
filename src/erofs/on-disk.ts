/**
 * Numbers of the on-disk format (the kernel's fs/erofs/erofs_fs.h), as far as images of this room use it. Everything is
 * little endian; positions count in bytes from the start of the image.
 */

/** Bytes of a block: those of tar, so that a file can begin wherever its data does in an archive. */
export const BLOCK = 512;
export const BLOCK_BITS = 9;

export const SUPERBLOCK_AT = 1024;
const SUPERBLOCK_BYTES = 128;
/** The superblock's checksum is that of a whole block. */
export const SMALLEST_IMAGE: number = SUPERBLOCK_AT + BLOCK;
export const MAGIC = 0xe0f5_e1e2;
/** One device slot; the table follows the superblock. */
export const DEVICE_SLOT_BYTES = 128;
export const DEVICE_TABLE_AT = SUPERBLOCK_AT + SUPERBLOCK_BYTES;
export const DEVICE_TAG_BYTES = 64;

/** feature_compat: the superblock has a checksum; inodes have an mtime. */
export const COMPAT_CHECKSUM = 1;
export const COMPAT_MTIME = 2;
/** feature_incompat: some files have chunk maps; there is a device table. */
export const INCOMPAT_CHUNKED_FILE = 4;
export const INCOMPAT_DEVICE_TABLE = 8;

/** An inode's number is its position in units of this. */
export const INODE_SLOT = 32;
/** Bytes of an extended inode, the only kind that is written. */
export const INODE_BYTES = 64;
/** Bit 0 of i_format: extended; above it the data layout. */
export const EXTENDED = 1;
export const LAYOUT_SHIFT = 1;
/** Data in consecutive blocks from i_u on. */
export const FLAT_PLAIN = 0;
/** The same, but what does not fill a block lies behind the inode, in one block with it. */
export const FLAT_INLINE = 2;
/** A table of chunks behind the inode. */
export const CHUNK_BASED = 4;

/** Of the chunk format: entries of 8 bytes that name a device. Its low bits are the size of a chunk in blocks, as a power. */
export const CHUNK_INDEXES = 0x20;
export const CHUNK_INDEX_BYTES = 8;
/** No chunk may have more bits of size than this above {@link BLOCK_BITS}. */
export const MAX_CHUNK_BITS = BLOCK_BITS + 31;

export const DIRENT_BYTES = 12;

/** Header of the xattrs behind an inode; entries and their padding count in units of 4 bytes. */
export const XATTR_HEADER_BYTES = 12;
export const XATTR_ENTRY_BYTES = 4;

/** Positions and numbers that are held in 32 bits. */
export const MAX_U32 = 0xffff_ffff;

/** Rounds up to whole blocks. */
export function wholeBlocks(bytes: number): number {
  const part = bytes % BLOCK;
  return part === 0 ? bytes : bytes + BLOCK - part;
}

/** Rounds up to where an inode may begin. */
export function wholeInodeSlots(bytes: number): number {
  const part = bytes % INODE_SLOT;
  return part === 0 ? bytes : bytes + INODE_SLOT - part;
}
