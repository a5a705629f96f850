import { type ByteString, StrataError, toBuffer } from "../base/index.ts";
import { crc32c } from "./crc32c.ts";
import {
  BLOCK,
  BLOCK_BITS,
  COMPAT_CHECKSUM,
  COMPAT_MTIME,
  DEVICE_SLOT_BYTES,
  DEVICE_TABLE_AT,
  DEVICE_TAG_BYTES,
  INCOMPAT_CHUNKED_FILE,
  INCOMPAT_DEVICE_TABLE,
  MAGIC,
  SUPERBLOCK_AT,
} from "./on-disk.ts";

const VOLUME_NAME_AT = 64;
const VOLUME_NAME_BYTES = 16;
const UUID_BYTES = 16;

/** A device whose blocks the image refers to. */
export interface DeviceSlot {
  /** What the device holds, at most 64 bytes: for people and checks, the kernel ignores it. */
  readonly tag: ByteString;
  /** Length in blocks. */
  readonly blocks: number;
  /** Where the device begins in the one row of blocks that the image itself begins. */
  readonly firstBlock: number;
}

/** What the superblock says, without what is always the same. */
export interface Superblock {
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** At most 16 bytes. */
  readonly volumeName: ByteString;
  /** Length of the image itself. */
  readonly blocks: number;
  readonly inodes: number;
  readonly rootNid: number;
  /** Where shared xattrs begin, in blocks. */
  readonly xattrBlock: number;
  readonly hasChunks: boolean;
  readonly devices: readonly DeviceSlot[];
}

/** Length of the superblock and the device table with all that lies before them. */
export function headLength(devices: number): number {
  return DEVICE_TABLE_AT + devices * DEVICE_SLOT_BYTES;
}

/** The beginning of an image with the superblock and the device table; its checksum comes last ({@link sealSuperblock}). */
export function encodeSuperblock(superblock: Superblock): Uint8Array {
  const { uuid, volumeName, devices } = superblock;
  assertNames(uuid, volumeName);
  const bytes = new Uint8Array(headLength(devices.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const u16 = (at: number, value: number): void => view.setUint16(SUPERBLOCK_AT + at, value, true);
  const u32 = (at: number, value: number): void => view.setUint32(SUPERBLOCK_AT + at, value, true);
  u32(0, MAGIC);
  u32(8, COMPAT_CHECKSUM | COMPAT_MTIME);
  view.setUint8(SUPERBLOCK_AT + 12, BLOCK_BITS);
  u16(14, superblock.rootNid);
  u32(16, superblock.inodes);
  u32(36, superblock.blocks);
  u32(44, superblock.xattrBlock);
  bytes.set(uuid, SUPERBLOCK_AT + 48);
  bytes.set(toBuffer(volumeName), SUPERBLOCK_AT + VOLUME_NAME_AT);
  const features =
    (superblock.hasChunks ? INCOMPAT_CHUNKED_FILE : 0) | (devices.length > 0 ? INCOMPAT_DEVICE_TABLE : 0);
  u32(80, features);
  u16(86, devices.length);
  u16(88, DEVICE_TABLE_AT / DEVICE_SLOT_BYTES);
  devices.forEach(({ tag, blocks, firstBlock }, i) => {
    const at = DEVICE_TABLE_AT + i * DEVICE_SLOT_BYTES;
    bytes.set(toBuffer(tag.slice(0, DEVICE_TAG_BYTES)), at);
    view.setUint32(at + 64, blocks, true);
    view.setUint32(at + 68, firstBlock, true);
  });
  return bytes;
}

/** Checksum of a superblock: of its whole block, in which the checksum's own bytes count as zeros. */
export function superblockChecksum(bytes: Uint8Array): number {
  const block = bytes.slice(SUPERBLOCK_AT, SUPERBLOCK_AT + BLOCK);
  block.fill(0, 4, 8);
  return crc32c(block);
}

/** Puts the checksum into a superblock whose block is complete. */
export function sealSuperblock(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(SUPERBLOCK_AT + 4, superblockChecksum(bytes), true);
}

function assertNames(uuid: Uint8Array, volumeName: ByteString): void {
  if (uuid.length === UUID_BYTES && volumeName.length <= VOLUME_NAME_BYTES) return;
  throw new StrataError({
    code: "invalid-erofs-name",
    kind: "invalid-argument",
    message: `The uuid of an EROFS image has 16 bytes and its name at most 16, not ${uuid.length} and ${volumeName.length}`,
  });
}
