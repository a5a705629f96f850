import * as fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "./hasher.ts";
import { verifyBytes, verifyStream } from "./verify.ts";

async function* inChunks(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; code: string | undefined }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), code: undefined };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), code: (error as { code: string }).code };
  }
}

const content = Buffer.from("the bytes of a blob");
const digest = digestOf(content);
const expected = { digest, size: content.length, what: "blob" };

test("the right bytes pass unchanged, whatever their chunks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), async (bytes, length) => {
      const right = { digest: digestOf(bytes), size: bytes.length, what: "blob" };
      const read = await drain(verifyStream(inChunks(bytes, length), right));
      expect(read.code).toBeUndefined();
      expect(read.bytes.equals(bytes)).toBe(true);
    }),
  );
});

test("any flipped bit is refused", () => {
  fc.assert(
    fc.property(fc.nat({ max: content.length * 8 - 1 }), (bit) => {
      const bytes = Uint8Array.from(content);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => verifyBytes(bytes, expected)).toThrow(expect.objectContaining({ code: "digest-mismatch" }));
    }),
  );
});

test("too long, too short and wrong are told apart, all of kind integrity", async () => {
  const longer = Buffer.concat([content, Buffer.from("!")]);
  const wrong = Buffer.from(content).fill(0);
  expect(() => verifyBytes(longer, expected)).toThrow(
    expect.objectContaining({ code: "blob-too-long", kind: "integrity" }),
  );
  expect(() => verifyBytes(content.subarray(1), expected)).toThrow(expect.objectContaining({ code: "blob-too-short" }));
  expect(() => verifyBytes(wrong, expected)).toThrow(expect.objectContaining({ code: "digest-mismatch" }));
});

test("an endless stream is stopped at the promised size, before the surplus is passed on", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield content;
    for (;;) yield Buffer.from("x");
  }
  const read = await drain(verifyStream(endless(), expected));
  expect(read).toEqual({ bytes: content, code: "blob-too-long" });
});

test("without a size the digest alone decides, with sha512 too", async () => {
  const right = { digest: digestOf(content, "sha512"), what: "blob" };
  expect((await drain(verifyStream(inChunks(content, 3), right))).code).toBeUndefined();
  expect((await drain(verifyStream(inChunks(content.subarray(1), 3), right))).code).toBe("digest-mismatch");
});
