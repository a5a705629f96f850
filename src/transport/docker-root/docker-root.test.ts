import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FixtureLayer, layerOf } from "../../../test/support/image-fixtures.ts";
import {
  journalOf,
  replaceFile,
  type StoredFixture,
  type WrittenFixture,
  writeContainer,
  writeDockerRoot,
} from "../../../test/support/storage-fixtures.ts";
import { type ByteSource, StrataError } from "../../base/index.ts";
import { createLocalScratch } from "../../content/index.ts";
import { DEFAULT_LIMITS, type ImageSource, loadLayers } from "../../image/index.ts";
import { chainIdOf, digestStream, hexOf } from "../../oci/index.ts";
import { listImages, openSource } from "../index.ts";

let root: string;
let layers: FixtureLayer[];
let app: StoredFixture;
let base: StoredFixture;
let written: WrittenFixture;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "docker-root-"));
  layers = [
    await layerOf({
      "etc/motd": "hello\n",
      "etc/empty": "",
      "bin/tool": "x".repeat(5000),
      "bin/t": { hardlink: "bin/tool" },
    }),
    await layerOf({ "etc/.wh.motd": "", "app/data": "y".repeat(70_000), link: { symlink: "/etc" } }),
  ];
  app = { names: ["gt/app:v1", "gt/app:latest"], layers };
  base = { names: ["alpine:3"], layers: layers.slice(0, 1), config: { author: "base" } };
  [written] = (await writeDockerRoot(root, [app, base])) as [WrittenFixture];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const named = (selector: string): string => `docker-root:${root}#${selector}`;

/** Opens, hands over, closes. */
async function opened<T>(name: string, use: (source: ImageSource) => Promise<T> | T): Promise<T> {
  await using source = await openSource(name);
  return await use(source);
}

async function failureOf(name: string): Promise<StrataError> {
  try {
    await readAllLayers(name);
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error(`${name} can be read`);
}

/** The digest of every layer's bytes, after everything was verified. */
async function readAllLayers(name: string): Promise<string[]> {
  return await opened(name, async (source) => {
    await using scratch = createLocalScratch();
    const options = { limits: DEFAULT_LIMITS, verify: true, spool: "lazy", scratch, workers: 2 } as const;
    await using loaded = await loadLayers(source, options);
    expect(loaded.layers).toHaveLength(source.layers.length);
    return await Promise.all(
      source.layers.map((layer) => (layer.kind === "blob" ? bytesOf(layer) : Promise.resolve(layer.kind))),
    );
  });
}

async function bytesOf(layer: { open(): Promise<ByteSource> }): Promise<string> {
  await using tar = await layer.open();
  return (await digestStream(tar.stream())).digest;
}

describe("an image in a data root", () => {
  it("has the layers that it was made of, byte for byte", async () => {
    expect(await readAllLayers(named("gt/app:v1"))).toEqual(layers.map(({ diffId }) => diffId));
  });

  it("is found by all that docker finds it by", async () => {
    const hex = hexOf(written.id as never);
    for (const name of [
      "gt/app:v1",
      "gt/app",
      "docker.io/gt/app:v1",
      written.id,
      hex,
      hex.slice(0, 12),
      "overlay2@gt/app",
    ]) {
      expect(await opened(named(name), ({ config }) => config.digest), name).toBe(written.id);
    }
    expect(await opened(named("alpine:3"), ({ names }) => names)).toEqual(["alpine:3"]);
  });

  it("is one of several, which are listed", async () => {
    await expect(openSource(`docker-root:${root}`)).rejects.toMatchObject({ code: "several-images" });
    const listed = await listImages(`docker-root:${root}`);
    expect(listed.map(({ selector }) => selector)).toEqual(["#gt/app:v1", "#alpine:3"]);
    await expect(openSource(named("none"))).rejects.toMatchObject({ code: "image-not-found" });
  });

  it("without a name is found when no other image stands on it", async () => {
    await writeFile(join(root, "image/overlay2/repositories.json"), "{}");
    const parent = `image/overlay2/imagedb/metadata/${written.id.replace(":", "/")}/parent`;
    const ids = (await listImages(`docker-root:${root}`)).map(({ digest }) => digest);
    expect(ids).toHaveLength(2);
    await replaceFile(
      root,
      parent,
      ids.find((id) => id !== written.id),
    );
    expect((await listImages(`docker-root:${root}`)).map(({ digest }) => digest)).toEqual([written.id]);
  });

  it("says where docker keeps it", async () => {
    const storage = await opened(named("gt/app"), (source) => [
      source.storage,
      ...source.layers.map((layer) => layer.storage),
    ]);
    expect(storage).toEqual([
      { driver: "overlay2", "image-id": written.id },
      ...layers.map((_, i) => ({
        "cache-id": written.directories[i]!.split("/")[1],
        "chain-id": chainIdOf(layers.slice(0, i + 1).map(({ diffId }) => diffId)),
        link: expect.stringMatching(/^[0-9A-F]{26}$/),
        directory: join(root, written.directories[i]!),
      })),
    ]);
  });

  it("may lie below a path with a number sign", async () => {
    await rename(root, `${root}#x`);
    root = `${root}#x`;
    expect(await opened(named("gt/app:v1"), ({ config }) => config.digest)).toBe(written.id);
  });

  it.each(["fuse-overlayfs", "aufs"] as const)("may be kept by the driver %s", async (driver) => {
    const other = join(root, "other");
    await writeDockerRoot(other, [app], { driver });
    expect(await readAllLayers(`docker-root:${other}`)).toEqual(layers.map(({ diffId }) => diffId));
  });

  it("must be asked for with its driver when several drivers have images", async () => {
    await writeDockerRoot(root, [{ ...base, names: ["other:v1"] }], { driver: "aufs" });
    expect(await failureOf(named("gt/app"))).toMatchObject({
      code: "several-drivers",
      kind: "invalid-argument",
      details: { drivers: ["aufs", "overlay2"] },
    });
    expect(await readAllLayers(named("overlay2@gt/app"))).toHaveLength(2);
    expect(await readAllLayers(named("aufs@other:v1"))).toHaveLength(1);
    expect(await readAllLayers(named("aufs@"))).toHaveLength(1);
  });

  it("of a driver without directories is refused by name", async () => {
    await rename(join(root, "image/overlay2"), join(root, "image/btrfs"));
    expect(await failureOf(named("gt/app"))).toMatchObject({
      code: "unsupported-storage-driver",
      kind: "unsupported",
      details: { driver: "btrfs" },
    });
  });

  it("without journals is rebuilt from its files, says so and claims no diffID", async () => {
    await replaceFile(root, written.journals[1]!, undefined);
    await opened(named("gt/app"), async (source) => {
      expect(source.layers.map(({ kind, diffId }) => [kind, diffId])).toEqual([
        ["blob", layers[0]!.diffId],
        ["listing", undefined],
      ]);
      expect(source.config.value.rootfs.diff_ids).toHaveLength(2);
      expect(source.skipped).toEqual([
        { what: expect.stringContaining("layer 1"), reason: expect.stringContaining("not bit for bit") },
      ]);
    });
    expect(await readAllLayers(named("gt/app"))).toEqual([layers[0]!.diffId, "listing"]);
  });
});

describe("a container", () => {
  const id = "ab".repeat(32);
  beforeEach(async () => {
    const init = await layerOf({ ".dockerenv": "" });
    await writeContainer(root, { id, name: "web", image: app, init, written: await layerOf({ "app/log": "line\n" }) });
  });

  it.each(["web", "/web", id, id.slice(0, 6)])(
    "is found as %s, with its own layers above those of its image",
    async (name) => {
      await opened(named(`container:${name}`), (source) => {
        expect(source.layers.map(({ kind }) => kind)).toEqual(["blob", "blob", "listing", "listing"]);
        expect(source.config.isSynthetic).toBe(true);
        expect(source.config.value.history?.map((step) => step.comment)).toEqual([
          undefined,
          undefined,
          expect.stringContaining("init layer of the container web"),
          expect.stringContaining("writable layer of the container web"),
        ]);
        expect(source.storage).toMatchObject({
          "container-id": id,
          "mount-id": "m-web",
          "init-id": "m-web-init",
          parent: chainIdOf(layers.map(({ diffId }) => diffId)),
        });
      });
    },
  );

  it("outlives its image", async () => {
    await replaceFile(root, `image/overlay2/imagedb/content/${written.id.replace(":", "/")}`, undefined);
    await opened(named("container:web"), ({ config, layers: all }) => {
      expect(all).toHaveLength(4);
      expect(config.value.rootfs.diff_ids).toEqual(layers.map(({ diffId }) => diffId));
    });
  });

  it("that is not there, or not the only one, is an error", async () => {
    expect(await failureOf(named("container:none"))).toMatchObject({ code: "container-not-found", kind: "not-found" });
    const twin = { id: `${id.slice(0, 60)}0000`, name: "twin", image: app, written: await layerOf({ a: "" }) };
    await writeContainer(root, twin);
    expect(await failureOf(named(`container:${id.slice(0, 6)}`))).toMatchObject({ kind: "invalid-argument" });
  });

  it("whose directory is gone is an error", async () => {
    await rm(join(root, "overlay2/m-web/diff"), { recursive: true });
    expect(await failureOf(named("container:web"))).toMatchObject({ code: "storage-layer-missing" });
  });
});

describe("damage to files", () => {
  const fileIn = (layer: number, name: string): string => `${written.directories[layer]}/${name}`;

  it.each([
    ["other bytes", "z".repeat(70_000)],
    ["fewer bytes", "y".repeat(69_999)],
    ["more bytes", "y".repeat(70_001)],
    ["no bytes", ""],
    ["no file", undefined],
  ])("%s: the file is named, with its layer", async (_, content) => {
    await replaceFile(root, fileIn(1, "app/data"), content);
    expect(await failureOf(named("gt/app"))).toMatchObject({
      code: "layer-file-changed",
      kind: "integrity",
      details: { entry: "app/data", layer: 1 },
    });
  });

  it("a file that became a symlink is never followed", async () => {
    await rename(join(root, fileIn(1, "app/data")), join(root, "same"));
    await symlink(join(root, "same"), join(root, fileIn(1, "app/data")));
    expect(await failureOf(named("gt/app"))).toMatchObject({
      code: "layer-file-changed",
      details: { entry: "app/data" },
    });
  });

  it("a directory that became a symlink leads nowhere outside", async () => {
    await rename(join(root, fileIn(1, "app")), join(root, "app"));
    await symlink(join(root, "app"), join(root, fileIn(1, "app")));
    expect(await failureOf(named("gt/app"))).toMatchObject({
      code: "layer-file-changed",
      details: { entry: "app/data" },
    });
  });

  it("a directory that is a symlink inside is followed, as docker does", async () => {
    await rename(join(root, fileIn(1, "app")), join(root, fileIn(1, "real")));
    await symlink("/real", join(root, fileIn(1, "app")));
    expect(await readAllLayers(named("gt/app"))).toEqual(layers.map(({ diffId }) => diffId));
  });

  it("a file that no journal names does not matter", async () => {
    await replaceFile(root, fileIn(1, "app/extra"), "new");
    expect(await readAllLayers(named("gt/app"))).toEqual(layers.map(({ diffId }) => diffId));
  });

  it("a layer's directory that became a symlink is none", async () => {
    await rename(join(root, written.directories[1]!), join(root, "moved"));
    await symlink(join(root, "moved"), join(root, written.directories[1]!));
    expect(await failureOf(named("gt/app"))).toMatchObject({ code: "storage-layer-missing", kind: "not-found" });
  });
});

describe("damage to records", () => {
  const record = (layer: number, name: string): string => `${written.records[layer]}/${name}`;
  const content = (): string => `image/overlay2/imagedb/content/${written.id.replace(":", "/")}`;
  const chain = (count: number): string => chainIdOf(layers.slice(0, count).map(({ diffId }) => diffId));

  type Damage = readonly [what: string, file: () => string, by: () => string | undefined, code: string, kind: string];
  it.each<Damage>([
    ["a configuration that is not the one of its id", content, () => "{}", "digest-mismatch", "integrity"],
    ["a configuration that is gone", content, () => undefined, "storage-image-missing", "not-found"],
    ["names that are no JSON", () => "image/overlay2/repositories.json", () => "{", "invalid-json", "malformed"],
    [
      "names of nothing",
      () => "image/overlay2/repositories.json",
      () => '{"Repositories":{"a":{"a:b":"x"}}}',
      "invalid-repositories",
      "malformed",
    ],
    ["a layer without a diffID", () => record(1, "diff"), () => undefined, "storage-layer-missing", "not-found"],
    ["a diffID of another layer", () => record(1, "diff"), () => layers[0]!.diffId, "storage-malformed", "malformed"],
    ["a diffID that is none", () => record(1, "diff"), () => "sha256:xyz", "storage-malformed", "malformed"],
    ["a layer without a directory", () => record(1, "cache-id"), () => undefined, "storage-layer-missing", "not-found"],
    ["a directory elsewhere", () => record(1, "cache-id"), () => "../../../../etc", "storage-malformed", "malformed"],
    ["a directory that is gone", () => written.directories[0]!, () => undefined, "storage-layer-missing", "not-found"],
    ["a parent that is gone", () => written.records[0]!, () => undefined, "storage-layer-missing", "not-found"],
    ["a parent too few", () => record(1, "parent"), () => undefined, "storage-malformed", "malformed"],
    ["a parent that is its child", () => record(0, "parent"), () => chain(2), "storage-layer-loop", "hostile"],
    ["a layer that is its own parent", () => record(1, "parent"), () => chain(2), "storage-layer-loop", "hostile"],
    [
      "a short name that is none",
      () => written.directories[0]!.replace(/diff$/, "link"),
      () => "../x",
      "storage-malformed",
      "malformed",
    ],
    [
      "a journal that is no journal",
      () => written.journals[0]!,
      () => "nonsense\n",
      "tar-split-malformed",
      "malformed",
    ],
    ["a journal of nothing", () => written.journals[0]!, () => "", "digest-mismatch", "integrity"],
  ])("%s is refused", async (_, name, replacement, code, kind) => {
    await replaceFile(root, name(), replacement());
    expect(await failureOf(named("gt/app"))).toMatchObject({ code, kind });
  });

  it("a journal that was cut off is refused, wherever it was cut", async () => {
    const journal = await readFile(join(root, written.journals[1]!));
    for (let length = 1; length < journal.length; length += 97) {
      await replaceFile(root, written.journals[1]!, journal.subarray(0, length));
      expect((await failureOf(named("gt/app"))).kind, String(length)).toMatch(/malformed|integrity/);
    }
  });

  it.each(["../../../../../../../etc/passwd", "app/../../../../../etc/passwd"])(
    "a journal that names the file %s is refused",
    async (name) => {
      const lines = [{ type: 1, name, size: 3, payload: Buffer.alloc(8).toString("base64"), position: 0 }];
      await replaceFile(root, written.journals[0]!, gzipSync(`${JSON.stringify(lines[0])}\n`));
      expect(await failureOf(named("gt/app"))).toMatchObject({ code: "path-escapes-root", kind: "hostile" });
    },
  );

  it("a journal of another layer gives another tar, which is refused", async () => {
    const other = await layerOf({ "app/data": "y".repeat(70_000) });
    await replaceFile(root, written.journals[1]!, await journalOf(other.tar));
    expect(await failureOf(named("gt/app"))).toMatchObject({ code: "digest-mismatch", details: { layer: 1 } });
  });

  it("a journal that is a bomb is refused", async () => {
    await replaceFile(root, written.journals[0]!, gzipSync(Buffer.alloc(200_000, " ")));
    const limits = { expansion: { maxBytes: 100_000 } };
    await expect(openSource(named("gt/app"), { limits })).rejects.toMatchObject({ code: "decompression-bomb" });
  });

  it("a directory that is no data root is refused", async () => {
    await mkdir(join(root, "empty"));
    expect(await failureOf(`docker-root:${root}/empty`)).toMatchObject({ code: "not-a-docker-root" });
    expect(await failureOf(`docker-root:${root}/none#x`)).toMatchObject({ code: "not-a-docker-root" });
  });
});
