import { rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readAll, StrataError } from "../../src/base/index.ts";
import { type FixtureLayer, layerOf, tarOf, writeFiles } from "../../test/support/image-fixtures.ts";
import {
  countOpening,
  failureOf,
  openLayers,
  remainsOf,
  scratchDirectory,
  unpackOptions,
} from "../../test/support/unpack-fixtures.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../content/index.ts";
import { DEFAULT_LIMITS, type LayerBlob } from "../image/index.ts";
import { chainIds, type DiffId, type Digest, digestOf, MEDIA_TYPE } from "../oci/index.ts";
import { openSource } from "../transport/index.ts";
import { type UnpackEvent, unpackLayers } from "./index.ts";

const base = scratchDirectory();
afterAll(() => rmSync(base, { recursive: true, force: true }));

const digestOfDiff = (diffId: DiffId): Digest => diffId as string as Digest;

test("each layer's uncompressed tar becomes the blob of its diffID, bit for bit, whatever it was compressed with", async () => {
  const layers = [
    await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(5000) }),
    await layerOf({ "etc/.wh.motd": "" }, { compress: false }),
    await layerOf({ "srv/data": "y".repeat(70_000) }),
  ];
  await using source = await openLayers(base, layers);
  const options = await unpackOptions(base);
  const stack = await unpackLayers(source, options);
  expect(stack.diffIds).toEqual(layers.map(({ diffId }) => diffId));
  expect(stack.chainIds).toEqual(chainIds(layers.map(({ diffId }) => diffId)));
  for (const [i, { tar }] of layers.entries()) {
    await using opened = await stack.openTar(i);
    expect(Buffer.from(await readAll(opened)).equals(tar)).toBe(true);
  }
  expect([...stack.tree.walk()].map(({ path }) => path)).toEqual(["", "bin", "bin/tool", "etc", "srv", "srv/data"]);
  expect((await remainsOf(options.content)).blobs).toEqual(layers.map(({ diffId }) => diffId).sort());
});

test("gzip of several members is one layer", async () => {
  const tar = await tarOf({ a: "one", b: "two" });
  const stored = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]);
  const layer = { tar, stored, mediaType: MEDIA_TYPE.ociLayerGzip, diffId: digestOf(tar) as string as DiffId };
  await using source = await openLayers(base, [layer]);
  const stack = await unpackLayers(source, await unpackOptions(base));
  expect(stack.diffIds).toEqual([layer.diffId]);
});

test("what is unpacked already is not read again, and a layer that occurs twice only once", async () => {
  const [one, two] = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
  await using opened = await openLayers(base, [one, two, one]);
  const { source, opened: reads } = countOpening(opened);
  const options = await unpackOptions(base);
  await unpackLayers(source, options);
  expect(reads).toEqual([1, 1, 0]);
  const events: UnpackEvent[] = [];
  await unpackLayers(source, { ...options, onEvent: (event) => events.push(event) });
  expect(reads).toEqual([1, 1, 0]);
  expect(events.map((event) => event.type === "layer" && event.state)).toEqual(["present", "present", "present"]);
  await options.content.remove(digestOfDiff(two.diffId));
  await unpackLayers(source, options);
  expect(reads).toEqual([1, 2, 0]);
});

test("a table of contents that was forgotten is made from the tar, not from the stored bytes", async () => {
  await using opened = await openLayers(base, [await layerOf({ a: "1" })]);
  const { source, opened: reads } = countOpening(opened);
  const options = await unpackOptions(base);
  await unpackLayers(source, options);
  const stack = await unpackLayers(source, { ...options, indexCache: createMemoryIndexCache() });
  expect(reads).toEqual([1]);
  expect([...stack.tree.walk()].map(({ path }) => path)).toEqual(["", "a"]);
});

test("diffIDs are leased before anything is looked for", async () => {
  const layers = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
  await using source = await openLayers(base, layers);
  const options = await unpackOptions(base);
  const { content } = options;
  const seen: string[] = [];
  await unpackLayers(source, {
    ...options,
    lease: async (...digests) => void seen.push(...digests),
    content: {
      ...content,
      stat: async (digest) => {
        expect(seen).toContain(digest);
        return await content.stat(digest);
      },
    },
  });
  expect(seen.slice(0, 2)).toEqual(layers.map(({ diffId }) => diffId));
});

test("members of an archive are copied into the store", async () => {
  const layer = await layerOf({ "etc/motd": "hello\n" }, { compress: false });
  const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [layer.diffId] } };
  const archive = await tarOf({
    "layer.tar": layer.tar,
    "config.json": JSON.stringify(config),
    "manifest.json": JSON.stringify([{ Config: "config.json", RepoTags: ["it:1"], Layers: ["layer.tar"] }]),
  });
  await writeFiles(base, { "saved.tar": archive });
  await using source = await openSource(`docker-archive:${join(base, "saved.tar")}`);
  const options = await unpackOptions(base);
  await unpackLayers(source, options);
  expect(await remainsOf(options.content)).toEqual({ blobs: [layer.diffId], refs: [] });
});

test("a store in memory will do, and an image without layers", async () => {
  await using one = await openLayers(base, [await layerOf({ a: "1" })]);
  const options = { ...(await unpackOptions(base)), content: createMemoryContentStore() };
  expect((await unpackLayers(one, options)).diffIds).toHaveLength(1);
  await using none = await openLayers(base, []);
  expect((await unpackLayers(none, options)).chainIds).toEqual([]);
});

test("a foreign layer that is not here is refused by name, unless its tar is here", async () => {
  const foreign = {
    ...(await layerOf({ a: "1" })),
    mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  };
  await using source = await openLayers(base, [await layerOf({ b: "2" }), foreign]);
  const options = await unpackOptions(base);
  await unpackLayers(source, options);
  const layers = source.layers.map((layer, i) =>
    i === 1 && layer.kind === "blob" ? { ...layer, kind: "absent" as const, reason: "it is far away" } : layer,
  );
  expect((await unpackLayers({ ...source, layers }, options)).diffIds).toHaveLength(2);
  await options.content.remove(digestOfDiff(foreign.diffId));
  const error = await failureOf(unpackLayers({ ...source, layers }, options));
  expect(error).toMatchObject({ code: "layer-absent", details: { layer: 1, image: source.reference } });
});

interface Attack {
  readonly name: string;
  readonly make: (layer: FixtureLayer) => Promise<FixtureLayer> | FixtureLayer;
  readonly limits?: object;
  readonly error: object;
}

const lie = digestOf(Buffer.from("another tar")) as string as DiffId;
const ATTACKS: readonly Attack[] = [
  {
    name: "a diffID that lies",
    make: (layer) => ({ ...layer, diffId: lie }),
    error: { code: "digest-mismatch", details: { layer: 1, digest: lie } },
  },
  {
    name: "truncated gzip",
    make: (layer) => ({ ...layer, stored: layer.stored.subarray(0, -9) }),
    error: { code: "decompression-truncated", details: { layer: 1 } },
  },
  {
    name: "a broken tar",
    make: (layer) => ({ ...layer, stored: gzipSync(layer.tar.subarray(0, 600)) }),
    error: { code: "tar-truncated", details: { layer: 1 } },
  },
  {
    name: "a bomb",
    make: (layer) => layer,
    limits: { maxLayerBytes: 100_000 },
    error: { code: "decompression-bomb", kind: "hostile", details: { layer: 1 } },
  },
  {
    name: "an unknown compression",
    make: (layer) => ({ ...layer, stored: Buffer.concat([Buffer.from("BZh91AY"), layer.stored]) }),
    error: { code: "compression-unsupported", details: { layer: 1 } },
  },
];

test.each(ATTACKS)("$name leaves nothing of the layer", async ({ make, limits, error }) => {
  const good = await layerOf({ a: "1" });
  const bad = await make(await layerOf({ b: "2".repeat(200_000) }));
  await using source = await openLayers(base, [good, bad]);
  const options = await unpackOptions(base);
  const failure = await failureOf(unpackLayers(source, { ...options, limits: { ...DEFAULT_LIMITS, ...limits } }));
  expect(failure).toMatchObject(error);
  expect(failure).toMatchObject({ details: { image: source.reference } });
  const { blobs, refs } = await remainsOf(options.content);
  expect(refs).toEqual([]);
  expect(blobs.filter((digest) => digest !== good.diffId)).toEqual([]);
});

test("stored bytes that are not those of the digest leave nothing", async () => {
  const [layer, other] = [await layerOf({ a: "1" }), await layerOf({ a: "2" })];
  await using source = await openLayers(base, [layer]);
  await using wrong = await openLayers(base, [other]);
  const options = await unpackOptions(base);
  const [is, was] = [source.layers[0] as LayerBlob, wrong.layers[0] as LayerBlob];
  const layers = [{ ...is, location: was.location, open: was.open }];
  const failure = await failureOf(unpackLayers({ ...source, layers }, options));
  expect(failure).toMatchObject({ kind: "integrity", details: { layer: 0 } });
  expect(await remainsOf(options.content)).toEqual({ blobs: [], refs: [] });
});

test("a full disk leaves nothing half made, and what was whole before it", async () => {
  const layers = [await layerOf({ a: "1".repeat(100_000) }), await layerOf({ b: "2".repeat(300_000) })];
  await using source = await openLayers(base, layers);
  const options = await unpackOptions(base);
  const { content } = options;
  const full = new StrataError({ code: "no-space", kind: "unavailable", message: "no space is left" });
  const ingest: typeof content.ingest = async (ref, expected, how) => {
    const inner = await content.ingest(ref, expected, how);
    let room = 200_000;
    return new Proxy(inner, {
      get(target, name) {
        if (name === "write") {
          return async (chunk: Uint8Array) => {
            room -= chunk.length;
            if (room < 0) throw full;
            await target.write(chunk);
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value as () => unknown).bind(target) : value;
      },
    });
  };
  const failure = await failureOf(unpackLayers(source, { ...options, content: { ...content, ingest }, workers: 1 }));
  expect(failure).toMatchObject({ code: "no-space", details: { layer: 1, image: source.reference } });
  expect((await remainsOf(content)).refs).toEqual([]);
  expect((await unpackLayers(source, options)).diffIds).toHaveLength(2);
});

test("who stops it gets `aborted`, and nothing is left of what was under way", async () => {
  const layers = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
  await using opened = await openLayers(base, layers);
  const stop = new AbortController();
  const options = await unpackOptions(base);
  const unpacking = unpackLayers(opened, {
    ...options,
    signal: stop.signal,
    workers: 1,
    onEvent: (event) => {
      if (event.type === "layer" && event.state === "unpacked") stop.abort();
    },
  });
  expect(await failureOf(unpacking)).toMatchObject({ code: "aborted" });
  const { blobs, refs } = await remainsOf(options.content);
  expect(refs).toEqual([]);
  expect(blobs).toHaveLength(1);
});

test("two who unpack one image at once both succeed, and each layer is there once", async () => {
  const layers = [await layerOf({ a: "1".repeat(50_000) }), await layerOf({ b: "2".repeat(50_000) })];
  await using source = await openLayers(base, layers);
  const options = await unpackOptions(base);
  const [one, other] = await Promise.all([unpackLayers(source, options), unpackLayers(source, options)]);
  expect(one.chainIds).toEqual(other.chainIds);
  expect(await remainsOf(options.content)).toEqual({ blobs: layers.map(({ diffId }) => diffId).sort(), refs: [] });
});

test("remains of an earlier attempt that was killed are written anew", async () => {
  const layer = await layerOf({ a: "1".repeat(50_000) });
  await using source = await openLayers(base, [layer]);
  const options = await unpackOptions(base);
  const { digest } = (source.layers[0] as LayerBlob).descriptor;
  const left = await options.content.ingest(`unpack:${digest}`, { digest: digestOfDiff(layer.diffId) });
  await left.write(Buffer.from("half of something"));
  await left[Symbol.asyncDispose]();
  await unpackLayers(source, options);
  expect(await remainsOf(options.content)).toEqual({ blobs: [layer.diffId], refs: [] });
});
