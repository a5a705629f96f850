import { arch } from "node:os";
import type { ByteString } from "../base/index.ts";
import { namesIn } from "./files-at.ts";
import { assertDone, libcFunction } from "./libc.ts";

/** The number of getdents64(2), which not every C library has a function for. */
const GETDENTS64: Readonly<Record<string, number | undefined>> = { x64: 217, arm64: 61 };
const callGetdents = libcFunction<[number: number, directory: number, answer: Buffer, size: number]>(
  "int64_t syscall(int64_t number, int64_t directory, void *answer, size_t size)",
);
/** Of struct linux_dirent64: its own length, the type, the name up to a NUL. */
const [RECORD_LENGTH, TYPE, NAME] = [16, 18, 19];
/** What `S_IFMT` takes of a mode is the type of a record, so much further left. */
const TYPE_SHIFT = 12;

/** Calls are synchronous, so one buffer serves all of them. */
const answer = Buffer.alloc(32 * 1024);

/** A name in a directory, and what the directory says that it is: `S_IFREG` …; 0 where it does not say. */
export interface TypedName {
  readonly name: ByteString;
  readonly type: number;
}

/** The names in a directory that was just opened, in no order, with their types. @throws an errno error as Node's */
export function typedNamesIn(directory: number): TypedName[] {
  const call = GETDENTS64[arch()];
  if (call === undefined) return namesIn(directory).map((name) => ({ name, type: 0 }));
  const names: TypedName[] = [];
  for (;;) {
    const length = callGetdents(call, directory, answer, answer.length);
    assertDone(length, "getdents64", "");
    if (length === 0) return names;
    for (let at = 0; at < length; at += answer.readUInt16LE(at + RECORD_LENGTH)) {
      const name = answer.toString("latin1", at + NAME, answer.indexOf(0, at + NAME));
      if (name !== "." && name !== "..") names.push({ name, type: (answer[at + TYPE] as number) << TYPE_SHIFT });
    }
  }
}
