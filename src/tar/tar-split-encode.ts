import { type ByteSource, isUtf8, toText } from "../base/index.ts";
import { readTar, type ScanTarOptions } from "./scan-tar.ts";
import { malformedTar } from "./tar-error.ts";
import { Crc64 } from "./tar-split-crc.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * The tar-split journal of a tar, as uncompressed JSON lines: with it and the files, {@link tarSplitSource} gives the same
 * tar. The data of sparse files stays in the journal, because a file system gives it back in another form.
 *
 * @throws when iterated: what {@link readTar} throws for a tar that it cannot read
 */
export async function* encodeTarSplit(tar: ByteSource, options: ScanTarOptions = {}): AsyncGenerator<Uint8Array, void> {
  let position = 0;
  let done = 0;
  const line = (fields: object): Uint8Array => Buffer.from(`${JSON.stringify({ ...fields, position: position++ })}\n`);
  async function* segmentTo(end: number): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of tar.stream({ start: done, end })) yield line({ type: 2, payload: base64(chunk) });
    done = end;
  }
  for await (const { name, type, size, storedSize, dataOffset } of readTar(tar, options)) {
    const hasData = type === "file" && size > 0 && size === storedSize;
    yield* segmentTo(dataOffset);
    const named = isUtf8(name) ? { name: toText(name) } : { name_raw: base64(Buffer.from(name, "latin1")) };
    if (!hasData) {
      yield line({ type: 1, ...named, payload: null });
      continue;
    }
    const payload = await checksumOf(tar, dataOffset, size);
    yield line({ type: 1, ...named, size, payload });
    done = dataOffset + size;
  }
  yield* segmentTo(tar.size);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

async function checksumOf(tar: ByteSource, start: number, size: number): Promise<string> {
  const checksum = new Crc64();
  const buffer = new Uint8Array(Math.min(size, CHUNK_BYTES));
  for (let done = 0; done < size; ) {
    const part = buffer.subarray(0, Math.min(buffer.length, size - done));
    const count = await tar.read(part, start + done);
    if (count === 0) throw malformedTar("tar-truncated", "ends before its data does", { offset: start + done });
    checksum.update(part.subarray(0, count));
    done += count;
  }
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(checksum.high, 0);
  bytes.writeUInt32BE(checksum.low, 4);
  return base64(bytes);
}
