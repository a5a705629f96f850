import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configOf, FixtureLayout, layerOf } from "../../../test/support/image-fixtures.ts";
import { artifactOf, copyInto, type FixtureArtifact, putImage } from "../../../test/support/store-fixtures.ts";
import { type Digest, digestOf, hexOf, MEDIA_TYPE, parseManifest } from "../../oci/index.ts";
import type { Fault, Repair } from "../fault.ts";
import { openMetadata } from "../metadata/open-metadata.ts";
import type { ImagePart, RecordWriter } from "../metadata/records.ts";
import { openStore } from "../open-store.ts";
import type { Store } from "../store.ts";
import { blobPath } from "../store-layout.ts";

const NAME = "docker.io/library/app:latest";
let root: string;
let store: Store;
let artifact: FixtureArtifact;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "check-test-")), "store");
  store = await openStore(root);
  artifact = await artifactOf(["one", "two"]);
  await putImage(store, "app", artifact);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(join(root, ".."), { recursive: true, force: true });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
const check = async (): Promise<Fault[]> => await collect(store.check());
const repair = async (): Promise<Repair[]> => await collect(store.repair());
const codes = async (): Promise<string[]> => (await check()).map(({ code }) => code);
const pathOf = (digest: Digest): string => join(root, blobPath(digest));
const manifest = (): { config: Digest; layer: Digest } => {
  const bytes = artifact.layout.files[blobPath(artifact.root.digest)] as Uint8Array;
  const document = parseManifest(bytes, { what: "fixture" });
  if (document.kind === "index") throw new Error("an index");
  return { config: document.config.digest, layer: document.layers[0]?.digest as Digest };
};
/** Changes the tables behind the back of the store. */
const tamper = async (change: (records: RecordWriter) => void): Promise<void> => {
  await using metadata = await openMetadata(join(root, "metadata"), () => {});
  metadata.write(change);
};
const flip = async (path: string): Promise<void> => {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
};

test("a store that was used well has no faults, and a repair finds nothing to do", async () => {
  await store.tag("app", "other");
  await putImage(store, "app", await artifactOf(["one", "three"]));
  const events: number[] = [];
  expect(await collect(store.check({ onProgress: ({ done, total }) => void events.push(done / total) }))).toEqual([]);
  expect(events.at(-1)).toBe(1);
  expect(await repair()).toEqual([]);
});

describe("damage to a blob", () => {
  test("is found wherever it is, set aside, and healed by another pull", async () => {
    const { config, layer } = manifest();
    for (const digest of [layer, config, artifact.root.digest]) {
      for (const damage of [flip, (path: string) => truncate(path, 5), (path: string) => appendFile(path, "x")]) {
        await damage(pathOf(digest));
        expect(await check()).toMatchObject([{ code: "blob-corrupt", severity: "error", digest, images: [NAME] }]);
        const repairs = await repair();
        expect(repairs).toMatchObject([{ action: "quarantined", pullAgain: [NAME] }]);
        expect(await readFile(join(root, repairs[0]?.movedTo ?? ""))).toBeDefined();
        expect((await store.find("app")).isComplete).toBe(false);
        const expected = digest === artifact.root.digest ? "root-missing" : "blob-missing";
        expect(await check()).toMatchObject([{ code: expected, digest, images: [NAME] }]);
        expect(await repair()).toMatchObject([{ action: "none", pullAgain: [NAME] }]);
        await putImage(store, "app", artifact);
        expect(await check()).toEqual([]);
        expect((await store.find("app")).isComplete).toBe(true);
      }
    }
  });

  test("a missing blob is named with its images, and healed by another pull", async () => {
    const { config, layer } = manifest();
    await store.tag("app", "b");
    for (const digest of [layer, config, artifact.root.digest]) {
      await rm(pathOf(digest));
      expect(await check()).toMatchObject([{ digest, images: [NAME, "docker.io/library/b:latest"] }]);
      await putImage(store, "app", artifact);
      expect(await check()).toEqual([]);
    }
  });

  test("of which no image needs anything is garbage, not a fault", async () => {
    await using ingest = await store.content.ingest("x");
    await ingest.write(Buffer.from("x"));
    await ingest.commit();
    expect(await check()).toMatchObject([{ code: "unreferenced-blob", severity: "info" }]);
    expect(await repair()).toEqual([]);
  });
});

describe("an image that was published wrong", () => {
  const publish = async (manifestOf: (layout: FixtureLayout) => Promise<object>): Promise<void> => {
    const layout = new FixtureLayout();
    const wrong = layout.blob(await manifestOf(layout), MEDIA_TYPE.ociManifest);
    await using destination = await store.destination("wrong");
    await copyInto(destination, { layout, root: wrong });
  };

  test("has layers that are not those of its configuration", async () => {
    const [one, other] = [await layerOf({ a: "1" }), await layerOf({ a: "2" })];
    await publish(async (layout) => ({
      config: layout.blob(configOf([other]), MEDIA_TYPE.ociConfig),
      layers: [layout.blob(one.stored, one.mediaType)],
    }));
    expect(await check()).toMatchObject([
      { code: "diffid-mismatch", digest: digestOf(one.stored), images: ["docker.io/library/wrong:latest"] },
    ]);
    expect(await repair()).toMatchObject([{ action: "none", pullAgain: [] }]);
  });

  test("has layers that cannot be decompressed", async () => {
    const one = await layerOf({ a: "1" });
    const stored = one.stored.subarray(0, 40);
    await publish(async (layout) => ({
      config: layout.blob(configOf([one]), MEDIA_TYPE.ociConfig),
      layers: [layout.blob(stored, one.mediaType)],
    }));
    expect(await check()).toMatchObject([{ code: "layer-unreadable", digest: digestOf(stored) }]);
  });
});

describe("wrong tables", () => {
  const key = (): string => artifact.root.digest;

  test("are held against the documents, and derived anew", async () => {
    const record = await new Promise<ReturnType<RecordWriter["get"]>>((resolve) => {
      void tamper((records) => resolve(records.get("image", key())));
    });
    const changes: [string, (records: RecordWriter) => void][] = [
      ["record-differs", (records) => change(records, (parts) => parts.slice(0, 2))],
      [
        "record-differs",
        (records) => change(records, (parts) => parts.map((part) => ({ ...part, size: part.size + 1 }))),
      ],
      [
        "record-differs",
        (records) =>
          change(records, (parts) =>
            parts.map((part, i) => (i > 0 ? part : { ...part, digest: digestOf(Buffer.alloc(9)) })),
          ),
      ],
      ["layer-table-differs", forgetLayers],
      ["layer-table-differs", forgetParents],
    ];
    for (const [code, damage] of changes) {
      await tamper(damage);
      expect(await codes()).toContain(code);
      expect((await repair()).map(({ action }) => action)).toContain("re-derived");
      expect(await check()).toEqual([]);
      await tamper((records) => expect(records.get("image", key())).toEqual(record));
    }
    function forgetLayers(records: RecordWriter): void {
      for (const [diffId] of records.list("layer")) records.remove("layer", diffId);
    }
    function forgetParents(records: RecordWriter): void {
      for (const [id, { diffId }] of records.list("chain")) records.put("chain", id, { diffId });
    }
    function change(records: RecordWriter, edit: (parts: readonly ImagePart[]) => readonly ImagePart[]): void {
      const image = records.get("image", key());
      if (image !== undefined) records.put("image", key(), { ...image, parts: edit(image.parts) });
    }
  });

  test("a name without an image gets it back, or is shown as an image that is missing", async () => {
    await tamper((records) => records.remove("image", key()));
    expect(await codes()).toContain("name-without-image");
    await repair();
    expect(await check()).toEqual([]);
    expect((await store.find("app")).isComplete).toBe(true);
    const gone = { mediaType: MEDIA_TYPE.ociManifest, digest: digestOf(Buffer.alloc(3)), size: 3 };
    await tamper((records) => records.put("name", NAME, gone));
    await tamper((records) => records.remove("image", key()));
    const repairs = await repair();
    expect(repairs).toContainEqual(expect.objectContaining({ action: "re-derived", pullAgain: [] }));
    expect((await store.find("app")).descriptor.digest).toBe(key());
  });

  test("of names are found to differ from their copy", async () => {
    await writeFile(join(root, "index.json"), "{}");
    expect(await check()).toMatchObject([{ code: "names-copy-differs", severity: "info" }]);
    await repair();
    expect(await check()).toEqual([]);
  });
});

describe("tables that cannot be read", () => {
  const data = (): string => join(root, "metadata", "data.mdb");

  test("are made anew from the blobs and the copy of the names", async () => {
    await store.tag("app", "b");
    await putImage(store, undefined, await artifactOf(["dangling"]));
    const before = await store.images();
    for (const damage of [
      () => truncate(data(), 5000),
      () => writeFile(data(), Buffer.alloc(30_000, 3)),
      () => rm(join(root, "metadata"), { recursive: true }),
      () => rm(data()),
    ]) {
      await store[Symbol.asyncDispose]();
      store = await openStore(root);
      await damage();
      await expect(store.images()).rejects.toThrow(expect.objectContaining({ code: "store-metadata-unreadable" }));
      expect(await check()).toMatchObject([{ code: "metadata-unreadable", severity: "error" }]);
      expect(await repair()).toMatchObject([{ action: "re-derived" }]);
      expect(await store.images()).toEqual(before);
      expect(await check()).toEqual([]);
    }
    expect((await readdir(join(root, "quarantine"))).length).toBeGreaterThan(2);
  });

  test("are not replaced while another process has them open", async () => {
    await using other = await openStore(root);
    await other.images();
    await store[Symbol.asyncDispose]();
    await rm(data());
    store = await openStore(root);
    await expect(repair()).rejects.toThrow(expect.objectContaining({ code: "file-locked" }));
  });
});

describe("files", () => {
  test("that do not belong there are moved away, leftovers are removed", async () => {
    const strays = ["x", "blobs/x", "blobs/sha256/abc", `blobs/sha256/${"A".repeat(64)}`, "indexes/x"];
    await store.indexCache.set("k", Buffer.from("v"));
    for (const path of strays) await writeFile(join(root, path), "stray");
    const leftovers = ["index.json.0123.partial", "indexes/y.index.99.partial"];
    for (const path of leftovers) await writeFile(join(root, path), "torn");
    const faults = await check();
    expect(new Set(faults.map(({ code, path }) => `${code} ${path}`))).toEqual(
      new Set([...strays.map((path) => `stray-file ${path}`), ...leftovers.map((path) => `leftover-file ${path}`)]),
    );
    await repair();
    expect(await check()).toEqual([]);
    expect(await readdir(join(root, "quarantine"))).toHaveLength(strays.length);
  });

  test("of remembered tables of contents are removed when they are damaged", async () => {
    await store.indexCache.set(`layer-index/1/${artifact.root.digest}`, Buffer.from("value"));
    expect(await check()).toEqual([]);
    const [name = ""] = await readdir(join(root, "indexes"));
    await flip(join(root, "indexes", name));
    expect(await store.indexCache.get(`layer-index/1/${artifact.root.digest}`)).toBeUndefined();
    expect(await check()).toMatchObject([{ code: "index-entry-corrupt", path: `indexes/${name}` }]);
    await repair();
    expect(await check()).toEqual([]);
  });

  test("of the dead are told", async () => {
    await writeFile(join(root, "leases", "dead"), `${artifact.root.digest}\n`);
    const ingest = await store.content.ingest("broken");
    await ingest.write(Buffer.from("123"));
    await ingest[Symbol.asyncDispose]();
    expect(await check()).toMatchObject([
      { code: "abandoned-ingest", severity: "info" },
      { code: "dead-lease", severity: "info" },
    ]);
    expect(await repair()).toMatchObject([{ action: "removed" }]);
    await store.prune();
    expect(await check()).toEqual([]);
    expect(hexOf(artifact.root.digest)).toHaveLength(64);
  });
});
