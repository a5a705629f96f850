import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixtureLayout, layerOf } from "../../test/support/image-fixtures.ts";
import { artifactOf, bytesOf, copyInto, type FixtureArtifact, putImage } from "../../test/support/store-fixtures.ts";
import { FIXTURE_CHOICE, unpackStored } from "../../test/support/unpack-fixture.ts";
import { memorySource, readAll } from "../base/index.ts";
import { createLocalScratch } from "../content/index.ts";
import { DEFAULT_LIMITS, loadLayers } from "../image/index.ts";
import { type Digest, digestOf, MEDIA_TYPE, parseManifest } from "../oci/index.ts";
import { snapshotKey, snapshotName } from "../snapshot/index.ts";
import { compress } from "../tar/index.ts";
import { copyArtifact } from "../transport/index.ts";
import type { Fault } from "./fault.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";
import { blobPath } from "./store-layout.ts";

/** Keeps the tars, and needs no kernel as long as nothing is mounted. */
const DRIVER = "erofs";
let root: string;
let store: Store;
let artifact: FixtureArtifact;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "snapshots-test-")), "store");
  store = await openStore(root);
  artifact = await artifactOf(["base", "top"]);
  await putImage(store, "app", artifact);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(join(root, ".."), { recursive: true, force: true });
});

const committed = async (): Promise<string[]> => {
  const names: string[] = [];
  for await (const { name } of (await store.snapshotter({ driver: DRIVER })).walk()) names.push(name);
  return names.sort();
};
const blobs = async (): Promise<Digest[]> => {
  const found: Digest[] = [];
  for await (const { digest } of store.content.list()) found.push(digest);
  return found;
};
const faults = async (): Promise<Fault[]> => {
  const found: Fault[] = [];
  for await (const fault of store.check()) found.push(fault);
  return found;
};
const layersOf = (one: FixtureArtifact): Digest[] => {
  const document = parseManifest(bytesOf(one, one.root.digest), { what: "fixture" });
  return document.kind === "index" ? [] : document.layers.map(({ digest }) => digest);
};
const files = async (text: string): Promise<string[]> => {
  await using source = await store.openImage(text, FIXTURE_CHOICE);
  await using scratch = createLocalScratch();
  const options = { limits: DEFAULT_LIMITS, verify: true, spool: "lazy", scratch, workers: 1 } as const;
  await using loaded = await loadLayers(source, options);
  const texts: string[] = [];
  for (const layer of loaded.layers) {
    await using file = await layer.open(0);
    texts.push(Buffer.from(await readAll(file)).toString());
  }
  return texts;
};

describe("snapshots of an image", () => {
  test("keep the tars that they need, and go with the image from the top down", async () => {
    const { chainIds, tars } = await unpackStored(store, "app");
    expect(await committed()).toEqual([...chainIds].sort());
    await store.prune();
    expect(await committed()).toEqual([...chainIds].sort());
    expect(await blobs()).toEqual(expect.arrayContaining([...tars]));
    expect(await faults()).toEqual([]);
    const { garbage, heldBy } = await store.remove("app");
    expect({ count: garbage.snapshots.count, heldBy }).toEqual({ count: 2, heldBy: [] });
    expect(await committed()).toEqual([]);
    expect(await blobs()).toEqual([]);
  });

  test("that other images share stay", async () => {
    await putImage(store, "other", await artifactOf(["base", "else"]));
    const one = await unpackStored(store, "app");
    const other = await unpackStored(store, "other");
    await store.remove("app");
    expect(await committed()).toEqual([...other.chainIds].sort());
    expect(one.chainIds[0]).toBe(other.chainIds[0]);
    expect(await faults()).toEqual([]);
    await store.prune({ all: true });
    expect([await committed(), await blobs()]).toEqual([[], []]);
  });

  test("stay as long as a view stands on them, and their holder is told", async () => {
    const { chainIds, tars } = await unpackStored(store, "app");
    const snapshotter = await store.snapshotter({ driver: DRIVER });
    await snapshotter.view(snapshotKey("reader"), snapshotName(chainIds[1] ?? ""));
    expect((await store.remove("app")).heldBy).toEqual(["reader"]);
    expect(await store.images()).toEqual([]);
    expect(await committed()).toEqual([...chainIds, "reader"].sort());
    expect((await blobs()).sort()).toEqual([...tars].sort());
    await snapshotter.remove(snapshotKey("reader"));
    expect((await store.collectGarbage()).snapshots.count).toBe(2);
    expect([await committed(), await blobs()]).toEqual([[], []]);
  });

  test("stay while their chainIDs are leased, before any image has them", async () => {
    const { chainIds } = await unpackStored(store, "app");
    const lease = await store.lease();
    await lease.add(chainIds[1] as string as Digest);
    await store.remove("app");
    expect(await committed()).toEqual([...chainIds].sort());
    await lease[Symbol.asyncDispose]();
    await store.prune();
    expect(await committed()).toEqual([]);
  });

  test("made by hand stay, with what they stand on", async () => {
    const { chainIds } = await unpackStored(store, "app");
    const snapshotter = await store.snapshotter({ driver: DRIVER });
    await snapshotter.prepare(snapshotKey("work"), snapshotName(chainIds[0] ?? ""));
    await snapshotter.commit(snapshotName("mine"), snapshotKey("work"));
    await store.prune({ all: true });
    expect(new Set(await committed())).toEqual(new Set([chainIds[0], "mine"]));
  });

  test("are freed beside what a process left that died while it tried the kernel", async () => {
    await unpackStored(store, "app");
    await mkdir(join(root, "snapshots/.probe-0123456789abcdef"));
    await store.prune({ all: true });
    expect(await committed()).toEqual([]);
  });

  test("are told before they are removed, and counted", async () => {
    const { tars } = await unpackStored(store, "app");
    const before = await store.diskUsage();
    expect(before).toMatchObject({ unpackedLayers: { count: tars.length }, snapshots: [{ driver: DRIVER, count: 2 }] });
    expect(before.reclaimable).toBe(0);
    expect(before.images.bytes).toBe((await store.find("app")).size);
    const told = await store.prune({ all: true, isDryRun: true });
    expect({ ...(await store.prune({ all: true })), isDryRun: true }).toEqual(told);
    expect(told.snapshots.count).toBe(2);
  });

  test("keep older releases off the store", async () => {
    expect(await readFile(join(root, "version"), "utf8")).toBe("1\n");
    await store.snapshotter({ driver: DRIVER });
    expect(await readFile(join(root, "version"), "utf8")).toBe("2\n");
  });
});

describe("a check", () => {
  test("names a tar that a snapshot needs and that is gone or damaged, with the image to pull again", async () => {
    const { tars } = await unpackStored(store, "app");
    const [tar = "" as Digest] = tars;
    await writeFile(join(root, blobPath(tar)), "damaged");
    expect(await faults()).toMatchObject([{ code: "blob-corrupt", images: ["docker.io/library/app:latest"] }]);
    await rm(join(root, blobPath(tar)));
    expect(await faults()).toMatchObject([
      { code: "snapshot-tar-missing", digest: tar, images: ["docker.io/library/app:latest"] },
    ]);
  });

  test("is healed by unpacking again where a tar is gone", async () => {
    const { tars } = await unpackStored(store, "app");
    for (const tar of tars) await rm(join(root, blobPath(tar)));
    expect((await faults()).map(({ code }) => code)).toEqual(["snapshot-tar-missing", "snapshot-tar-missing"]);
    await unpackStored(store, "app");
    expect(await faults()).toEqual([]);
  });

  test("finds a damaged record, which a repair sets aside; until then nothing is freed", async () => {
    await unpackStored(store, "app");
    const records = join(root, `snapshots/${DRIVER}/records`);
    const [name = ""] = await readdir(records);
    await writeFile(join(records, name), "{");
    expect((await store.remove("app")).garbage.blobs.count).toBe(0);
    expect((await faults()).map(({ code }) => code)).toContain("snapshot-record-damaged");
    for await (const _ of store.repair()) {
      // Each is done when it is told.
    }
    expect((await faults()).map(({ code }) => code)).not.toContain("snapshot-record-damaged");
  });
});

describe("an unpacked image", () => {
  test("is read from its tars", async () => {
    await unpackStored(store, "app");
    for (const digest of layersOf(artifact)) await rm(join(root, blobPath(digest)));
    expect(await files("app")).toEqual(["base", "top"]);
  });

  test("whose compressed layers went missing is whole again after a repair", async () => {
    await unpackStored(store, "app");
    for (const digest of layersOf(artifact)) await rm(join(root, blobPath(digest)));
    expect((await faults()).map(({ code }) => code)).toEqual(["compressed-missing", "compressed-missing"]);
    for await (const _ of store.repair()) {
      // Each is done when it is told.
    }
    expect(await faults()).toEqual([]);
    expect((await store.find("app")).isComplete).toBe(true);
  });
});

describe("discarding compressed layers", () => {
  const blobOf = async (text: string, digest: Digest): Promise<Buffer> => {
    await using source = await store.openArtifact(text);
    await using blob = await source.openBlob({ mediaType: MEDIA_TYPE.ociLayerGzip, digest, size: 0 });
    return Buffer.from(await readAll(blob));
  };

  test("leaves the image whole, through garbage collections and without snapshots", async () => {
    const { tars, chainIds } = await unpackStored(store, "app");
    const { size } = await store.find("app");
    expect(await store.discardCompressed("app")).toMatchObject({ blobs: { count: 2 }, kept: [] });
    expect((await store.find("app")).isComplete).toBe(true);
    expect((await store.find("app")).size).toBeLessThan(size);
    const snapshotter = await store.snapshotter({ driver: DRIVER });
    for (const chainId of [...chainIds].reverse()) await snapshotter.remove(snapshotName(chainId));
    await store.prune();
    expect(await faults()).toEqual([]);
    expect(await blobs()).toEqual(expect.arrayContaining([...tars]));
    for (const digest of layersOf(artifact)) expect(await blobs()).not.toContain(digest);
    expect(await files("app")).toEqual(["base", "top"]);
    expect(await store.discardCompressed("app")).toEqual({ blobs: { count: 0, bytes: 0 }, kept: [] });
    await store.remove("app");
    expect(await blobs()).toEqual([]);
  });

  test("is refused where a layer is not here as its tar", async () => {
    await expect(store.discardCompressed("app")).rejects.toThrow(
      expect.objectContaining({ code: "layers-not-unpacked" }),
    );
    expect(await faults()).toEqual([]);
  });

  test("spares what somebody reads, and what a second image takes for something else", async () => {
    await unpackStored(store, "app");
    const [base, top] = layersOf(artifact);
    const lease = await store.lease();
    await lease.add(base as Digest);
    expect(await store.discardCompressed("app")).toMatchObject({
      blobs: { count: 1 },
      kept: [{ digest: base, reason: "somebody reads it" }],
    });
    await lease[Symbol.asyncDispose]();
    const liar = new FixtureLayout();
    const layer = await layerOf({ "file-base": "base" });
    const root = liar.image([{ ...layer, diffId: (await layerOf({ lie: "" })).diffId }]);
    await putImage(store, "liar", { layout: liar, root });
    expect(await store.discardCompressed("app")).toMatchObject({ blobs: { count: 0 }, kept: [{ digest: base }] });
    expect(await blobs()).toContain(base);
    expect(await blobs()).not.toContain(top);
  });

  test("spares a blob that does not hold the tar that its image speaks of", async () => {
    const honest = await layerOf({ "file-a": "a" });
    const layout = new FixtureLayout();
    const root = layout.image([{ ...(await layerOf({ "file-b": "b" })), diffId: honest.diffId }]);
    const one = new FixtureLayout();
    await putImage(store, "honest", { layout: one, root: one.image([honest]) });
    await unpackStored(store, "honest");
    await putImage(store, "swapped", { layout, root });
    expect(await store.discardCompressed("swapped")).toMatchObject({ blobs: { count: 0 }, kept: [{}] });
  });

  test("brings a layer of another image from its tar, and does not fetch it again", async () => {
    await unpackStored(store, "app");
    await store.discardCompressed("app");
    await putImage(store, "other", await artifactOf(["base", "else"]));
    expect(await store.find("other")).toMatchObject({ isComplete: true });
    expect(await blobs()).not.toContain(layersOf(artifact)[0]);
    expect(await files("other")).toEqual(["base", "else"]);
    await store.remove("app");
    expect(await files("other")).toEqual(["base", "else"]);
    expect(await faults()).toEqual([]);
  });

  test("survives the loss of the tables", async () => {
    await unpackStored(store, "app");
    await store.discardCompressed("app");
    await store[Symbol.asyncDispose]();
    await rm(join(root, "metadata"), { recursive: true });
    store = await openStore(root);
    for await (const _ of store.repair()) {
      // Each is done when it is told.
    }
    await store.prune();
    expect(await files("app")).toEqual(["base", "top"]);
    expect(await faults()).toEqual([]);
  });

  test("lets a layer that another compressor made be had only converted or from elsewhere", async () => {
    await unpackStored(store, "app");
    await store.discardCompressed("app");
    const [base] = layersOf(artifact);
    await expect(blobOf("app", base as Digest)).rejects.toThrow(
      expect.objectContaining({ code: "compressed-blob-discarded" }),
    );
    await using source = await store.openArtifact("app");
    await using target = await store.destination("converted");
    await copyArtifact(source, target, { compression: "gzip" });
    expect(await store.find("converted")).toMatchObject({ isComplete: true });
    expect(await files("converted")).toEqual(["base", "top"]);
  });

  test("makes a layer of our own compressor again, byte for byte", async () => {
    const layer = await layerOf({ "file-own": "own ".repeat(500_000) });
    const packed: Uint8Array[] = [];
    for await (const chunk of compress(memorySource(layer.tar).stream(), "gzip")) packed.push(chunk);
    const stored = Buffer.concat(packed);
    const layout = new FixtureLayout();
    await putImage(store, "own", { layout, root: layout.image([{ ...layer, stored }]) });
    await unpackStored(store, "own");
    expect(await store.discardCompressed("own")).toMatchObject({ blobs: { count: 1, bytes: stored.length } });
    expect((await blobOf("own", digestOf(stored))).equals(stored)).toBe(true);
  });

  test("remembers from which repository each blob came", async () => {
    const origin = { registry: "registry.example", repository: "team/app" };
    await using target = await store.destination("pulled");
    const from = await artifactOf(["base", "pulled"]);
    const manifest = parseManifest(bytesOf(from, from.root.digest), { what: "fixture" });
    if (manifest.kind === "index") throw new Error("an index");
    for (const descriptor of [manifest.config, ...manifest.layers]) {
      await target.putBlob({ descriptor, origin, open: async () => memorySource(bytesOf(from, descriptor.digest)) });
    }
    await copyInto(target, from);
    await using source = await store.openArtifact("pulled");
    for (const layer of manifest.layers) expect(source.originOf?.(layer)).toEqual(origin);
  });
});
