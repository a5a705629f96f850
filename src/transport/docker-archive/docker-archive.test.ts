import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  configOf,
  type FixtureFiles,
  type FixtureLayer,
  layerOf,
  tarOf,
} from "../../../test/support/image-fixtures.ts";
import { hasSharedData, noSharedData, sharedData } from "../../../test/support/shared-data.ts";
import { requireOrSkip } from "../../../test/support/skip.ts";
import { readAll } from "../../base/index.ts";
import type { ImageSource, LayerSource } from "../../image/index.ts";
import { createHasher, digestOf, hexOf } from "../../oci/index.ts";
import { decompress, sniffCompression } from "../../tar/index.ts";
import { listImages, openSource } from "../open-source.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "docker-archive-test-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(files: FixtureFiles, name = "image.tar"): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, await tarOf(files));
  return path;
}

/** The identity of a layer as its bytes have it. */
async function diffIdOf(layer: LayerSource | undefined): Promise<string> {
  if (layer?.kind !== "blob") throw new Error(`not a blob: ${layer?.kind}`);
  await using source = await layer.open();
  const hasher = createHasher();
  const kind = sniffCompression(await readAll(source, { end: 512 }));
  for await (const chunk of decompress(source.stream(), kind)) hasher.update(chunk);
  return hasher.digest();
}

async function expectLayersToMatch(image: ImageSource): Promise<void> {
  for (const layer of image.layers) expect(await diffIdOf(layer)).toBe(layer.diffId);
}

/** What `docker save` writes for one image. */
function saved(
  layers: readonly FixtureLayer[],
  { tags = ["app:v1"], config = {}, item = {} } = {},
): Record<string, string | Buffer> {
  const bytes = Buffer.from(JSON.stringify(configOf(layers, config)));
  const name = `${hexOf(digestOf(bytes))}.json`;
  const names = layers.map((_, i) => `layer${i}/layer.tar`);
  const manifest = [{ Config: name, RepoTags: tags, Layers: names, ...item }];
  return {
    ...Object.fromEntries(layers.map(({ stored }, i) => [`layer${i}/layer.tar`, stored])),
    [name]: bytes,
    "manifest.json": JSON.stringify(manifest),
  };
}

const failure = (code: string, kind: string): unknown => expect.objectContaining({ code, kind });

describe("an archive with manifest.json", () => {
  test("gives configuration, names and layers in order, each with its place in the file", async () => {
    const layers = [await layerOf({ a: "1" }, { compress: false }), await layerOf({ b: "2" })];
    const path = await write(saved(layers, { tags: ["app:v1", "app:latest"] }));
    await using image = await openSource(`docker-archive:${path}`);
    expect(image).toMatchObject({
      reference: `docker-archive:${path}`,
      transport: "docker-archive",
      names: ["app:v1", "app:latest"],
      manifest: undefined,
      platform: { os: "linux", architecture: "amd64" },
      skipped: [],
    });
    expect(image.config.digest).toBe(digestOf(image.config.bytes));
    expect(image.layers.map(({ diffId }) => diffId)).toEqual(layers.map(({ diffId }) => diffId));
    await expectLayersToMatch(image);
    for (const layer of image.layers) {
      expect(layer).toMatchObject({ location: { path, stamp: expect.stringMatching(/^\d+(:\d+)+$/) } });
    }
  });

  test("is read with ./ before its names, and with an image that has no layer and no name", async () => {
    const layer = await layerOf({ a: "1" });
    const dotted = Object.fromEntries(Object.entries(saved([layer])).map(([name, file]) => [`./${name}`, file]));
    await using image = await openSource(await write(dotted));
    await expectLayersToMatch(image);
    const empty = saved([], { item: { RepoTags: null, Layers: null } });
    await using scratch = await openSource(await write(empty, "empty.tar"));
    expect([scratch.layers, scratch.names]).toEqual([[], []]);
  });

  test("is read through a pipe's standard input, compressed or not, and from a compressed file", async () => {
    const bytes = await tarOf(saved([await layerOf({ a: "1" })]));
    await writeFile(join(directory, "image.tgz"), gzipSync(bytes));
    const stdin = async function* (whole: Buffer): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < whole.length; at += 100) yield whole.subarray(at, at + 100);
    };
    const opened = [
      openSource("-", { stdin: stdin(bytes) }),
      openSource("docker-archive:-", { stdin: stdin(gzipSync(bytes)) }),
      openSource("-:app:v1", { stdin: stdin(bytes) }),
      openSource(join(directory, "image.tgz")),
    ];
    for (const opening of opened) {
      const image = await opening;
      expect(image.transport).toBe("docker-archive");
      await expectLayersToMatch(image);
      await image[Symbol.asyncDispose]();
    }
  });

  test("resolves duplicate layers through symbolic and hard links inside the archive", async () => {
    const layer = await layerOf({ a: "1" }, { compress: false });
    const files = saved([layer, layer, layer]);
    const path = await write({
      "layer0/layer.tar": layer.stored,
      ...files,
      "layer1/layer.tar": { symlink: "../layer2/layer.tar" },
      "layer2/layer.tar": { hardlink: "./layer0/layer.tar" },
    });
    await using image = await openSource(path);
    await expectLayersToMatch(image);
    expect(new Set(image.layers.map((one) => (one.kind === "blob" ? one.location?.offset : -1))).size).toBe(1);
  });

  test.each([
    [
      "a loop of two",
      {
        "layer0/layer.tar": { symlink: "../layer1/layer.tar" },
        "layer1/layer.tar": { symlink: "../layer0/layer.tar" },
      },
      "member-link-loop",
    ],
    ["a link to itself", { "layer0/layer.tar": { symlink: "layer.tar" } }, "member-link-loop"],
    ["a hard link to itself", { "layer0/layer.tar": { hardlink: "layer0/layer.tar" } }, "member-link-loop"],
    ["a way out", { "layer0/layer.tar": { symlink: "../../../../etc/passwd" } }, "member-link-escapes"],
  ])("refuses links that form %s", async (_, links, code) => {
    const layer = await layerOf({ a: "1" });
    const path = await write({ ...saved([layer, layer]), ...links });
    await expect(openSource(path)).rejects.toThrow(failure(code, "hostile"));
  });

  test("never reads outside of the archive: an absolute link means a member", async () => {
    const path = await write({ ...saved([await layerOf({ a: "1" })]), "layer0/layer.tar": { symlink: "/etc/passwd" } });
    await expect(openSource(path)).rejects.toThrow(failure("missing-member", "not-found"));
  });

  test("of several images needs a choice, by name, position or configuration", async () => {
    const [one, two] = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
    const first = saved([one], { tags: ["app:v1", "localhost/app:x"] });
    const second = saved([two], { tags: [] });
    const items = [first, second].flatMap((files) => JSON.parse(String(files["manifest.json"])) as object[]);
    const config = Object.keys(second).find((name) => name.endsWith(".json")) ?? "";
    const path = await write({
      ...first,
      ...second,
      "layer0/layer.tar": one.stored,
      "layer1/layer.tar": two.stored,
      "manifest.json": JSON.stringify([items[0], { ...items[1], Layers: ["layer1/layer.tar"] }]),
    });
    await expect(openSource(path)).rejects.toThrow(
      expect.objectContaining({
        code: "several-images",
        message: expect.stringContaining("app:v1 = localhost/app:x"),
        details: expect.objectContaining({ image: path }),
      }),
    );
    const chosen = async (suffix: string): Promise<unknown> => {
      await using image = await openSource(`docker-archive:${path}${suffix}`);
      await expectLayersToMatch(image);
      return image.layers[0]?.diffId;
    };
    expect(await chosen(":docker.io/library/app:v1")).toBe(one.diffId);
    expect(await chosen(":localhost/app:x")).toBe(one.diffId);
    expect(await chosen(":@1")).toBe(two.diffId);
    expect(await chosen(`@sha256:${config.replace(".json", "")}`)).toBe(two.diffId);
    await expect(chosen(":@2")).rejects.toThrow(failure("image-not-found", "not-found"));
    await expect(chosen(":app:v2")).rejects.toThrow(
      expect.objectContaining({ message: expect.stringContaining("app:v1") }),
    );
    expect((await listImages(path)).map(({ selector }) => selector)).toEqual([":app:v1", ":@1"]);
  });

  test("whose configuration is not the one that its name promises is refused", async () => {
    const files = saved([await layerOf({ a: "1" })]);
    const config = Object.keys(files).find((name) => name.endsWith(".json")) ?? "";
    const path = await write({ ...files, [config]: `${String(files[config])} ` });
    await expect(openSource(path)).rejects.toThrow(failure("digest-mismatch", "integrity"));
  });

  test.each([
    ["a layer that is missing", { item: { Layers: ["gone/layer.tar"] } }, failure("missing-member", "not-found")],
    ["a configuration that is missing", { item: { Config: "gone.json" } }, failure("missing-member", "not-found")],
    [
      "more layers than diffIDs",
      { config: { rootfs: { type: "layers", diff_ids: [] } } },
      failure("layer-count-mismatch", "malformed"),
    ],
    ["no list of layers", { item: { Layers: "layer0" } }, failure("invalid-docker-manifest", "malformed")],
  ])("with %s is refused", async (_, options, error) => {
    await expect(openSource(await write(saved([await layerOf({ a: "1" })], options)))).rejects.toThrow(error);
  });

  test("with a key twice or more than 4 MiB in manifest.json is refused", async () => {
    const files = saved([await layerOf({ a: "1" })]);
    const twice = String(files["manifest.json"]).replace('"Layers":', '"Layers":[],"Layers":');
    await expect(openSource(await write({ ...files, "manifest.json": twice }))).rejects.toThrow(
      failure("duplicate-json-key", "malformed"),
    );
    const large = `[${" ".repeat(4 * 1024 * 1024)}]`;
    await expect(openSource(await write({ ...files, "manifest.json": large }))).rejects.toThrow(
      failure("json-too-large", "malformed"),
    );
  });

  test("for another platform than the one asked for is refused", async () => {
    const path = await write(saved([await layerOf({ a: "1" })]));
    const opening = openSource(path, { platform: { os: "linux", architecture: "arm64" } });
    await expect(opening).rejects.toThrow(failure("platform-not-found", "not-found"));
  });

  test("names a foreign layer that is not in it, and opens without it", async () => {
    const [foreign, own] = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
    const origin = {
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      urls: ["https://example.com/x"],
    };
    const files = saved([foreign, own], { item: { LayerSources: { [foreign.diffId]: origin } } });
    const { "layer0/layer.tar": _gone, ...rest } = files;
    await using image = await openSource(await write(rest));
    expect(image.layers.map(({ kind, diffId }) => [kind, diffId])).toEqual([
      ["absent", foreign.diffId],
      ["blob", own.diffId],
    ]);
    expect(image.skipped).toEqual([
      { what: expect.stringContaining("foreign layer"), reason: expect.stringContaining("https://example.com/x") },
    ]);
  });
});

describe("an archive from before manifest.json", () => {
  const [base, middle, top] = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];
  const image = (id: string, parent: string | undefined, more: object = {}): string =>
    JSON.stringify({ id, parent, created: "2013-01-01T00:00:00Z", os: "linux", architecture: "amd64", ...more });
  const legacy = async (): Promise<Record<string, string | Buffer>> => ({
    [`${top}/VERSION`]: "1.0",
    [`${top}/json`]: image(top, middle, {
      config: { Cmd: ["sh"] },
      container_config: { Cmd: ["/bin/sh", "-c", "touch x"] },
    }),
    [`${top}/layer.tar`]: await tarOf({ x: "3" }),
    [`${base}/json`]: image(base, undefined, { author: "somebody" }),
    [`${base}/layer.tar`]: await tarOf({ a: "1" }),
    [`${middle}/json`]: image(middle, base),
    repositories: JSON.stringify({ app: { v1: top }, "localhost:5000/app": { old: middle } }),
  });

  test("is a chain of parents, base first, with history made from it and without diffIDs", async () => {
    await using source = await openSource(`${await write(await legacy())}:app:v1`);
    expect(source.layers.map(({ name, diffId }) => [name, diffId])).toEqual([
      [`${base}/layer.tar`, undefined],
      [`${top}/layer.tar`, undefined],
    ]);
    expect(source).toMatchObject({
      names: ["app:v1"],
      config: { isSynthetic: true, value: { config: { Cmd: ["sh"] } } },
    });
    expect(source.config.value.history).toEqual([
      { created: "2013-01-01T00:00:00Z", author: "somebody" },
      { created: "2013-01-01T00:00:00Z", empty_layer: true },
      { created: "2013-01-01T00:00:00Z", created_by: "/bin/sh -c touch x" },
    ]);
    expect(source.config.value.rootfs.diff_ids).toEqual([]);
  });

  test("of several names needs a choice", async () => {
    const path = await write(await legacy());
    await expect(openSource(path)).rejects.toThrow(failure("several-images", "invalid-argument"));
    await using source = await openSource(`docker-archive:${path}:localhost:5000/app:old`);
    expect(source.layers).toHaveLength(1);
  });

  test("without repositories is the image that is nobody's parent", async () => {
    const { repositories: _, ...files } = await legacy();
    await using source = await openSource(await write(files));
    expect(source.layers).toHaveLength(2);
  });

  test("is refused when parents form a loop, or one is missing", async () => {
    const files = { ...(await legacy()), repositories: JSON.stringify({ app: { v1: top } }) };
    const loop = await write({ ...files, [`${base}/json`]: image(base, top) });
    await expect(openSource(`docker-archive:${loop}`)).rejects.toThrow(failure("image-chain-loop", "hostile"));
    const missing = await write({ ...files, [`${base}/json`]: image(base, "d".repeat(64)) });
    await expect(openSource(missing)).rejects.toThrow(failure("missing-member", "not-found"));
  });
});

requireOrSkip(
  "real archives of docker",
  hasSharedData("docker-save.tar.zst"),
  noSharedData("docker-save.tar.zst"),
)(() => {
  test.each([
    ["docker-save.tar.zst:gt/base:v1", 3],
    ["docker-save.tar.zst:gt/alias:latest", 3],
    ["docker-save.tar.zst:gt/committed:v1", 4],
    ["docker26-save.tar.zst:gt/base:v1", 3],
    ["docker26-save.tar.zst:gt/committed:v1", 4],
    ["alpine/alpine-310.tar.gz", 1],
    ["alpine/alpine-311.tar.gz", 1],
  ])("%s has the layers that its configuration promises", async (name, count) => {
    await using image = await openSource(`docker-archive:${sharedData(name)}`);
    expect(image.layers).toHaveLength(count);
    await expectLayersToMatch(image);
    expect(digestOf(image.config.bytes)).toBe(image.config.digest);
  });
});
