import { StrataError } from "../base/index.ts";
import { algorithmOf, type DiffId, type Digest } from "./digest.ts";
import { createHasher } from "./hasher.ts";

/** What bytes must turn out to be. */
export interface Expected {
  /** A blob's digest, or a diffID when the bytes are the uncompressed tar. */
  readonly digest: Digest | DiffId;
  /** Length in bytes; left out where only the digest is known. */
  readonly size?: number | undefined;
  /** Names the thing in messages: `layer 2`, `config`. */
  readonly what: string;
}

/**
 * Passes a stream through and judges it: never yields more than the expected size, and ends only when size and
 * digest are right. A consumer that stops early has verified nothing.
 * @throws StrataError of kind integrity: `blob-too-long` before the first surplus byte is passed on;
 * at the end `blob-too-short` or `digest-mismatch`.
 */
export async function* verifyStream(stream: AsyncIterable<Uint8Array>, expected: Expected): AsyncGenerator<Uint8Array> {
  const verifier = createVerifier(expected);
  for await (const chunk of stream) {
    verifier.update(chunk);
    yield chunk;
  }
  verifier.finish();
}

/** {@link verifyStream} for bytes in memory; returns them. */
export function verifyBytes<Bytes extends Uint8Array>(bytes: Bytes, expected: Expected): Bytes {
  const verifier = createVerifier(expected);
  verifier.update(bytes);
  verifier.finish();
  return bytes;
}

/** The push form of {@link verifyStream}. */
export interface Verifier {
  /** Adds bytes. @throws StrataError `blob-too-long` */
  update(chunk: Uint8Array): void;
  /** To be called once, at the end. @throws StrataError `blob-too-short` or `digest-mismatch` */
  finish(): void;
}

/** Starts the judgement of bytes that arrive in chunks. */
export function createVerifier({ digest, size, what }: Expected): Verifier {
  const hasher = createHasher(algorithmOf(digest));
  let seen = 0;
  const refuse = (code: string, problem: string): StrataError =>
    new StrataError({
      code,
      kind: "integrity",
      message: `The ${what} ${problem}`,
      details: { digest, offset: seen },
    });
  return {
    update(chunk) {
      if (size !== undefined && seen + chunk.length > size) {
        throw refuse("blob-too-long", `is longer than the ${size} bytes that its descriptor promises`);
      }
      hasher.update(chunk);
      seen += chunk.length;
    },
    finish() {
      if (size !== undefined && seen < size) {
        throw refuse("blob-too-short", `ends after ${seen} of the ${size} bytes that its descriptor promises`);
      }
      const actual = hasher.digest();
      if (actual !== (digest as string)) {
        throw refuse("digest-mismatch", `should have the digest ${digest} but has ${actual}`);
      }
    },
  };
}
