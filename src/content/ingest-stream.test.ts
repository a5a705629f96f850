import { beforeEach, expect, test } from "vitest";
import { digestOf } from "../oci/index.ts";
import type { ContentStore } from "./content-store.ts";
import { createMemoryContentStore } from "./drivers/memory/memory-content-store.ts";
import { ingestStream } from "./ingest-stream.ts";

const BYTES = Buffer.from("the bytes of a blob that comes from elsewhere");
const DIGEST = digestOf(BYTES);
const EXPECTED = { digest: DIGEST, size: BYTES.length };
const REF = DIGEST;

let store: ContentStore;
/** The offsets at which the source was asked for its bytes. */
let asked: number[];
beforeEach(() => {
  store = createMemoryContentStore();
  asked = [];
});

/** A source that gives these bytes in chunks of 7, and fails or stops after so many bytes when told. */
function source(bytes: Uint8Array = BYTES, { failAfter = Number.POSITIVE_INFINITY, end = bytes.length } = {}) {
  return async function* (offset: number): AsyncGenerator<Uint8Array> {
    asked.push(offset);
    for (let at = offset; at < end; at += 7) {
      if (at - offset >= failAfter) throw new Error("the line went dead");
      yield bytes.subarray(at, Math.min(at + 7, end));
    }
  };
}

async function begin(bytes: Uint8Array): Promise<void> {
  await using ingest = await store.ingest(REF, EXPECTED);
  await ingest.write(bytes);
}

async function left(): Promise<number | undefined> {
  for await (const { offset } of store.ingests()) return offset;
  return undefined;
}

test("a blob comes over, and is not asked for again", async () => {
  const progress: number[] = [];
  const taken = await ingestStream(
    store,
    { expected: EXPECTED, open: source() },
    { onProgress: (n) => progress.push(n) },
  );
  expect(taken).toMatchObject({ digest: DIGEST, size: BYTES.length, result: "transferred", transferred: BYTES.length });
  expect(progress).toEqual([0, 7, 14, 21, 28, 35, 42, BYTES.length]);
  const again = await ingestStream(store, { expected: EXPECTED, open: source() });
  expect(again).toMatchObject({ result: "present", transferred: 0, size: BYTES.length });
  expect(asked).toEqual([0]);
});

test("a transfer that broke off goes on where it ended", async () => {
  const broken = ingestStream(store, { expected: EXPECTED, open: source(BYTES, { failAfter: 14 }) });
  await expect(broken).rejects.toThrow("the line went dead");
  expect(await left()).toBe(14);
  const progress: number[] = [];
  const { result, transferred } = await ingestStream(
    store,
    { expected: EXPECTED, open: source() },
    { onProgress: (n) => progress.push(n) },
  );
  expect({ result, transferred }).toEqual({ result: "transferred", transferred: BYTES.length - 14 });
  expect(asked).toEqual([0, 14]);
  expect(progress[0]).toBe(14);
});

test("a transfer that lacked only its commit asks for nothing", async () => {
  await begin(BYTES);
  expect(await ingestStream(store, { expected: EXPECTED, open: source() })).toMatchObject({ transferred: 0 });
  expect(asked).toEqual([]);
  expect(await store.stat(DIGEST)).toBeDefined();
});

test.each([
  ["in the middle", Buffer.from("poison")],
  ["at its end", Buffer.alloc(BYTES.length, "poison")],
])("a wrong beginning, resumed %s, is fetched anew once", async (_, poison) => {
  await begin(poison);
  const progress: number[] = [];
  await ingestStream(store, { expected: EXPECTED, open: source() }, { onProgress: (n) => progress.push(n) });
  expect(asked.at(-1)).toBe(0);
  expect(progress).toContain(0);
  expect(await store.stat(DIGEST)).toBeDefined();
});

test("a source that ignores the offset is noticed by the size, and asked once more from the start", async () => {
  await begin(BYTES.subarray(0, 7));
  const ignorant = (): AsyncIterable<Uint8Array> => source()(0);
  await ingestStream(store, { expected: EXPECTED, open: ignorant });
  expect(await store.stat(DIGEST)).toBeDefined();
});

test.each([
  ["another digest", Buffer.alloc(BYTES.length, "x"), "digest-mismatch"],
  ["no end", Buffer.alloc(1000, "x"), "blob-size-mismatch"],
])("a source of %s is asked once, refused, and leaves nothing", async (_, bytes, code) => {
  const taken = ingestStream(store, { expected: EXPECTED, open: source(bytes) });
  await expect(taken).rejects.toThrow(expect.objectContaining({ code, kind: "integrity" }));
  expect(asked).toEqual([0]);
  expect(await left()).toBeUndefined();
  expect(await store.stat(DIGEST)).toBeUndefined();
});

test("a wrong source is refused after the one new start", async () => {
  await begin(Buffer.from("poison"));
  const taken = ingestStream(store, { expected: EXPECTED, open: source(Buffer.alloc(BYTES.length, "x")) });
  await expect(taken).rejects.toThrow(expect.objectContaining({ code: "digest-mismatch" }));
  expect(asked).toEqual([6, 0]);
});

test("a source that ends too early leaves what it gave", async () => {
  const taken = ingestStream(store, { expected: EXPECTED, open: source(BYTES, { end: 20 }) });
  await expect(taken).rejects.toThrow(expect.objectContaining({ code: "transfer-cut-short", kind: "unavailable" }));
  expect(await left()).toBe(20);
});

test("a signal ends the transfer between two chunks, and the next one goes on from there", async () => {
  const stop = new AbortController();
  const onProgress = (bytes: number): void => {
    if (bytes === 21) stop.abort();
  };
  const taken = ingestStream(store, { expected: EXPECTED, open: source() }, { signal: stop.signal, onProgress });
  await expect(taken).rejects.toThrow(expect.objectContaining({ kind: "aborted" }));
  expect(await left()).toBe(21);
  await ingestStream(store, { expected: EXPECTED, open: source() });
  expect(asked).toEqual([0, 21]);
});

test("of many who want one blob at once, one transfers it", async () => {
  const taken = await Promise.all(
    Array.from({ length: 5 }, () => ingestStream(store, { expected: EXPECTED, open: source() })),
  );
  expect(taken.map(({ result }) => result).sort()).toEqual(["present", "present", "present", "present", "transferred"]);
  expect(asked).toEqual([0]);
});

test("without a digest nothing is resumed, and a ref is needed", async () => {
  await begin(Buffer.from("other"));
  const taken = await ingestStream(store, { ref: "by name", expected: {}, open: source() });
  expect(taken.digest).toBe(DIGEST);
  await expect(ingestStream(store, { expected: {}, open: source() })).rejects.toThrow(
    expect.objectContaining({ code: "ingest-without-ref" }),
  );
});
