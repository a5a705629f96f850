/**
 * Bytes as a JavaScript string: each character's code (0–255) is one byte ("latin1").
 *
 * File names on Linux are bytes, not text. As byte strings they stay exact, compare and sort as unsigned bytes,
 * serve as map keys and cost one byte per character in V8. For ASCII they look the same as text;
 * everything else must pass through {@link toText} before a person reads it.
 */
export type ByteString = string;

const HAS_HIGH_BYTE = /[\u0080-\u00ff]/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes text as UTF-8 bytes. */
export function fromText(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Decodes UTF-8 for display; bytes that are not UTF-8 become U+FFFD. */
export function toText(bytes: ByteString): string {
  return HAS_HIGH_BYTE.test(bytes) ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;
}

/** Whether {@link toText} loses nothing. */
export function isUtf8(bytes: ByteString): boolean {
  if (!HAS_HIGH_BYTE.test(bytes)) return true;
  try {
    strictUtf8.decode(Buffer.from(bytes, "latin1"));
    return true;
  } catch {
    return false;
  }
}

/** The bytes themselves, in a new buffer. */
export function toBuffer(bytes: ByteString): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** Takes bytes as they are. */
export function fromBuffer(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
