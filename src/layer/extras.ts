import type { ByteString } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";

/** What few entries have: kept aside so that the columns stay small. */
export interface Extras {
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly sparse: readonly SparseRun[] | undefined;
}

export const NO_EXTRAS: Extras = { xattrs: new Map(), sparse: undefined };

/** Of a sparse file without data: without any run it would not be sparse. */
const NO_DATA: readonly SparseRun[] = [{ offset: 0, length: 0 }];

/** `u16 xattrs, (u16 length, name, u32 length, value)*, u32 runs, (f64 offset, f64 length)*`, little endian. */
export function encodeExtras({ xattrs, sparse: given }: Partial<Extras>): Buffer {
  const sparse = given?.length === 0 ? NO_DATA : (given ?? []);
  const parts: Buffer[] = [];
  const head = Buffer.alloc(2);
  head.writeUInt16LE(xattrs?.size ?? 0);
  parts.push(head);
  for (const [name, value] of xattrs ?? []) parts.push(...encodeXattr(name, value));
  const runs = Buffer.alloc(4 + 16 * sparse.length);
  runs.writeUInt32LE(sparse.length);
  sparse.forEach((run, i) => {
    runs.writeDoubleLE(run.offset, 4 + 16 * i);
    runs.writeDoubleLE(run.length, 12 + 16 * i);
  });
  return Buffer.concat([...parts, runs]);
}

function encodeXattr(name: ByteString, value: Uint8Array): Buffer[] {
  const lengths = [Buffer.alloc(2), Buffer.alloc(4)] as const;
  lengths[0].writeUInt16LE(name.length);
  lengths[1].writeUInt32LE(value.length);
  return [lengths[0], Buffer.from(name, "latin1"), lengths[1], Buffer.from(value)];
}

/** Reads one record of {@link encodeExtras} at `start`. Values are views of `bytes`. */
export function decodeExtras(bytes: Buffer, start: number): Extras {
  const xattrs = new Map<ByteString, Uint8Array>();
  let at = start + 2;
  for (let left = bytes.readUInt16LE(start); left > 0; left--) {
    const nameEnd = at + 2 + bytes.readUInt16LE(at);
    const valueEnd = nameEnd + 4 + bytes.readUInt32LE(nameEnd);
    xattrs.set(bytes.toString("latin1", at + 2, nameEnd), bytes.subarray(nameEnd + 4, valueEnd));
    at = valueEnd;
  }
  const runs = bytes.readUInt32LE(at);
  return { xattrs, sparse: runs === 0 ? undefined : decodeRuns(bytes, at + 4, runs) };
}

function decodeRuns(bytes: Buffer, start: number, count: number): SparseRun[] {
  return Array.from({ length: count }, (_, i) => ({
    offset: bytes.readDoubleLE(start + 16 * i),
    length: bytes.readDoubleLE(start + 16 * i + 8),
  }));
}
