import { type ByteString, toBuffer } from "../base/index.ts";
import { type Attribute, BLOCK_DEVICE, CHAR_DEVICE, PIPE, PLAIN_FILE, type Rows, SYMBOLIC_LINK } from "./work-list.ts";

/** Where owner, mode and type stand when they cannot be applied (containers-storage.conf(5), `force_mask`). */
export const OVERRIDE_STAT: ByteString = "user.containers.override_stat";

/** Owner, mode and type of a row in the form of containers-storage: `uid:gid:0mode:type`. */
export function overrideStat(rows: Rows, row: number): Attribute {
  const mode = (rows.mode[row] as number).toString(8);
  const value = `${rows.uid[row]}:${rows.gid[row]}:0${mode}:${typeName(rows, row)}`;
  return { name: OVERRIDE_STAT, value: toBuffer(value) };
}

function typeName(rows: Rows, row: number): string {
  switch (rows.kind[row]) {
    case PLAIN_FILE:
      return "file";
    case SYMBOLIC_LINK:
      return "symlink";
    case CHAR_DEVICE:
      return `char-${rows.major[row]}-${rows.minor[row]}`;
    case BLOCK_DEVICE:
      return `block-${rows.major[row]}-${rows.minor[row]}`;
    case PIPE:
      return "pipe";
    default:
      return "dir";
  }
}
