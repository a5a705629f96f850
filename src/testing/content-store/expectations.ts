import assert from "node:assert/strict";
import { readAll } from "../../base/index.ts";
import type { BlobInfo, ContentStore, ExpectedBlob } from "../../content/index.ts";
import { type Descriptor, type DigestAlgorithm, digestOf } from "../../oci/index.ts";

/** Bytes that are the same every time and nowhere periodic enough to hide a misplaced chunk. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** What is to be expected of these bytes. */
export function descriptorOf(
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = "sha256",
): Pick<Descriptor, "digest" | "size"> {
  return { digest: digestOf(bytes, algorithm), size: bytes.length };
}

/** Takes bytes in under that ref, in one write. */
export async function put(
  store: ContentStore,
  ref: string,
  bytes: Uint8Array,
  expected: ExpectedBlob = {},
): Promise<BlobInfo> {
  await using ingest = await store.ingest(ref, expected);
  await ingest.write(bytes);
  return await ingest.commit();
}

/** Begins the ingest, writes, and walks away. */
export async function leave(
  store: ContentStore,
  ref: string,
  bytes: Uint8Array,
  expected: ExpectedBlob = {},
): Promise<void> {
  await using ingest = await store.ingest(ref, expected);
  await ingest.write(bytes);
}

/** The blob is here, whole. */
export async function assertHolds(store: ContentStore, bytes: Uint8Array, digest = digestOf(bytes)): Promise<void> {
  const info = await store.stat(digest);
  assert.equal(info?.size, bytes.length);
  await using source = await store.open(digest);
  assert.equal(source.size, bytes.length);
  assert.ok(Buffer.from(await readAll(source)).equals(bytes), "the bytes are others");
}

/** These blobs are here and no others. */
export async function assertLists(store: ContentStore, expected: readonly Uint8Array[]): Promise<void> {
  const listed = await collect(store.list());
  assert.deepEqual(
    listed.map(({ digest, size }) => `${digest} ${size}`).sort(),
    expected.map((bytes) => `${digestOf(bytes)} ${bytes.length}`).sort(),
  );
}

/** It fails with that code. */
export async function assertFails(action: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(action, (error: { code?: unknown }) => {
    assert.equal(error.code, code);
    return true;
  });
}

/** All values of a stream. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
