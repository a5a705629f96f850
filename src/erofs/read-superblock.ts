import { fromBuffer, StrataError } from "../base/index.ts";
import {
  BLOCK_BITS,
  DEVICE_SLOT_BYTES,
  DEVICE_TABLE_AT,
  DEVICE_TAG_BYTES,
  INCOMPAT_CHUNKED_FILE,
  INCOMPAT_DEVICE_TABLE,
  MAGIC,
  SMALLEST_IMAGE,
  SUPERBLOCK_AT,
} from "./on-disk.ts";
import { type DeviceSlot, headLength, type Superblock, superblockChecksum } from "./superblock.ts";

/** An image, or a part of one, is not as this room writes them. */
export function brokenErofs(why: string): StrataError {
  return new StrataError({ code: "erofs-broken", kind: "malformed", message: `The EROFS image is broken: ${why}` });
}

/**
 * Reads the superblock and the device table of an image that {@link writeErofs} wrote, and holds them against their checksum.
 *
 * @param head the beginning of the image: 1,536 bytes, and 128 more for each device
 * @throws StrataError `erofs-broken` (malformed)
 */
export function readSuperblock(head: Uint8Array): Superblock {
  if (head.length < SMALLEST_IMAGE) throw brokenErofs("it is cut short");
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  const u16 = (at: number): number => bytes.readUInt16LE(SUPERBLOCK_AT + at);
  const u32 = (at: number): number => bytes.readUInt32LE(SUPERBLOCK_AT + at);
  if (u32(0) !== MAGIC) throw brokenErofs("it has no superblock");
  if (u32(4) !== superblockChecksum(bytes)) throw brokenErofs("its superblock does not have its checksum");
  const features = u32(80);
  const isKnown = (features & ~(INCOMPAT_CHUNKED_FILE | INCOMPAT_DEVICE_TABLE)) === 0;
  if (bytes[SUPERBLOCK_AT + 12] !== BLOCK_BITS || !isKnown)
    throw brokenErofs("it has features that are not written here");
  if (u16(86) > 0 && u16(88) * DEVICE_SLOT_BYTES !== DEVICE_TABLE_AT) throw brokenErofs("its devices are elsewhere");
  if (bytes.length < headLength(u16(86))) throw brokenErofs("its device table is cut short");
  return {
    uuid: bytes.subarray(SUPERBLOCK_AT + 48, SUPERBLOCK_AT + 64),
    volumeName: textOf(bytes.subarray(SUPERBLOCK_AT + 64, SUPERBLOCK_AT + 80)),
    blocks: u32(36),
    inodes: u32(16),
    rootNid: u16(14),
    xattrBlock: u32(44),
    hasChunks: (features & INCOMPAT_CHUNKED_FILE) !== 0,
    devices: Array.from({ length: u16(86) }, (_, i) => deviceAt(bytes, DEVICE_TABLE_AT + i * DEVICE_SLOT_BYTES)),
  };
}

function deviceAt(bytes: Buffer, at: number): DeviceSlot {
  return {
    tag: textOf(bytes.subarray(at, at + DEVICE_TAG_BYTES)),
    blocks: bytes.readUInt32LE(at + 64),
    firstBlock: bytes.readUInt32LE(at + 68),
  };
}

/** Bytes up to the first NUL. */
function textOf(bytes: Uint8Array): string {
  return fromBuffer(bytes).split("\0", 1)[0] ?? "";
}
