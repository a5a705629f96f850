import { rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { type FixtureLayer, layerOf } from "../../test/support/image-fixtures.ts";
import {
  failureOf,
  openLayers,
  remainsOf,
  scratchDirectory,
  unpackOptions,
} from "../../test/support/unpack-fixtures.ts";
import { ingestStream } from "../content/index.ts";
import { type Digest, digestOf } from "../oci/index.ts";
import { type ArrivalEvent, LayerArrivals, unpackLayers } from "./index.ts";

const base = scratchDirectory();
afterAll(() => rmSync(base, { recursive: true, force: true }));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const digestOfLayer = ({ stored }: FixtureLayer): Digest => digestOf(stored);

/** Arrivals into a new store, and what they tell. */
async function scene(how: { readonly workers?: number } = {}) {
  const options = { ...(await unpackOptions(base)), ...how };
  const events: ArrivalEvent[] = [];
  const arrivals = new LayerArrivals({ ...options, onEvent: (event) => events.push(event) });
  const states = (): string[] => events.flatMap((event) => (event.type === "arrival" ? [event.state] : []));
  const started = (): Digest[] =>
    events.flatMap((event) => (event.type === "arrival" && event.state === "unpacking" ? [event.digest] : []));
  const arrive = (layer: FixtureLayer, bytes: Uint8Array = layer.stored, pause: (at: number) => Promise<void> = turn) =>
    ingestStream(
      options.content,
      {
        expected: { digest: digestOfLayer(layer), size: layer.stored.length },
        open: (start) => inPieces(bytes.subarray(start), pause),
      },
      { onIngest: arrivals.follow },
    );
  return { options, arrivals, states, started, arrive };
}

async function* inPieces(bytes: Uint8Array, pause: (at: number) => Promise<void>): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) {
    await pause(at);
    yield bytes.subarray(at, at + 50_000);
  }
}

/** Text that does not shrink to nothing, so that it arrives in several pieces. */
const noise = (seed: number, length = 400_000): string =>
  Array.from({ length: length / 50 }, (_, i) => digestOf(Buffer.from(`${seed} ${i}`)).slice(7, 57)).join("");

test("a layer is unpacked while it arrives, and then nothing is left to do for its image", async () => {
  const layers = [await layerOf({ a: noise(1) }), await layerOf({ b: noise(2) }, { compress: false })];
  const { options, arrivals, arrive, states } = await scene();
  for (const layer of layers) await arrive(layer);
  const arrived = await arrivals.settle();
  expect(new Map([...arrived].map(([digest, { diffId }]) => [digest, diffId]))).toEqual(
    new Map(layers.map((layer) => [digestOfLayer(layer), layer.diffId])),
  );
  expect(states().sort()).toEqual(["unpacked", "unpacked", "unpacking", "unpacking"]);
  expect(options.leased).toEqual(expect.arrayContaining(layers.map(({ diffId }) => diffId)));
  await arrivals[Symbol.asyncDispose]();
  await using source = await openLayers(base, layers);
  const unread = source.layers.map((layer) => ({ ...layer, open: () => expect.fail("it was read") }));
  const stack = await unpackLayers({ ...source, layers: unread }, { ...options, arrived });
  expect(stack.diffIds).toEqual(layers.map(({ diffId }) => diffId));
});

test("the tar is not visible before the blob is", async () => {
  const layer = await layerOf({ a: noise(3) });
  const { options, arrivals, arrive } = await scene();
  const { content } = options;
  const stat = content.stat;
  await arrive(layer, layer.stored, async () => {
    for (let i = 0; i < 20; i++) await turn();
    expect(await stat(layer.diffId as string as Digest)).toBeUndefined();
  });
  expect((await arrivals.settle()).size).toBe(1);
});

test("a transfer that breaks off is given up without a trace, and the resumed one is followed from its beginning", async () => {
  const layer = await layerOf({ a: noise(4) });
  const { options, arrivals, arrive, states } = await scene();
  const breaking = arrive(layer, layer.stored, async (at) => {
    await turn();
    if (at >= 100_000) throw new Error("the line went dead");
  });
  expect(await failureOf(breaking)).toMatchObject({ message: "the line went dead" });
  expect((await arrivals.settle()).size).toBe(0);
  expect(states()).toEqual(["unpacking", "given-up"]);
  const { blobs, refs } = await remainsOf(options.content);
  expect([blobs, refs]).toEqual([[], [digestOfLayer(layer)]]);
  expect((await arrive(layer)).transferred).toBeLessThan(layer.stored.length);
  expect([...(await arrivals.settle()).values()].map(({ diffId }) => diffId)).toEqual([layer.diffId]);
});

test("a resumed transfer that turns out wrong and begins anew is given up; the blob is unpacked later", async () => {
  const layer = await layerOf({ a: noise(5) });
  const { options, arrivals, arrive, states } = await scene();
  const left = await options.content.ingest(digestOfLayer(layer), {
    digest: digestOfLayer(layer),
    size: layer.stored.length,
  });
  await left.write(Buffer.concat([layer.stored.subarray(0, 60_000), Buffer.alloc(10_000, 1)]));
  await left[Symbol.asyncDispose]();
  expect((await arrive(layer)).result).toBe("transferred");
  expect((await arrivals.settle()).size).toBe(0);
  expect(states()).toEqual(["unpacking", "given-up"]);
  await using source = await openLayers(base, [layer]);
  await unpackLayers(source, options);
  const { blobs, refs } = await remainsOf(options.content);
  expect(blobs).toEqual([digestOfLayer(layer), layer.diffId].sort());
  expect(refs).toEqual([]);
});

test("wrong bytes are given up, and leave nothing", async () => {
  const layer = await layerOf({ a: noise(6) });
  const { options, arrivals, arrive } = await scene();
  const wrong = Buffer.from(layer.stored);
  wrong[1000] = (wrong[1000] ?? 0) ^ 1;
  expect(await failureOf(arrive(layer, wrong))).toMatchObject({ kind: "integrity" });
  expect((await arrivals.settle()).size).toBe(0);
  expect(await remainsOf(options.content)).toEqual({ blobs: [], refs: [] });
});

test("a layer that cannot be unpacked arrives all the same, and whoever unpacks the image says why", async () => {
  const good = await layerOf({ a: noise(7) });
  const layer = { ...good, stored: good.stored.subarray(0, -9) };
  const { options, arrivals, arrive, states } = await scene();
  expect((await arrive(layer)).result).toBe("transferred");
  const arrived = await arrivals.settle();
  expect(states()).toEqual(["unpacking", "given-up"]);
  await using source = await openLayers(base, [layer]);
  const failure = await failureOf(unpackLayers(source, { ...options, arrived }));
  expect(failure).toMatchObject({ code: "decompression-truncated", details: { layer: 0 } });
});

test("a layer that arrived as another one than the configuration says is refused by its number", async () => {
  const [base0, layer, other] = [await layerOf({ z: "0" }), await layerOf({ a: noise(8) }), await layerOf({ b: "2" })];
  const { options, arrivals, arrive } = await scene();
  await arrive(layer);
  const arrived = await arrivals.settle();
  await using source = await openLayers(base, [base0, { ...layer, diffId: other.diffId }]);
  const failure = await failureOf(unpackLayers(source, { ...options, arrived }));
  expect(failure).toMatchObject({
    code: "digest-mismatch",
    kind: "integrity",
    details: { layer: 1, digest: other.diffId, image: source.reference },
  });
});

test("more layers than workers wait while the largest arrives, and then the largest of them is next", async () => {
  const sizes = [500_000, 60_000, 300_000, 50_000];
  const layers = await Promise.all(sizes.map((size, i) => layerOf({ [`file-${i}`]: noise(i, size) })));
  const { arrivals, arrive, started } = await scene({ workers: 1 });
  let others: Promise<unknown> | undefined;
  await arrive(layers[0] as FixtureLayer, layers[0]?.stored, async (at) => {
    if (at > 0) others ??= Promise.all(layers.slice(1).map((layer) => arrive(layer)));
    await others;
  });
  expect((await arrivals.settle()).size).toBe(4);
  expect(started()).toEqual([0, 2, 1, 3].map((i) => digestOfLayer(layers[i] as FixtureLayer)));
});

test("a layer that is larger than all under way does not wait for them", async () => {
  const [small, large] = [await layerOf({ a: noise(1, 300_000) }), await layerOf({ b: noise(2, 500_000) })];
  const { arrivals, arrive, started } = await scene({ workers: 1 });
  let other: Promise<unknown> | undefined;
  await arrive(small, small.stored, async (at) => {
    if (at > 0) other ??= arrive(large).then(() => expect(started()).toHaveLength(2));
    await other;
  });
  expect((await arrivals.settle()).size).toBe(2);
});

test("disposing stops what is under way, and leaves nothing of it", async () => {
  const layer = await layerOf({ a: noise(9) });
  const { options, arrivals, arrive } = await scene();
  let disposed: PromiseLike<void> | undefined;
  await arrive(layer, layer.stored, async (at) => {
    await turn();
    if (at >= 100_000) disposed ??= arrivals[Symbol.asyncDispose]();
    await disposed;
  });
  const { blobs, refs } = await remainsOf(options.content);
  expect(blobs).toEqual([digestOfLayer(layer)]);
  expect(refs).toEqual([]);
});
