import { type ByteString, fromText, isUtf8, toText } from "../base/index.ts";

const HARMLESS = /^[\x20-\x7e]*$/;
/** Control characters of both sets, and those that turn the direction of text. */
const UNSAFE_TEXT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const UNSAFE_BYTES = /[^\x20-\x7e]/g;

/** A name that cannot harm a terminal: control characters, and bytes that are not UTF-8, become `\ooo`, as `ls -b` has it. */
export function printable(name: ByteString): ByteString {
  if (HARMLESS.test(name)) return name;
  if (!isUtf8(name)) return name.replace(UNSAFE_BYTES, escapeBytes);
  return fromText(toText(name).replace(UNSAFE_TEXT, (character) => escapeBytes(fromText(character))));
}

/** {@link printable} for text: what an image's documents say is no more to be trusted than its names. */
export function printableText(text: string): string {
  return text.replace(UNSAFE_TEXT, (character) => escapeBytes(fromText(character)));
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function escapeBytes(bytes: ByteString): string {
  return NAMED[bytes] ?? [...bytes].map((byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`).join("");
}
