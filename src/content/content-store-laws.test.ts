import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Digest, digestOf, digestStream } from "../oci/index.ts";
import type { ContentStore, Ingest } from "./content-store.ts";
import { createLocalContentStore } from "./drivers/local/local-content-store.ts";
import { createMemoryContentStore } from "./drivers/memory/memory-content-store.ts";

const BLOB = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 2_654_435_761) >>> 24));
const EXPECTED = { digest: digestOf(BLOB), size: BLOB.length };

type Step =
  | { readonly kind: "write"; readonly length: number; readonly isWrong: boolean }
  | { readonly kind: "leave" | "abort" | "restart" | "commit" | "remove" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), length: chunk(), isWrong: rarely() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("leave", "commit") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("abort", "restart", "remove") }) },
);

/** Lengths on both sides of what is collected before it is written; the last one is what is missing. */
function chunk(): fc.Arbitrary<number> {
  return fc.constantFrom(0, 1, 1000, 262_143, 262_144, 300_000, BLOB.length);
}

function rarely(): fc.Arbitrary<boolean> {
  return fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
}

/** The port as it would be if nothing could go wrong: the bytes that are there, and what is visible. */
class Model {
  bytes: Buffer = Buffer.alloc(0);
  isVisible = false;
}

/** Follows the steps on both; after each the two must agree. */
async function follow(store: ContentStore, steps: readonly Step[]): Promise<void> {
  const model = new Model();
  let ingest = await store.ingest("ref", EXPECTED);
  for (const each of steps) {
    ingest = await act(store, { ingest, model }, each);
    expect(ingest.offset).toBe(model.bytes.length);
    expect(await visible(store)).toEqual(model.isVisible ? [EXPECTED.digest] : []);
  }
  await ingest[Symbol.asyncDispose]();
}

interface World {
  readonly ingest: Ingest;
  readonly model: Model;
}

async function act(store: ContentStore, { ingest, model }: World, each: Step): Promise<Ingest> {
  switch (each.kind) {
    case "write":
      await write(ingest, model, each);
      return ingest;
    case "restart":
      model.bytes = Buffer.alloc(0);
      await ingest.restart();
      return ingest;
    case "remove":
      expect(await store.remove(EXPECTED.digest)).toBe(model.isVisible);
      model.isVisible = false;
      return ingest;
    case "commit":
      await commit(ingest, model);
      break;
    case "abort":
      model.bytes = Buffer.alloc(0);
      await ingest.abort();
      break;
    case "leave":
      break;
  }
  await ingest[Symbol.asyncDispose]();
  return await store.ingest("ref", EXPECTED);
}

async function write(ingest: Ingest, model: Model, { length, isWrong }: Step & { kind: "write" }): Promise<void> {
  const start = model.bytes.length;
  const fits = length === BLOB.length ? BLOB.length - start : length;
  const bytes = isWrong ? Buffer.alloc(fits, "x") : Buffer.concat([BLOB.subarray(start), BLOB]).subarray(0, fits);
  const writing = ingest.write(Uint8Array.from(bytes));
  if (start + fits > BLOB.length) {
    await expect(writing).rejects.toThrow(expect.objectContaining({ code: "blob-size-mismatch" }));
    return;
  }
  await writing;
  model.bytes = Buffer.concat([model.bytes, bytes]);
}

async function commit(ingest: Ingest, model: Model): Promise<void> {
  const isRight = model.bytes.equals(BLOB);
  model.bytes = Buffer.alloc(0);
  if (!isRight) {
    await expect(ingest.commit()).rejects.toThrow(expect.objectContaining({ kind: "integrity" }));
    return;
  }
  expect(await ingest.commit()).toMatchObject(EXPECTED);
  model.isVisible = true;
}

/** The digests of all blobs, each held against its bytes. */
async function visible(store: ContentStore): Promise<Digest[]> {
  const digests: Digest[] = [];
  for await (const { digest, size } of store.list()) {
    await using source = await store.open(digest);
    expect(await digestStream(source.stream())).toEqual({ digest, size });
    digests.push(digest);
  }
  return digests;
}

async function onLocal(body: (store: ContentStore) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "laws-test-"));
  try {
    await body(await createLocalContentStore({ directory }));
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe.each([
  ["local", onLocal],
  ["memory", async (body: (store: ContentStore) => Promise<void>) => await body(createMemoryContentStore())],
] as const)("the %s content store", (_, withStore) => {
  test("shows the blob after a commit of exactly its bytes and never otherwise, whatever came before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        await withStore((store) => follow(store, steps));
      }),
      { numRuns: 60 },
    );
  });
});
