import { rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { type FixtureLayer, layerOf } from "../../test/support/image-fixtures.ts";
import { MemorySnapshotter } from "../../test/support/memory-snapshotter.ts";
import {
  countOpening,
  failureOf,
  openLayers,
  remainsOf,
  scratchDirectory,
  unpackOptions,
} from "../../test/support/unpack-fixtures.ts";
import { readAll } from "../base/index.ts";
import { createMemoryIndexCache } from "../content/index.ts";
import { chainIds, type Digest } from "../oci/index.ts";
import { indexOf } from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { type UnpackEvent, unpackImage } from "./index.ts";

const base = scratchDirectory();
afterAll(() => rmSync(base, { recursive: true, force: true }));

const layersOf = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => layerOf({ [`file-${i}`]: `${i}` })));

/** An opened image of so many layers, its chain, and all that unpacking it wants. */
async function scene(count: number) {
  const layers = await layersOf(count);
  const source = await openLayers(base, layers);
  return { source, chain: chainIds(layers.map(({ diffId }) => diffId)), options: await unpackOptions(base) };
}

test("each layer is committed on the one below it, by its chainID, and the last is warmed", async () => {
  const { source, chain, options } = await scene(4);
  const memory = new MemorySnapshotter();
  const image = await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect([...memory.committed]).toEqual(chain.map((chainId, i) => [chainId, chain[i - 1]]));
  expect(memory.warmed).toEqual([chain[3]]);
  expect(image.chainId).toBe(chain[3]);
  expect(image.layers.map(({ chainId, result }) => [chainId, result])).toEqual(chain.map((id) => [id, "unpacked"]));
  expect(memory.staged).toBe(0);
  await source[Symbol.asyncDispose]();
});

test("several layers are staged at once, and committed in order however long each takes", async () => {
  const { source, chain, options } = await scene(6);
  const started: number[] = [];
  let release: () => void = () => {};
  const second = new Promise<void>((resolve) => {
    release = resolve;
  });
  const memory = new MemorySnapshotter({
    onStage: async (layer) => {
      started.push(layer);
      // The first does not end before the second has begun.
      if (layer === 1) release();
      if (layer === 0) await second;
    },
  });
  await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect(started.slice(0, 2)).toEqual([0, 1]);
  expect(memory.mostStaged).toBe(2);
  expect([...memory.committed.keys()]).toEqual(chain);
});

test("an image that is there costs one look", async () => {
  const { source, chain, options } = await scene(3);
  const memory = new MemorySnapshotter();
  await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  memory.looks = 0;
  const events: UnpackEvent[] = [];
  const image = await unpackImage(
    { ...source, layers: source.layers.map((layer) => ({ ...layer, open: () => expect.fail("it was read") })) },
    { ...options, snapshotter: memory.asSnapshotter, onEvent: (event) => events.push(event) },
  );
  expect(memory.looks).toBe(1);
  expect(image).toMatchObject({ chainId: chain[2], stack: undefined });
  expect(image.layers.map(({ result }) => result)).toEqual(["present", "present", "present"]);
  expect(events).toEqual(chain.map((chainId, layer) => ({ type: "snapshot", layer, chainId, state: "present" })));
});

test("what another image or an earlier attempt has brought is not staged again", async () => {
  const { source, chain, options } = await scene(4);
  const staged: number[] = [];
  const memory = new MemorySnapshotter({ onStage: (layer) => void staged.push(layer) });
  memory.committed.set(chain[0] as never, undefined);
  memory.committed.set(chain[1] as never, chain[0] as never);
  const image = await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect(staged).toEqual([2, 3]);
  expect(image.layers.map(({ result }) => result)).toEqual(["present", "present", "unpacked", "unpacked"]);
});

/** An image of layers, all but the last of which an image has brought whose tars are gone; counts who reads what. */
async function onStandingLayers(layers: readonly FixtureLayer[]) {
  const options = await unpackOptions(base);
  const memory = new MemorySnapshotter();
  await using lower = await openLayers(base, layers.slice(0, -1));
  await unpackImage(lower, { ...options, snapshotter: memory.asSnapshotter });
  for (const blob of (await remainsOf(options.content)).blobs) await options.content.remove(blob as Digest);
  const { source, opened } = countOpening(await openLayers(base, layers));
  return { source, opened, options: { ...options, snapshotter: memory.asSnapshotter } };
}

test("layers of which snapshots stand that need no tars are not read again, and the tree is the same", async () => {
  const layers = await layersOf(4);
  const { source, opened, options } = await onStandingLayers(layers);
  const { stack } = await unpackImage(source, options);
  expect(opened).toEqual([0, 0, 0, 1]);
  expect((await remainsOf(options.content)).blobs).toEqual([layers[3]?.diffId]);
  expect(stack?.tree.firstTold).toBe(3);
  const whole = mergeLayers(layers.map(({ tar }) => indexOf(tar)));
  expect(stack?.tree.flatten().columns).toEqual(whole.flatten().columns);
});

test("a tar of theirs comes when somebody opens it all the same, and whoever waits for it gets it too", async () => {
  const layers = await layersOf(3);
  const { source, opened, options } = await onStandingLayers(layers);
  const { stack } = await unpackImage(source, options);
  const tars = await Promise.all([stack?.openTar(1), stack?.openTar(1)]);
  for (const tar of tars) {
    expect(tar && Buffer.from(await readAll(tar))).toEqual(layers[1]?.tar);
    await tar?.[Symbol.asyncDispose]();
  }
  expect(opened.slice(0, 1)).toEqual([0]);
  expect((await remainsOf(options.content)).refs).toEqual([]);
});

test("a layer that stands below and comes again above is read once", async () => {
  const [one, two] = await layersOf(2);
  const { source, opened, options } = await onStandingLayers([one, two, one] as FixtureLayer[]);
  await unpackImage(source, options);
  expect(opened.reduce((sum, count) => sum + count)).toBe(1);
});

test("where the index of a layer that stands was forgotten, the layer is read", async () => {
  const { source, opened, options } = await onStandingLayers(await layersOf(3));
  const forgetful = { ...options, indexCache: createMemoryIndexCache() };
  const { layers } = await unpackImage(source, forgetful);
  expect(opened).toEqual([1, 1, 1]);
  expect(layers.map(({ result }) => result)).toEqual(["present", "present", "unpacked"]);
});

test("an image without layers has no snapshot", async () => {
  const { source, options } = await scene(0);
  const memory = new MemorySnapshotter();
  const image = await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect(image).toMatchObject({ chainId: undefined, layers: [] });
  expect(memory.warmed).toEqual([]);
});

test("a layer that cannot be staged ends it: nothing above is committed, nothing stays staged, and the next attempt goes on", async () => {
  const { source, chain, options } = await scene(5);
  const memory = new MemorySnapshotter({
    onStage: (layer) => {
      if (layer === 2) throw new Error("cannot");
    },
  });
  const failing = unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect(await failureOf(failing)).toMatchObject({ message: "cannot" });
  const committed = [...memory.committed.keys()];
  expect(committed).toEqual(chain.slice(0, committed.length));
  expect(committed.length).toBeLessThanOrEqual(2);
  expect(memory.staged).toBe(0);
  const healthy = new MemorySnapshotter();
  for (const [name, parent] of memory.committed) healthy.committed.set(name, parent);
  await unpackImage(source, { ...options, snapshotter: healthy.asSnapshotter });
  expect([...healthy.committed.keys()]).toEqual(chain);
});

test("a commit that fails fails the layers above it too, with its own error", async () => {
  const { source, chain, options } = await scene(4);
  const memory = new MemorySnapshotter({
    onCommit: (name) => {
      if ((name as string) === chain[1]) throw new Error("no room for a record");
    },
  });
  const failing = unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect(await failureOf(failing)).toMatchObject({ message: "no room for a record" });
  expect([...memory.committed.keys()]).toEqual(chain.slice(0, 1));
  expect(memory.staged).toBe(0);
});

test("whoever commits a layer first has done it for both", async () => {
  const { source, chain, options } = await scene(4);
  const memory = new MemorySnapshotter({ onStage: () => new Promise((resolve) => setImmediate(resolve)) });
  const unpack = () => unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  const [one, other, third] = await Promise.all([unpack(), unpack(), unpack()]);
  expect([one.chainId, other.chainId, third.chainId]).toEqual([chain[3], chain[3], chain[3]]);
  expect([...memory.committed]).toEqual(chain.map((chainId, i) => [chainId, chain[i - 1]]));
  expect(memory.staged).toBe(0);
  expect((await remainsOf(options.content)).refs).toEqual([]);
});

test("who stops it gets `aborted`; the next attempt goes on", async () => {
  const { source, chain, options } = await scene(4);
  const stop = new AbortController();
  const memory = new MemorySnapshotter({
    onStage: (layer) => {
      if (layer === 2) stop.abort();
    },
  });
  const stopped = unpackImage(source, { ...options, snapshotter: memory.asSnapshotter, signal: stop.signal });
  expect(await failureOf(stopped)).toMatchObject({ code: "aborted" });
  expect(memory.committed.size).toBeLessThan(4);
  expect(memory.staged).toBe(0);
  await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect([...memory.committed.keys()]).toEqual(chain);
});

test("a layer of an image that tells no diffIDs is named by what it turns out to be", async () => {
  const { source, chain, options } = await scene(2);
  const layers = source.layers.map((layer) => ({ ...layer, diffId: undefined }));
  const memory = new MemorySnapshotter();
  const image = await unpackImage({ ...source, layers }, { ...options, snapshotter: memory.asSnapshotter });
  expect(image.chainId).toBe(chain[1]);
  expect(options.leased).toEqual(expect.arrayContaining(image.layers.map(({ diffId }) => diffId)));
});

test("a hundred layers become a chain of a hundred, in order", async () => {
  const { source, chain, options } = await scene(100);
  const memory = new MemorySnapshotter();
  const image = await unpackImage(source, { ...options, snapshotter: memory.asSnapshotter });
  expect([...memory.committed.keys()]).toEqual(chain);
  expect(image.stack?.tree.children(image.stack.tree.root)).toHaveLength(100);
});
