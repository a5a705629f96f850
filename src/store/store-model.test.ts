import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { artifactOf, bytesOf, copyInto, type FixtureArtifact } from "../../test/support/store-fixtures.ts";
import { type Digest, parseManifest } from "../oci/index.ts";
import { openStore } from "./open-store.ts";
import type { Lease, Store } from "./store.ts";

/** Images that share layers with each other. */
let artifacts: readonly FixtureArtifact[];
let digests: readonly (readonly Digest[])[];
beforeAll(async () => {
  artifacts = await Promise.all([["x"], ["x", "y"], ["x", "z"], ["q"]].map((texts) => artifactOf(texts)));
  digests = artifacts.map((artifact) => {
    const manifest = parseManifest(bytesOf(artifact, artifact.root.digest), { what: "fixture" });
    if (manifest.kind === "index") throw new Error("an index");
    return [artifact.root.digest, manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)];
  });
});

/** What a store should have: names, images (dangling ones too), living leases. Nothing of how it goes about it. */
interface Model {
  readonly names: Map<string, number>;
  readonly images: Set<number>;
  /** What each protects, and what of it was here at any time since then. */
  readonly leased: Map<Lease, { readonly digests: readonly Digest[]; readonly here: Set<Digest> }>;
}

interface World {
  readonly store: Store;
  readonly model: Model;
}

type Step = (world: World) => Promise<void>;

const name = fc.constantFrom("a", "b", "c");
const full = (short: string): string => `docker.io/library/${short}:latest`;
const image = fc.nat(3);

const put =
  (short: string | undefined, number: number): Step =>
  async ({ store, model }) => {
    await using destination = await store.destination(short);
    await copyInto(destination, artifacts[number] as FixtureArtifact);
    model.images.add(number);
    if (short !== undefined) model.names.set(full(short), number);
  };

const tag =
  (from: string, to: string): Step =>
  async ({ store, model }) => {
    const number = model.names.get(full(from));
    if (number === undefined) return await expectNoImage(store.tag(from, to));
    await store.tag(from, to);
    model.names.set(full(to), number);
  };

const remove =
  (short: string): Step =>
  async ({ store, model }) => {
    const number = model.names.get(full(short));
    if (number === undefined) return await expectNoImage(store.remove(short));
    const { deleted } = await store.remove(short);
    model.names.delete(full(short));
    const isLast = ![...model.names.values()].includes(number);
    if (isLast) model.images.delete(number);
    expect(deleted !== undefined).toBe(isLast);
  };

const prune =
  (all: boolean): Step =>
  async ({ store, model }) => {
    const planned = await store.prune({ all, isDryRun: true });
    const done = await store.prune({ all });
    expect({ ...done, isDryRun: true }).toEqual(planned);
    if (all) model.names.clear();
    const named = new Set(model.names.values());
    for (const number of model.images) if (!named.has(number)) model.images.delete(number);
    expect(new Set(await blobsIn(store))).toEqual(needed(model));
  };

const lease =
  (number: number): Step =>
  async ({ store, model }) => {
    const held = await store.lease();
    await held.add(...(digests[number] ?? []));
    model.leased.set(held, { digests: digests[number] ?? [], here: new Set() });
  };

const release: Step = async ({ model }) => {
  const [first] = model.leased.keys();
  if (first === undefined) return;
  await first[Symbol.asyncDispose]();
  model.leased.delete(first);
};

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.option(name, { nil: undefined }), image).map(([short, number]) => put(short, number)),
  fc.tuple(name, name).map(([from, to]) => tag(from, to)),
  name.map(remove),
  fc.boolean().map(prune),
  image.map(lease),
  fc.constant(release),
);

async function expectNoImage(attempt: Promise<unknown>): Promise<void> {
  await expect(attempt).rejects.toThrow(expect.objectContaining({ code: "image-not-found" }));
}

async function blobsIn(store: Store): Promise<Digest[]> {
  const blobs: Digest[] = [];
  for await (const { digest } of store.content.list()) blobs.push(digest);
  return blobs;
}

function needed({ images, leased }: Model): Set<Digest> {
  return new Set([
    ...[...images].flatMap((number) => digests[number] ?? []),
    ...[...leased.values()].flatMap(({ here: kept }) => [...kept]),
  ]);
}

async function expectLike({ store, model }: World): Promise<void> {
  const here = new Set(await blobsIn(store));
  for (const lease of model.leased.values()) {
    for (const digest of lease.digests) if (here.has(digest)) lease.here.add(digest);
  }
  expect([...needed(model)].filter((digest) => !here.has(digest))).toEqual([]);
  const images = await store.images();
  expect(images.flatMap(({ names }) => names).sort()).toEqual([...model.names.keys()].sort());
  expect(new Set(images.map(({ descriptor }) => descriptor.digest))).toEqual(
    new Set([...model.images].map((number) => artifacts[number]?.root.digest)),
  );
  expect(images.every(({ isComplete }) => isComplete)).toBe(true);
}

test("no named or leased blob is ever freed, and a prune frees everything else, whatever was done before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const directory = await mkdtemp(join(tmpdir(), "store-model-"));
      const model: Model = { names: new Map(), images: new Set(), leased: new Map() };
      const store = await openStore(join(directory, "store"));
      try {
        for (const run of steps) {
          await run({ store, model });
          await expectLike({ store, model });
        }
        for (const held of model.leased.keys()) await held[Symbol.asyncDispose]();
        await store.prune();
        for await (const fault of store.check()) expect(fault).toBeUndefined();
      } finally {
        await store[Symbol.asyncDispose]();
        await rm(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 20 },
  );
});
