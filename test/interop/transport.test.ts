import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readAll } from "../../src/base/index.ts";
import type { ImageSource, LayerSource } from "../../src/image/index.ts";
import { createHasher, parsePlatform } from "../../src/oci/index.ts";
import { decompress, SNIFF_LENGTH, sniffCompression } from "../../src/tar/index.ts";
import { listImages, openSource } from "../../src/transport/index.ts";
import {
  type FixtureLayer,
  FixtureLayout,
  forPlatform,
  layerOf,
  named,
  writeFiles,
} from "../support/image-fixtures.ts";
import { describeWith, oracleEnv, oraclePath } from "../support/oracles.ts";

let directory: string;
let layers: FixtureLayer[];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "transport-"));
  const layout = new FixtureLayout();
  layers = [
    await layerOf({ "etc/motd": "hello\n" }),
    await layerOf({ "etc/.wh.motd": "", "app/data": "x".repeat(5000) }),
  ];
  const image = layout.image(layers);
  const arm = layout.image(layers, { config: { architecture: "arm64" } });
  const multi = layout.index([forPlatform(image, "linux/amd64"), forPlatform(arm, "linux/arm64")]);
  await writeFiles(at("source"), layout.finish([named(image, "v1"), named(multi, "multi")]));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

function run(command: Parameters<typeof oraclePath>[0], ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(oraclePath(command) ?? command, args, {
    env: oracleEnv,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

const skopeo = (...args: string[]): string => run("skopeo", "--insecure-policy", ...args);
const copy = (destination: string, ...flags: string[]): string =>
  skopeo("copy", "--quiet", ...flags, `oci:${at("source")}:v1`, destination);

/** The identity of a layer as its bytes have it. */
async function diffIdOf(layer: LayerSource): Promise<string> {
  if (layer.kind !== "blob") throw new Error(`not a blob: ${layer.kind}`);
  await using source = await layer.open();
  const hasher = createHasher();
  const kind = sniffCompression(await readAll(source, { end: SNIFF_LENGTH }));
  for await (const chunk of decompress(source.stream(), kind)) hasher.update(chunk);
  return hasher.digest();
}

async function layersOf(name: string, options = {}): Promise<{ image: ImageSource; diffIds: string[] }> {
  await using image = await openSource(name, options);
  const diffIds = await Promise.all(image.layers.map(diffIdOf));
  expect(image.config.value.rootfs.diff_ids).toEqual(diffIds);
  return { image, diffIds };
}

describeWith(["skopeo"], "what skopeo writes", () => {
  it.each([
    ["oci:OUT/oci:x:v1", [], "OUT/oci", "oci"],
    ["oci:OUT/two:v1", [], "oci:OUT/two:v1", "oci"],
    ["oci:OUT/zstd:v1", ["--dest-compress", "--dest-compress-format", "zstd"], "oci:OUT/zstd:v1", "oci"],
    ["oci-archive:OUT/a.tar:v1", [], "OUT/a.tar", "oci-archive"],
    ["oci-archive:OUT/b.tar", [], "oci-archive:OUT/b.tar", "oci-archive"],
    ["docker-archive:OUT/d.tar:app:v1", [], "OUT/d.tar:app:v1", "docker-archive"],
    ["docker-archive:OUT/e.tar", [], "docker-archive:OUT/e.tar", "docker-archive"],
    ["dir:OUT/loose", [], "OUT/loose", "dir"],
    ["dir:OUT/flat", ["--dest-decompress"], "dir:OUT/flat", "dir"],
  ])("to %s %j is read with the same layers", async (destination, flags, name, transport) => {
    const here = (text: string): string => text.replace("OUT", directory);
    copy(here(destination), ...flags);
    const { image, diffIds } = await layersOf(here(name));
    expect(image.transport).toBe(transport);
    expect(diffIds).toEqual(layers.map(({ diffId }) => diffId));
  });

  it("for all platforms is read for each, from a layout, an archive and a directory", async () => {
    for (const [name, destination] of [
      ["oci", `oci:${at("all")}:m`],
      ["archive", `oci-archive:${at("all.tar")}:m`],
      ["dir", `dir:${at("all-loose")}`],
    ]) {
      skopeo("copy", "--quiet", "--all", `oci:${at("source")}:multi`, destination ?? "");
      for (const architecture of ["amd64", "arm64"]) {
        const { image } = await layersOf(destination ?? "", { platform: parsePlatform(architecture) });
        expect([name, image.config.value.architecture]).toEqual([name, architecture]);
      }
    }
  });

  it("is described as skopeo describes it", async () => {
    const raw = skopeo("inspect", "--raw", `oci:${at("source")}:v1`);
    const config = skopeo("inspect", "--config", "--raw", `oci:${at("source")}:v1`);
    await using image = await openSource(`oci:${at("source")}:v1`);
    expect(Buffer.from(image.manifest?.bytes ?? []).toString()).toBe(raw);
    expect(Buffer.from(image.config.bytes).toString()).toBe(config);
  });

  it("appended to a docker archive is a choice of images", async () => {
    copy(`docker-archive:${at("many.tar")}:app:one`, "--additional-tag", "app:uno");
    const listed = await listImages(at("many.tar"));
    expect(listed.map(({ names }) => [...names].sort())).toEqual([
      ["docker.io/library/app:one", "docker.io/library/app:uno"],
    ]);
    const { diffIds } = await layersOf(`docker-archive:${at("many.tar")}:app:uno`);
    expect(diffIds).toHaveLength(2);
  });

  it("compressed as a whole is read from a file", async () => {
    copy(`docker-archive:${at("whole.tar")}:app:v1`);
    writeFileSync(at("whole.tgz"), gzipSync(await readFile(at("whole.tar"))));
    const { diffIds } = await layersOf(at("whole.tgz"));
    expect(diffIds).toEqual(layers.map(({ diffId }) => diffId));
  });
});

describeWith(["umoci", "root"], "what umoci writes", () => {
  it("is read, an image without layers too", async () => {
    run("umoci", "init", "--layout", at("umoci"));
    run("umoci", "new", "--image", `${at("umoci")}:empty`);
    mkdirSync(at("tree"));
    writeFileSync(at("tree/file"), "content");
    run("umoci", "insert", "--image", `${at("umoci")}:empty`, "--tag", "full", at("tree"), "/tree");
    const empty = await layersOf(`oci:${at("umoci")}:empty`);
    const full = await layersOf(`oci:${at("umoci")}:full`);
    expect([empty.diffIds.length, full.diffIds.length]).toEqual([0, 1]);
    await expect(openSource(at("umoci"))).rejects.toThrow(expect.objectContaining({ code: "several-images" }));
  });
});

describeWith(["buildah", "podman", "root"], "what buildah and podman write", () => {
  const storage = (): string[] => ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "vfs"];
  const podman = (...args: string[]): string => run("podman", ...storage(), "--events-backend", "none", ...args);
  const buildah = (...args: string[]): string => run("buildah", ...storage(), ...args).trim();

  it("as archives of both formats, one with several images, is read with the identity that podman shows", async () => {
    const container = buildah("from", "scratch");
    buildah("copy", container, at("source/oci-layout"), "/file");
    buildah("commit", "--quiet", container, "localhost/one:v1");
    buildah("copy", container, at("source/index.json"), "/other");
    buildah("commit", "--quiet", container, "localhost/two:v1");
    buildah("rm", container);
    podman(
      "save",
      "--quiet",
      "--format",
      "docker-archive",
      "-m",
      "-o",
      at("multi.tar"),
      "localhost/one:v1",
      "localhost/two:v1",
    );
    podman("save", "--quiet", "--format", "oci-archive", "-o", at("one.tar"), "localhost/one:v1");
    podman("save", "--quiet", "--format", "docker-dir", "-o", at("one-dir"), "localhost/one:v1");
    expect((await listImages(at("multi.tar"))).map(({ names }) => names)).toEqual([
      ["localhost/one:v1"],
      ["localhost/two:v1"],
    ]);
    for (const [name, image] of [
      [`${at("multi.tar")}:localhost/one:v1`, "one"],
      [`${at("multi.tar")}:localhost/two:v1`, "two"],
      [at("one.tar"), "one"],
      [at("one-dir"), "one"],
    ]) {
      const [inspected] = JSON.parse(podman("inspect", "--type", "image", `localhost/${image}:v1`)) as {
        RootFS: { Layers: string[] };
      }[];
      expect((await layersOf(name ?? "")).diffIds).toEqual(inspected?.RootFS.Layers);
    }
  });
});
