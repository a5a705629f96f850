import { StrataError } from "../base/index.ts";
import { columnBytes, viewColumns } from "./columns.ts";
import { LayerIndex } from "./layer-index.ts";

/** "SLI" and the version of the layout; raise it when the columns or the extras change. */
const MAGIC = 0x534c_4901;
const HEADER_BYTES = 32;

/**
 * The compact form of an index: header (`u32 magic, u32 0, f64 count, f64 tarSize, u32 text, u32 extras`), columns, text, extras,
 * little endian. Ownership of the result passes to the caller. Nothing in it depends on when or where it was made.
 */
export function encodeLayerIndex(index: LayerIndex): Uint8Array<ArrayBuffer> {
  const columnsEnd = HEADER_BYTES + columnBytes(index.count);
  const bytes = new Uint8Array(columnsEnd + index.text.length + index.extras.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, MAGIC, true);
  header.setFloat64(8, index.count, true);
  header.setFloat64(16, index.tarSize, true);
  header.setUint32(24, index.text.length, true);
  header.setUint32(28, index.extras.length, true);
  bytes.set(
    new Uint8Array(index.columns.dataOffset.buffer, index.columns.dataOffset.byteOffset, columnBytes(index.count)),
    HEADER_BYTES,
  );
  bytes.set(index.text, columnsEnd);
  bytes.set(index.extras, columnsEnd + index.text.length);
  return bytes;
}

/**
 * Reads what {@link encodeLayerIndex} wrote. The index is a view of `bytes`, which must not change afterwards.
 *
 * @throws StrataError `index-unreadable` (malformed) when it is of another version, cut short or too long.
 *   The content of the columns is trusted: keep a checksum beside it.
 */
export function decodeLayerIndex(bytes: Uint8Array): LayerIndex {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const buffer = aligned.buffer as ArrayBuffer;
  const start = aligned.byteOffset;
  if (aligned.length < HEADER_BYTES) throw unreadable();
  const header = new DataView(buffer, start);
  const count = header.getFloat64(8, true);
  const textLength = header.getUint32(24, true);
  const extrasLength = header.getUint32(28, true);
  if (header.getUint32(0, true) !== MAGIC || !Number.isSafeInteger(count) || count < 0) throw unreadable();
  const textStart = HEADER_BYTES + columnBytes(count);
  if (textStart + textLength + extrasLength !== aligned.length) throw unreadable();
  return new LayerIndex({
    count,
    tarSize: header.getFloat64(16, true),
    columns: viewColumns(buffer, start + HEADER_BYTES, count),
    text: Buffer.from(buffer, start + textStart, textLength),
    extras: Buffer.from(buffer, start + textStart + textLength, extrasLength),
  });
}

function unreadable(): StrataError {
  return new StrataError({
    code: "index-unreadable",
    kind: "malformed",
    message: "These bytes are not a layer index of this version",
  });
}
