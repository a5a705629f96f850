import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { memorySource, readAll } from "../base/index.ts";
import { createMemoryIndexCache, createMemoryScratch, type FileLocation, type IndexCache } from "../content/index.ts";
import { type DiffId, digestOf } from "../oci/index.ts";
import { dir, file, tarScript, whiteout } from "../testing/index.ts";
import {
  DEFAULT_LIMITS,
  type ImageSource,
  type LayerBlob,
  type LayerSource,
  type LoadEvent,
  loadLayers,
} from "./index.ts";

const BASE = tarScript(dir("etc"), file("etc/motd", "hello"));
const UPPER = tarScript(whiteout("etc/motd"), file("new", "content"));

interface BlobFacts {
  readonly stored?: Uint8Array;
  readonly diffId?: DiffId;
  readonly stamp?: string;
  readonly onOpen?: () => void;
}

function blob(tar: Uint8Array, { stored = tar, diffId, stamp, onOpen }: BlobFacts = {}): LayerBlob {
  const location: FileLocation | undefined =
    stamp === undefined ? undefined : { path: "layer.tar", offset: 0, size: stored.length, stamp };
  return {
    kind: "blob",
    name: "layer.tar",
    descriptor: { mediaType: "layer", digest: digestOf(stored), size: stored.length },
    diffId: diffId ?? diffIdOf(tar),
    location,
    async open() {
      onOpen?.();
      return memorySource(stored);
    },
  };
}

function diffIdOf(tar: Uint8Array): DiffId {
  return digestOf(tar) as string as DiffId;
}

function imageOf(layers: readonly LayerSource[], history: ImageSource["config"]["value"]["history"] = []): ImageSource {
  const value = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] }, history } as const;
  return {
    reference: "test:image",
    transport: "test",
    names: [],
    manifest: undefined,
    config: {
      mediaType: "config",
      digest: digestOf(new Uint8Array()),
      bytes: new Uint8Array(),
      value,
      isSynthetic: true,
    },
    platform: undefined,
    layers,
    skipped: [],
    async [Symbol.asyncDispose]() {},
  };
}

interface LoadFacts {
  readonly verify?: boolean;
  readonly cache?: IndexCache;
  readonly events?: LoadEvent[];
}

function load(
  source: ImageSource,
  { verify = true, cache, events = [] }: LoadFacts = {},
): ReturnType<typeof loadLayers> {
  return loadLayers(source, {
    limits: DEFAULT_LIMITS,
    verify,
    spool: "lazy",
    scratch: createMemoryScratch(),
    cache,
    workers: 2,
    onProgress: (event) => events.push(event),
  });
}

describe("loadLayers", () => {
  it("indexes plain and compressed layers and reads their files", async () => {
    await using loaded = await load(imageOf([blob(BASE), blob(UPPER, { stored: gzipSync(UPPER) })]));
    const [base, upper] = loaded.layers;
    expect(base?.index.name(1)).toBe("etc/motd");
    expect(upper?.index.name(0)).toBe("etc/.wh.motd");
    await using content = await upper?.open(1);
    expect(Buffer.from(await readAll(content ?? memorySource(new Uint8Array()))).toString()).toBe("content");
    expect(upper?.tarSize).toBe(UPPER.length);
  });

  it("verifies and indexes a plain layer of several buffers", async () => {
    const large = tarScript(file("large", "0123456789abcdef".repeat(100_000)), file("after", "end"));
    await using loaded = await load(imageOf([blob(large)]));
    expect(loaded.layers[0]?.index.count).toBe(2);
    await using content = await loaded.layers[0]?.open(1);
    expect(Buffer.from(await readAll(content ?? memorySource(new Uint8Array()))).toString()).toBe("end");
  });

  it("gives each layer its chainID and the instruction that made it", async () => {
    const history = [{ created_by: "ADD base" }, { created_by: "ENV x", empty_layer: true }, { created_by: "RUN rm" }];
    await using loaded = await load(imageOf([blob(BASE), blob(UPPER)], history));
    expect(loaded.layers.map(({ createdBy }) => createdBy)).toEqual(["ADD base", "RUN rm"]);
    const [first, second] = loaded.layers.map(({ chainId }) => chainId);
    expect(first).toBe(diffIdOf(BASE));
    expect(second).toBe(digestOf(Buffer.from(`${diffIdOf(BASE)} ${diffIdOf(UPPER)}`)));
  });

  it("names image, layer and offset when bytes are not what the image claims", async () => {
    const wrong = blob(UPPER, { diffId: diffIdOf(BASE) });
    await expect(load(imageOf([blob(BASE), wrong]))).rejects.toMatchObject({
      code: "digest-mismatch",
      kind: "integrity",
      details: { image: "test:image", layer: 1, offset: UPPER.length },
    });
  });

  it("judges nothing when verification is off, and says the claimed diffID", async () => {
    await using loaded = await load(imageOf([blob(UPPER, { diffId: diffIdOf(BASE) })]), { verify: false });
    expect(loaded.layers[0]?.index.count).toBe(2);
    expect(loaded.layers[0]?.diffId).toBe(diffIdOf(BASE));
  });

  it("finds the diffID of a layer that claims none", async () => {
    const { diffId: _none, ...unclaimed } = blob(BASE);
    await using loaded = await load(imageOf([{ ...unclaimed, diffId: undefined }]));
    expect(loaded.layers[0]?.diffId).toBe(diffIdOf(BASE));
  });

  it("reads a layer once that occurs twice", async () => {
    let opened = 0;
    const twice = blob(BASE, { onOpen: () => opened++ });
    await using loaded = await load(imageOf([twice, blob(UPPER), twice]));
    expect(opened).toBe(1);
    expect(loaded.layers[2]?.index).toBe(loaded.layers[0]?.index);
  });

  it("keeps the place of a layer whose bytes are not here", async () => {
    const absent: LayerSource = { ...blob(UPPER), kind: "absent", reason: "foreign" };
    await using loaded = await load(imageOf([blob(BASE), absent]));
    expect(loaded.layers[1]?.index.count).toBe(0);
    expect(loaded.layers[1]?.chainId).toBeDefined();
  });
});

describe("the index cache", () => {
  it("spares the second reading of bytes that were verified and have not changed", async () => {
    const cache = createMemoryIndexCache();
    const events: LoadEvent[] = [];
    const source = imageOf([blob(BASE, { stamp: "1" })]);
    await (await load(source, { cache }))[Symbol.asyncDispose]();
    await using again = await load(source, { cache, events });
    expect(events).toContainEqual({ kind: "layer-loaded", layer: 0, fromCache: true });
    expect(again.layers[0]?.index.name(1)).toBe("etc/motd");
    await using content = await again.layers[0]?.open(1);
    expect(content?.size).toBe(5);
  });

  it("reads and verifies again when the file is another one, and so finds the damage", async () => {
    const cache = createMemoryIndexCache();
    await (await load(imageOf([blob(BASE, { stamp: "1" })]), { cache }))[Symbol.asyncDispose]();
    const damaged = Uint8Array.from(BASE);
    damaged[600] = (damaged[600] ?? 0) ^ 1;
    const changed = imageOf([blob(BASE, { stored: damaged, stamp: "2" })]);
    await expect(load(changed, { cache })).rejects.toMatchObject({ kind: "integrity" });
  });

  it("remembers nothing about bytes without a stamp, and nothing that was not verified", async () => {
    const cache = createMemoryIndexCache();
    const events: LoadEvent[] = [];
    await (await load(imageOf([blob(BASE, { stamp: "1" })]), { cache, verify: false }))[Symbol.asyncDispose]();
    await (await load(imageOf([blob(UPPER)]), { cache }))[Symbol.asyncDispose]();
    await using again = await load(imageOf([blob(BASE, { stamp: "1" }), blob(UPPER)]), { cache, events });
    expect(again.layers).toHaveLength(2);
    expect(events.filter((event) => event.kind === "layer-loaded" && event.fromCache)).toEqual([]);
  });
});
