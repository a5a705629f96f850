import { promises as fs } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FixtureLayout, forPlatform, layerOf } from "../../test/support/image-fixtures.ts";
import { artifactOf, bytesOf, copyInto, type FixtureArtifact, putImage } from "../../test/support/store-fixtures.ts";
import { readAll } from "../base/index.ts";
import { DEFAULT_SOURCE_LIMITS, type PlatformChoice } from "../image/index.ts";
import { chainIds, type DiffId, type Digest, hexOf, parseManifest, parsePlatform } from "../oci/index.ts";
import { openMetadata } from "./metadata/open-metadata.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";
import { blobPath, storeLayout } from "./store-layout.ts";

let root: string;
let store: Store;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "store-test-")), "store");
  store = await openStore(root);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(join(root, ".."), { recursive: true, force: true });
});

const failure = (code: string, kind: string): unknown => expect.objectContaining({ code, kind });
const choice = (platform?: string): PlatformChoice => ({
  platform: platform === undefined ? undefined : parsePlatform(platform),
  hostPlatform: parsePlatform("linux/amd64"),
  limits: DEFAULT_SOURCE_LIMITS,
});
const blobCount = async (): Promise<number> => {
  let count = 0;
  for await (const _ of store.content.list()) count++;
  return count;
};
/** One image for amd64 and one for arm64 in an index; they share a layer. */
const twoPlatforms = async (): Promise<FixtureArtifact & { layout: FixtureLayout }> => {
  const layout = new FixtureLayout();
  const shared = await layerOf({ shared: "x".repeat(1000) });
  const images = ["amd64", "arm64"].map((architecture) =>
    forPlatform(layout.image([shared], { config: { architecture } }), `linux/${architecture}`),
  );
  return { layout, root: layout.index(images) };
};

describe("an image in the store", () => {
  test("is found by name, digest, id and their beginnings, and reads as it came", async () => {
    const artifact = await artifactOf(["one", "two"], { created: "2024-01-02T03:04:05Z" });
    const descriptor = await putImage(store, "nginx", artifact);
    const [image, ...others] = await store.images();
    expect(others).toEqual([]);
    expect(image).toMatchObject({
      names: ["docker.io/library/nginx:latest"],
      descriptor,
      created: "2024-01-02T03:04:05Z",
      platforms: [{ os: "linux", architecture: "amd64" }],
      sharedSize: 0,
      isComplete: true,
    });
    const config = image?.configDigest as NonNullable<typeof image>["configDigest"] & string;
    for (const text of [
      "nginx",
      "nginx:latest",
      "docker.io/library/nginx",
      `nginx@${descriptor.digest}`,
      `nginx:latest@${descriptor.digest}`,
      descriptor.digest,
      hexOf(descriptor.digest).slice(0, 12),
      descriptor.digest.slice(0, 14),
      config,
      hexOf(config).slice(0, 4),
    ]) {
      expect(await store.find(text)).toEqual(image);
    }
    for (const text of ["nginx:1", "redis", `redis@${descriptor.digest}`, "abc", "../x", `sha256:${"0".repeat(64)}`]) {
      await expect(store.find(text)).rejects.toThrow(failure("image-not-found", "not-found"));
    }
    await using source = await store.openImage("nginx", choice());
    expect(source).toMatchObject({ transport: "store", names: image?.names, platform: { architecture: "amd64" } });
    expect(source.layers).toHaveLength(2);
    await using copy = await store.openArtifact("nginx");
    const manifest = parseManifest(copy.root.bytes, { what: "manifest" });
    if (manifest.kind !== "manifest") throw new Error("not a manifest");
    await using blob = await copy.openBlob(manifest.config);
    expect(JSON.parse(Buffer.from(await readAll(blob)).toString())).toMatchObject({ os: "linux" });
  });

  test("answers quickly whether a name is here, for any text", async () => {
    await putImage(store, "nginx:1", await artifactOf(["one"]));
    const asked = ["nginx:1", "docker.io/library/nginx:1", "nginx", "./nginx", "", "a:b:c", "UPPER"];
    expect(await Promise.all(asked.map((name) => store.has(name)))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  test("has its names in the root's index.json too, which makes the root an OCI layout", async () => {
    const { digest } = await putImage(store, "nginx:1", await artifactOf(["one"]));
    const index = JSON.parse(await readFile(join(root, "index.json"), "utf8")) as { manifests: unknown[] };
    expect(index.manifests).toMatchObject([
      { digest, annotations: { "org.opencontainers.image.ref.name": "docker.io/library/nginx:1" } },
    ]);
    expect(await readFile(join(root, "oci-layout"), "utf8")).toContain("1.0.0");
  });

  test("may be there for one platform of several, and for the others later", async () => {
    const artifact = await twoPlatforms();
    const pull = async (architecture: string): Promise<void> => {
      await using destination = await store.destination("app");
      await copyInto(destination, artifact, { choose: ({ platform }) => platform?.architecture === architecture });
    };
    await pull("arm64");
    expect(await store.find("app")).toMatchObject({ isComplete: false, platforms: [{ architecture: "arm64" }] });
    await using image = await store.openImage("app", choice());
    expect(image.platform?.architecture).toBe("arm64");
    await expect(store.openImage("app", choice("linux/amd64"))).rejects.toThrow(
      failure("platform-not-found", "not-found"),
    );
    const before = (await store.find("app")).size;
    await pull("amd64");
    const after = await store.find("app");
    expect(after).toMatchObject({ isComplete: true, configDigest: undefined });
    expect(after.size).toBeGreaterThan(before);
    await using both = await store.openImage("app", choice("linux/amd64"));
    expect(both.platform?.architecture).toBe("amd64");
  });

  test("tells its chain as its documents do, whichever way it is meant", async () => {
    const expectSame = async (text: string, platform?: string): Promise<void> => {
      await using image = await store.openImage(text, choice(platform));
      const diffIds = image.layers.map(({ diffId }) => diffId);
      expect(await store.chain(text, choice(platform))).toEqual({ diffIds, chainIds: chainIds(diffIds as DiffId[]) });
    };
    await putImage(store, "one", await artifactOf(["a", "b", "c"]));
    await putImage(store, "empty", await artifactOf([]));
    await putImage(store, "both", await twoPlatforms());
    {
      await using destination = await store.destination("arm");
      await copyInto(destination, await twoPlatforms(), {
        choose: ({ platform }) => platform?.architecture === "arm64",
      });
    }
    for (const text of ["one", "empty", "both", "arm"]) await expectSame(text);
    for (const id of (await store.find("both")).platforms) await expectSame("both", `linux/${id.architecture}`);
    await expect(store.chain("one", choice("linux/arm64"))).rejects.toThrow(failure("platform-not-found", "not-found"));
  });

  test("tells its chain without its documents, unless the tables contradict themselves", async () => {
    const artifact = await artifactOf(["a", "b"]);
    await putImage(store, "one", artifact);
    const chain = await store.chain("one", choice());
    const { configDigest } = await store.find("one");
    const config = join(root, blobPath(configDigest as Digest));
    await rename(config, `${config}.aside`);
    expect(await store.chain("one", choice())).toEqual(chain);
    await expect(store.chain("one", choice("linux/amd64"))).rejects.toThrow(failure("missing-blob", "not-found"));
    await rename(`${config}.aside`, config);
    {
      await using metadata = await openMetadata(storeLayout(root).metadata, () => {});
      metadata.write((records) => {
        records.put("chain", chain.chainIds[1] as string, { diffId: chain.diffIds[1] as DiffId });
      });
    }
    expect(await store.chain("one", choice())).toEqual(chain);
  });

  test("keeps what it names for another platform when that came with another image", async () => {
    const artifact = await twoPlatforms();
    {
      await using destination = await store.destination("app");
      await copyInto(destination, artifact, { choose: ({ platform }) => platform?.architecture === "arm64" });
    }
    const index = parseManifest(bytesOf(artifact, artifact.root.digest), { what: "fixture" });
    const amd64 = index.kind === "index" ? index.manifests[0] : undefined;
    await putImage(store, "inner", { layout: artifact.layout, root: { ...artifact.root, ...amd64 } });
    await store.remove("inner");
    await store.prune();
    expect(await store.find("app")).toMatchObject({ isComplete: true, platforms: [{}, {}] });
    await using image = await store.openImage("app", choice("linux/amd64"));
    expect(image.layers).toHaveLength(1);
  });

  test("is transferred once by two pulls at a time, and two platforms pulled at a time are both there", async () => {
    const artifact = await artifactOf(["one", "two"]);
    const results = await Promise.all(
      ["a", "b"].map(async (name) => {
        await using destination = await store.destination(name);
        const put = destination.putBlob.bind(destination);
        const seen: string[] = [];
        destination.putBlob = async (...values) => {
          const result = await put(...values);
          seen.push(result);
          return result;
        };
        await copyInto(destination, artifact);
        return seen;
      }),
    );
    expect(results.flat().filter((result) => result === "transferred")).toHaveLength(3);
    const both = await twoPlatforms();
    await Promise.all(
      ["amd64", "arm64"].map(async (architecture) => {
        await using destination = await store.destination("both");
        await copyInto(destination, both, { choose: ({ platform }) => platform?.architecture === architecture });
      }),
    );
    expect(await store.find("both")).toMatchObject({ isComplete: true, platforms: [{}, {}] });
  });

  test("without a name is dangling, and takes the names that come with it", async () => {
    const artifact = await artifactOf(["one"]);
    await putImage(store, undefined, artifact);
    expect((await store.images()).map(({ names }) => names)).toEqual([[]]);
    await using destination = await store.destination(undefined);
    await copyInto(destination, artifact, { names: ["a/b:c", "not a name", "ghcr.io/x/y"] });
    expect((await store.images()).map(({ names }) => names)).toEqual([["docker.io/a/b:c", "ghcr.io/x/y:latest"]]);
  });

  test("shows nothing before it is finished, and is not finished with a blob missing", async () => {
    const artifact = await artifactOf(["one", "two"]);
    await using destination = await store.destination("a");
    await destination.putDocument({
      ...artifact.root,
      bytes: Buffer.from(artifact.layout.files[`blobs/sha256/${hexOf(artifact.root.digest)}`] as Uint8Array),
    });
    expect(await destination.has(artifact.root)).toBe(false);
    await destination.name(artifact.root, []);
    await expect(destination.finish()).rejects.toThrow(failure("image-incomplete", "failed-precondition"));
    expect(await store.images()).toEqual([]);
    await copyInto(destination, artifact);
    expect(await destination.has(artifact.root)).toBe(true);
    expect(await store.images()).toHaveLength(1);
  });
});

describe("names", () => {
  test("move, and leave the image that had them dangling", async () => {
    const [one, two] = [await artifactOf(["one"]), await artifactOf(["two"])];
    await putImage(store, "app", one);
    await putImage(store, "app", two);
    expect((await store.images()).map(({ names, descriptor }) => [names, descriptor.digest])).toEqual([
      [["docker.io/library/app:latest"], two.root.digest],
      [[], one.root.digest],
    ]);
    await store.tag(one.root.digest, "app");
    expect((await store.find("app")).descriptor.digest).toBe(one.root.digest);
  });

  test("are those of the moment for who opens images, whoever changes them meanwhile", async () => {
    const image = await putImage(store, "app", await artifactOf(["one"]));
    await using other = await openStore(root);
    const namesOf = async (text: string): Promise<readonly string[]> => {
      await using opened = await other.openImage(text, choice());
      return opened.names;
    };
    expect(await namesOf("app")).toEqual(["docker.io/library/app:latest"]);
    await store.tag("app", "too");
    expect(await namesOf(image.digest)).toEqual(["docker.io/library/app:latest", "docker.io/library/too:latest"]);
    await store.remove("app");
    await expect(namesOf("app")).rejects.toEqual(failure("image-not-found", "not-found"));
  });

  test("are copied along by an id, and a name alone by that name", async () => {
    const image = await putImage(store, "one", await artifactOf(["one"]));
    await store.tag("one", "two");
    for (const [text, names] of [
      ["two", ["docker.io/library/two:latest"]],
      [image.digest, ["docker.io/library/one:latest", "docker.io/library/two:latest"]],
    ] as const) {
      await using opened = await store.openArtifact(text);
      expect(opened.names).toEqual(names);
    }
  });

  test("of a manifest inside of an index make it an image of its own", async () => {
    const artifact = await twoPlatforms();
    await putImage(store, "app", artifact);
    const index = await store.find("app");
    await using opened = await store.openArtifact("app");
    const document = parseManifest(opened.root.bytes, { what: "index" });
    const inner = document.kind === "index" ? document.manifests[0] : undefined;
    await opened[Symbol.asyncDispose]();
    await store.tag(inner?.digest ?? "", "inner");
    const image = await store.find("inner");
    expect(image).toMatchObject({ descriptor: { digest: inner?.digest }, isComplete: true, sharedSize: image.size });
    await store.remove("app");
    expect(await store.find("inner")).toMatchObject({ isComplete: true, sharedSize: 0 });
    expect(index.platforms).toHaveLength(2);
  });

  test("are refused when they are none", async () => {
    await putImage(store, "app", await artifactOf(["one"]));
    await expect(store.tag("app", "Not A Name")).rejects.toThrow(failure("invalid-reference", "invalid-argument"));
    await expect(store.destination("UPPER")).rejects.toThrow(failure("invalid-reference", "invalid-argument"));
    await expect(store.tag("none", "b")).rejects.toThrow(failure("image-not-found", "not-found"));
  });
});

describe("removing", () => {
  test("the last name frees what no other image needs", async () => {
    await putImage(store, "a", await artifactOf(["base", "a"]));
    await putImage(store, "b", await artifactOf(["base", "b"]));
    await store.tag("a", "a:2");
    expect((await store.images()).every(({ sharedSize }) => sharedSize > 0)).toBe(true);
    expect(await store.remove("a")).toMatchObject({ untagged: ["docker.io/library/a:latest"], deleted: undefined });
    const removed = await store.remove("a:2");
    expect(removed).toMatchObject({ deleted: expect.any(String), garbage: { blobs: { count: 3 } } });
    expect(await blobCount()).toBe(4);
    await using image = await store.openImage("b", choice());
    expect(image.layers).toHaveLength(2);
  });

  test("by id needs force when there are several names", async () => {
    const { digest } = await putImage(store, "a", await artifactOf(["a"]));
    await store.tag("a", "b");
    await expect(store.remove(digest)).rejects.toThrow(failure("image-has-names", "failed-precondition"));
    expect((await store.remove(digest, { force: true })).untagged).toHaveLength(2);
    expect(await blobCount()).toBe(0);
  });

  test("leaves what a lease, an open image or a pull under way needs", async () => {
    const artifact = await artifactOf(["one"]);
    await putImage(store, "a", artifact);
    {
      await using _image = await store.openImage("a", choice());
      await store.remove("a");
      await store.prune();
      expect(await blobCount()).toBe(3);
    }
    expect((await store.prune()).blobs.count).toBe(3);
    await using destination = await store.destination("b");
    expect(await destination.has(artifact.root)).toBe(false);
    await copyInto(destination, artifact);
    await store.remove("b");
    expect(await blobCount()).toBe(3);
  });
});

describe("pruning", () => {
  test("tells first, then does exactly that", async () => {
    await putImage(store, "a", await artifactOf(["one"]));
    await putImage(store, "a", await artifactOf(["two"]));
    await store.indexCache.set(`layer-index/1/sha256:${"a".repeat(64)}`, Buffer.from("stale"));
    const ingest = await store.content.ingest("broken off");
    await ingest.write(Buffer.from("12345"));
    await ingest[Symbol.asyncDispose]();
    const before = await store.diskUsage();
    expect(before).toMatchObject({ images: { count: 2 }, dangling: { count: 1 }, ingests: { count: 1, bytes: 5 } });
    const { isDryRun: _, ...planned } = await store.prune({ isDryRun: true });
    expect(await blobCount()).toBe(6);
    const { isDryRun, ...done } = await store.prune();
    expect([done, isDryRun]).toEqual([planned, false]);
    expect(done).toMatchObject({
      images: [{ names: [] }],
      blobs: { count: 3 },
      ingests: { count: 1, bytes: 5 },
      indexes: { count: 1 },
    });
    expect(before.reclaimable).toBe(done.blobs.bytes + done.ingests.bytes);
    expect(await blobCount()).toBe(3);
    expect((await store.prune({ all: true })).images).toHaveLength(1);
    expect(await store.diskUsage()).toMatchObject({ images: { count: 0 }, blobs: { count: 0 }, reclaimable: 0 });
  });

  test("keeps the indexes of layers that are kept", async () => {
    await putImage(store, "a", await artifactOf(["one"]));
    await using image = await store.openImage("a", choice());
    const key = `layer-index/1/${image.layers[0]?.diffId}`;
    await store.indexCache.set(key, Buffer.from("kept"));
    await store.prune();
    expect(Buffer.from((await store.indexCache.get(key)) ?? []).toString()).toBe("kept");
  });
});

describe("a root", () => {
  test("of a newer store, of something else, or with a broken version is refused by name", async () => {
    await writeFile(join(root, "version"), "3\n");
    await expect(openStore(root)).rejects.toThrow(failure("store-too-new", "unsupported"));
    await writeFile(join(root, "version"), "x");
    await expect(openStore(root)).rejects.toThrow(failure("invalid-store-version", "malformed"));
    await expect(openStore(join(root, ".."))).rejects.toThrow(failure("not-a-store", "failed-precondition"));
    await expect(openStore(join(root, "..", "x"), { isReadOnly: true })).resolves.toBeDefined();
    expect(await readdir(join(root, ".."))).toEqual(["store"]);
  });

  test("opened for reading shows what is there and changes nothing", async () => {
    await putImage(store, "a", await artifactOf(["one"]));
    const listing = await readdir(root, { recursive: true });
    await using reader = await openStore(root, { isReadOnly: true });
    expect(await reader.images()).toEqual(await store.images());
    expect([await reader.has("a"), await reader.has("b")]).toEqual([true, false]);
    await using image = await reader.openImage("a", choice());
    expect(image.layers).toHaveLength(1);
    for (const change of [
      () => reader.tag("a", "b"),
      () => reader.remove("a"),
      () => reader.prune(),
      () => reader.lease(),
      () => reader.destination("b"),
    ]) {
      await expect(change()).rejects.toThrow(failure("store-read-only", "failed-precondition"));
    }
    expect(await readdir(root, { recursive: true })).toEqual(listing);
  });

  test("that somebody else makes a store at this moment is a store", async () => {
    const empty = await mkdtemp(join(root, "empty-"));
    const looking = vi.spyOn(fs, "readdir").mockImplementationOnce(async () => {
      await writeFile(join(empty, "version"), "1\n");
      return ["sweep.lock", "version"] as never;
    });
    try {
      await using made = await openStore(empty);
      expect(await made.images()).toEqual([]);
    } finally {
      looking.mockRestore();
    }
  });

  test("opened for reading where there is none is empty", async () => {
    await mkdir(join(root, "..", "empty"));
    for (const name of ["empty", "none"]) {
      await using reader = await openStore(join(root, "..", name), { isReadOnly: true });
      expect(await reader.images()).toEqual([]);
      expect(await reader.has("a")).toBe(false);
      expect(await reader.diskUsage()).toMatchObject({ images: { count: 0 }, blobs: { count: 0 } });
    }
  });
});
