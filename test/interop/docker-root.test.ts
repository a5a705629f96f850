import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteSource, fromText, memorySource, readAll } from "../../src/base/index.ts";
import { openFile } from "../../src/content/index.ts";
import type { LayerSource } from "../../src/image/index.ts";
import { openImage } from "../../src/index.ts";
import { type DiffId, digestOf, digestStream } from "../../src/oci/index.ts";
import { entryContent, readTar, type TarMember, writeTar } from "../../src/tar/index.ts";
import { listImages, openSource } from "../../src/transport/index.ts";
import { runStrata } from "../cli/run-strata.ts";
import { startDocker } from "../support/docker-daemon.ts";
import { configOf, writeFiles } from "../support/image-fixtures.ts";
import { describeWith, isRoot, oraclePath } from "../support/oracles.ts";
import { hasSharedData, noSharedData, sharedData } from "../support/shared-data.ts";
import { requireOrSkip } from "../support/skip.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "data-roots-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Unpacks an archive of the shared data, with attributes and devices. */
function unpack(name: string): string {
  const target = join(directory, name);
  mkdirSync(target, { recursive: true });
  const { status, stderr } = spawnSync("tar", [
    "--xattrs",
    "--xattrs-include=*",
    "-xf",
    sharedData(`${name}.tar.zst`),
    "-C",
    target,
  ]);
  if (status !== 0) throw new Error(`tar: ${stderr.toString()}`);
  return target;
}

async function bytesOf(layer: LayerSource): Promise<string> {
  if (layer.kind !== "blob") throw new Error(`${layer.name} is a ${layer.kind}`);
  await using tar = await layer.open();
  return (await digestStream(tar.stream())).digest;
}

/** Digests of all layers, each as its bytes have it. */
async function layersOf(name: string): Promise<string[]> {
  await using source = await openSource(name);
  const digests: string[] = [];
  for (const layer of source.layers) digests.push(await bytesOf(layer));
  expect(digests).toEqual(source.config.value.rootfs.diff_ids);
  return digests;
}

/** What there is to know of every file in a tar, by name; times of directories are whoever made them. */
async function treeOf(tar: ByteSource): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  for await (const entry of readTar(tar)) {
    const { type, mode, uid, gid, size, devMajor, devMinor, linkName, mtime, xattrs = new Map() } = entry;
    const name = entry.name.replace(/^\.\//, "").replace(/\/$/, "");
    const content =
      type === "file" ? Buffer.from(await readAll(entryContent(tar, { ...entry, sparse: entry.sparse }))) : "";
    const time = type === "directory" ? "" : mtime.seconds;
    // The mode of a symlink means nothing, and file systems do not keep it.
    const permissions = type === "symlink" ? "" : mode;
    const facts = {
      type,
      permissions,
      uid,
      gid,
      size,
      devMajor,
      devMinor,
      linkName,
      time,
      content,
      xattrs: [...xattrs],
    };
    if (name !== "") tree.set(name, JSON.stringify(facts));
  }
  return tree;
}

async function exportOf(name: string): Promise<Map<string, string>> {
  await using image = await openImage(name);
  const chunks: Uint8Array[] = [];
  for await (const chunk of image.export()) chunks.push(chunk);
  return await treeOf(memorySource(Buffer.concat(chunks)));
}

async function treeIn(archive: string): Promise<Map<string, string>> {
  await using source = await openFile(archive);
  return await treeOf(source);
}

const ROOTS = [
  ["docker-root", "docker-save", ["gt/base:v1", "gt/committed:v1"]],
  ["docker26-root-overlay2", "docker26-save", ["gt/base:v1", "gt/committed:v1"]],
  ["docker-root-aufs", "docker-save", ["gt/base:v1"]],
] as const;
const needed = [...ROOTS.map(([root]) => root), ...ROOTS.map(([, save]) => save), "docker-export-c1"].map(
  (name) => `${name}.tar.zst`,
);
const missing = needed.find((name) => !hasSharedData(name));
const canUnpack = isRoot && oraclePath("tar") !== undefined && oraclePath("zstd") !== undefined;
requireOrSkip(
  "data roots of real daemons",
  missing === undefined && canUnpack,
  missing === undefined ? "not root, or no zstd" : noSharedData(missing),
)(() => {
  describe.each(ROOTS)("%s", (root, save, compared) => {
    let place: string;
    beforeAll(() => {
      place = `docker-root:${unpack(root)}`;
    });

    it("gives every layer of every image bit for bit", async () => {
      const images = await listImages(place);
      expect(images.length).toBeGreaterThanOrEqual(2);
      for (const { selector } of images) expect((await layersOf(place + selector)).length).toBeGreaterThan(0);
    });

    it("gives the layers that `docker save` wrote", async () => {
      const saved = `docker-archive:${join(directory, `${root}-save.tar`)}`;
      const { status } = spawnSync("tar", ["-C", unpack(save), "-cf", saved.slice("docker-archive:".length), "."]);
      expect(status).toBe(0);
      for (const name of compared)
        expect(await layersOf(`${place}#${name}`)).toEqual(await layersOf(`${saved}:${name}`));
    });
  });

  it("a container's view is what `docker export` wrote", async () => {
    const archive = join(directory, "c1.tar");
    spawnSync("tar", [
      "-C",
      unpack("docker-export-c1"),
      "--xattrs",
      "--xattrs-include=*",
      "--numeric-owner",
      "-cf",
      archive,
      ".",
    ]);
    expect(await exportOf(`docker-root:${join(directory, "docker-root")}#container:c1`)).toEqual(await treeIn(archive));
  });

  it("`strata layers` leads from the image to the directories of its layers", async () => {
    const place = `docker-root:${join(directory, "docker-root")}`;
    const { stdout } = await runStrata(["layers", "--json", `${place}#container:c1`]);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map(({ storage }) => storage.link)).toEqual(Array(5).fill(expect.stringMatching(/^[A-Z0-9]{26}$/)));
    expect(rows[4].storage).toMatchObject({
      driver: "overlay2",
      "container-name": "c1",
      "mount-id": rows[4].storage["cache-id"],
      "init-id": rows[3].storage["cache-id"],
      parent: rows[2].chainID,
    });
    const table = (await runStrata(["layers", `${place}#gt/base:v1`])).stdout;
    expect(table).toContain("CACHE ID");
    expect(table).toContain(rows[0].storage.link);
    expect(table).toContain(rows[0].storage["cache-id"].slice(0, 12));
  });

  it("`strata copy` brings an image into a layout with its configuration and its layers", async () => {
    const image = `docker-root:${join(directory, "docker-root")}#gt/base:v1`;
    const copy = `oci:${join(directory, "copy")}:v1`;
    expect(await runStrata(["copy", "--quiet", image, copy])).toMatchObject({ code: 0 });
    expect(await layersOf(copy)).toEqual(await layersOf(image));
    await using before = await openSource(image);
    await using after = await openSource(copy);
    expect(after.config.digest).toBe(before.config.digest);
  });

  it("a changed file is named and ends the command with the code for integrity", async () => {
    const root = join(directory, "docker-root");
    const place = `docker-root:${root}#gt/base:v1`;
    await using source = await openSource(place);
    truncateSync(join(source.layers[0]?.storage?.["directory"] ?? "", "bin/busybox"), 1000);
    const { code, stderr } = await runStrata(["ls", place]);
    expect(code).toBe(4);
    expect(stderr).toContain("bin/busybox");
  });
});

/** What a container does to the image; without a PATH it has one program only. */
const CHANGES = [
  "echo new > /data/new",
  "b=/bin/busybox",
  "$b rm -r /data/keep /data/dir",
  "$b mkdir /data/dir",
  "echo c > /data/dir/c",
  "$b mkfifo /pipe",
  "$b chmod 700 /data/link",
].join("; ");

describe.each(["overlay2", "overlay", "vfs", "fuse-overlayfs"])("dockerd with the driver %s", (storageDriver) => {
  describeWith(["dockerd", "docker", "containerd", "busybox", "root", "mount"], "keeps images and containers", () => {
    let root: string;
    beforeAll(async () => {
      root = join(directory, storageDriver);
      mkdirSync(root);
      await using docker = await startDocker(root, { storageDriver });
      await saveStory(join(root, "story.tar"));
      docker.run("load", "-i", join(root, "story.tar"));
      docker.run("run", "--name=c1", "--network=none", "story:v1", "/bin/busybox", "sh", "-c", CHANGES);
      docker.run("commit", "c1", "committed:v1");
      docker.run("save", "-o", join(root, "save.tar"), "story:v1", "committed:v1");
      docker.run("export", "-o", join(root, "export.tar"), "c1");
    }, 60_000);

    it("whose layers are those that it saves, and whose containers are what it exports", async () => {
      const place = `docker-root:${join(root, "docker")}`;
      for (const name of ["story:v1", "committed:v1"]) {
        expect(await layersOf(`${place}#${name}`)).toEqual(
          await layersOf(`docker-archive:${join(root, "save.tar")}:${name}`),
        );
      }
      expect(await exportOf(`${place}#container:c1`)).toEqual(await treeIn(join(root, "export.tar")));
    });

    it("whose layers can be rebuilt from their directories alone", async () => {
      const place = `docker-root:${join(root, "docker")}`;
      const before = await exportOf(`${place}#committed:v1`);
      await using source = await openSource(`${place}#committed:v1`);
      for (const layer of source.layers) {
        const [, hex] = layer.storage?.["chain-id"]?.split(":") ?? [];
        rmSync(join(root, `docker/image/${storageDriver}/layerdb/sha256/${hex}/tar-split.json.gz`));
      }
      expect(await exportOf(`${place}#committed:v1`)).toEqual(before);
    });
  });
});

/** An archive of an image with a shell, files to change, and a layer that deletes. */
async function saveStory(archive: string): Promise<void> {
  const shell = readFileSync(oraclePath("busybox") ?? "");
  const layers = await Promise.all([
    layer([directoryEntry("data"), fileEntry("data/keep", "keep\n"), linkEntry("hardlink", "data/link", "data/keep")]),
    layer([directoryEntry("bin"), fileEntry("bin/busybox", shell, 0o755), fileEntry("data/gone", "gone\n")]),
    layer([
      directoryEntry("data/dir"),
      fileEntry("data/dir/a", "a\n"),
      linkEntry("symlink", "data/sym", "/etc/passwd"),
    ]),
    layer([
      fileEntry("data/.wh.gone", ""),
      directoryEntry("data/dir"),
      fileEntry("data/dir/.wh..wh..opq", ""),
      fileEntry("data/dir/b\u00e9", "b\n"),
    ]),
  ]);
  const manifest = [{ Config: "config.json", RepoTags: ["story:v1"], Layers: layers.map((_, i) => `${i}.tar`) }];
  await writeFiles(`${archive}.d`, {
    "config.json": JSON.stringify(configOf(layers)),
    "manifest.json": JSON.stringify(manifest),
    ...Object.fromEntries(layers.map(({ tar }, i) => [`${i}.tar`, tar])),
  });
  const { status } = spawnSync("tar", ["-C", `${archive}.d`, "-cf", archive, "."]);
  if (status !== 0) throw new Error("tar failed");
}

const common = { uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } };

/** Engines disagree on directories that no entry makes, so every directory has one. */
function directoryEntry(name: string): TarMember {
  return { entry: { ...common, name: `${name}/`, type: "directory", mode: 0o755, size: 0 } };
}

function fileEntry(name: string, content: string | Uint8Array, mode = 0o644): TarMember {
  const data = Buffer.from(content);
  return { entry: { ...common, name: fromText(name), type: "file", mode, size: data.length }, data: [data] };
}

function linkEntry(type: "hardlink" | "symlink", name: string, linkName: string): TarMember {
  return { entry: { ...common, name, type, linkName, mode: 0o644, size: 0 } };
}

async function layer(members: readonly TarMember[]): Promise<{ tar: Buffer; diffId: DiffId }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  return { tar, diffId: digestOf(tar) as string as DiffId };
}
