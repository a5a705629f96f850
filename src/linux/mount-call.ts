import type { ByteString } from "../base/index.ts";
import { assertDone, cString, libcFunction } from "./libc.ts";

/** Flags of mount(2), of a mount and of a file system: the words that are not passed on as text. */
export const MOUNT_FLAGS: ReadonlyMap<ByteString, number> = new Map([
  ["ro", 0x1],
  ["nosuid", 0x2],
  ["nodev", 0x4],
  ["noexec", 0x8],
  ["sync", 0x10],
  ["dirsync", 0x80],
  ["noatime", 0x400],
  ["nodiratime", 0x800],
  ["relatime", 0x200_000],
  ["strictatime", 0x1_000_000],
  ["lazytime", 0x2_000_000],
  ["silent", 0x8000],
]);
/** The opposite of a flag: nothing has to be done. */
export const DEFAULT_WORDS = new Set<ByteString>([
  "rw",
  "suid",
  "dev",
  "exec",
  "async",
  "atime",
  "diratime",
  "defaults",
]);

const call = libcFunction<[Buffer, Buffer, Buffer, number, Buffer]>(
  "int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)",
);

/** What mount(2) is given. */
export interface MountCall {
  readonly source: ByteString;
  readonly target: ByteString;
  readonly type: ByteString;
  readonly flags: number;
  readonly data: ByteString;
}

/** mount(2). @throws an errno error */
export function callMount({ source, target, type, flags, data }: MountCall): void {
  assertDone(call(cString(source), cString(target), cString(type), flags, cString(data)), "mount", target);
}
