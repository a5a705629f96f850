import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { type FixtureLayer, layerOf } from "../../../test/support/image-fixtures.ts";
import { replaceFile, type WrittenFixture, writeContainersStorage } from "../../../test/support/storage-fixtures.ts";
import { type ByteSource, StrataError } from "../../base/index.ts";
import { type DiffId, digestOf, digestStream } from "../../oci/index.ts";
import { listImages, openSource } from "../index.ts";
import { resolveContainersStorage } from "./resolve-containers-storage.ts";

let root: string;
let layers: FixtureLayer[];
let written: WrittenFixture;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "containers-storage-"));
  layers = [
    await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(5000) }),
    await layerOf({ "etc/.wh.motd": "", data: "y" }),
  ];
  const app = { names: ["localhost/gt/app:v1", "docker.io/gt/app:v1"], layers };
  [written] = (await writeContainersStorage(root, [app, { names: [], layers: layers.slice(0, 1) }])) as [
    WrittenFixture,
  ];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Opens the image and reads every layer to its end. */
async function diffIdsOf(name: string): Promise<(DiffId | string)[]> {
  await using source = await openSource(name, { containersStorage: root });
  const found: string[] = [];
  for (const layer of source.layers) found.push(layer.kind === "blob" ? await digestOfTar(layer) : layer.kind);
  return found;
}

async function digestOfTar(layer: { open(): Promise<ByteSource> }): Promise<string> {
  await using tar = await layer.open();
  return (await digestStream(tar.stream())).digest;
}

async function failureOf(name = "containers-storage:gt/app:v1"): Promise<StrataError> {
  const error = await diffIdsOf(name).catch((caught: unknown) => caught);
  if (error instanceof StrataError) return error;
  throw new Error(`${name}: ${String(error)}`);
}

describe("an image of podman", () => {
  it("has the layers that it was made of, byte for byte, and its manifest", async () => {
    await using source = await openSource(`containers-storage:${root}#gt/app:v1`);
    expect(await diffIdsOf("containers-storage:gt/app:v1")).toEqual(layers.map(({ diffId }) => diffId));
    const manifest = await readFile(join(root, `overlay-images/${written.id}/manifest`));
    expect(source.manifest?.digest).toBe(digestOf(manifest));
    expect(Buffer.from(source.manifest?.bytes ?? [])).toEqual(manifest);
    expect(source.config).toMatchObject({ digest: `sha256:${written.id}`, isSynthetic: false });
    expect(source.storage).toEqual({ driver: "overlay", "image-id": written.id });
    expect(source.layers.map(({ storage }) => storage)).toEqual(
      written.directories.map((directory) => ({
        "layer-id": directory.split("/")[1],
        link: expect.stringMatching(/^[0-9A-F]{26}$/),
        directory: join(root, directory),
      })),
    );
  });

  it("is found by all that podman and skopeo find it by", async () => {
    const { id } = written;
    const names = [
      "gt/app:v1",
      "localhost/gt/app:v1",
      "docker.io/gt/app:v1",
      id,
      id.slice(0, 12),
      `gt/app:v1@${id}`,
      `@${id}`,
    ];
    const places = names.flatMap((name) => [
      name,
      `[overlay@${root}]${name}`,
      `[overlay@${root}+/run/x]${name}`,
      `[${root}]${name}`,
    ]);
    for (const name of [...places, `${root}#gt/app:v1`, `${root}#overlay@gt/app:v1`]) {
      await using source = await openSource(`containers-storage:${name}`, { containersStorage: root });
      expect(source.config.digest, name).toBe(`sha256:${id}`);
    }
  });

  it("is one of several, which are listed", async () => {
    expect(await failureOf(`containers-storage:${root}`)).toMatchObject({ code: "several-images" });
    const listed = await listImages(`containers-storage:${root}`);
    expect(listed.map(({ names }) => names)).toEqual([["localhost/gt/app:v1", "docker.io/gt/app:v1"], []]);
    expect(await failureOf("containers-storage:none")).toMatchObject({ code: "image-not-found" });
  });

  it("has the manifest that its digest names, not a list that it came from", async () => {
    const images = JSON.parse(await readFile(join(root, "overlay-images/images.json"), "utf8"));
    const list = Buffer.from('{"schemaVersion":2,"manifests":[]}');
    images[0].digest = digestOf(list);
    const key = Buffer.from(`manifest-${digestOf(list)}`).toString("base64");
    await replaceFile(root, `overlay-images/${written.id}/=${key}`, list);
    await replaceFile(root, "overlay-images/images.json", JSON.stringify(images));
    await using source = await openSource(`containers-storage:${root}#gt/app:v1`);
    expect(source.manifest?.digest).not.toBe(digestOf(list));
  });

  it("may have layers that end with the machine's run", async () => {
    await rename(join(root, "overlay-layers/layers.json"), join(root, "overlay-layers/volatile-layers.json"));
    expect(await diffIdsOf("containers-storage:gt/app:v1")).toHaveLength(2);
  });

  it("without journals is rebuilt from its files and says so", async () => {
    await replaceFile(root, written.journals[0]!, undefined);
    await using source = await openSource("containers-storage:gt/app:v1", { containersStorage: root });
    expect(source.layers.map(({ kind }) => kind)).toEqual(["listing", "blob"]);
    expect(source.skipped).toEqual([
      { what: expect.stringContaining("layer 0"), reason: expect.stringContaining("not bit for bit") },
    ]);
  });
});

describe("damage", () => {
  const layersJson = "overlay-layers/layers.json";
  const big = (key: string): string => `overlay-images/${written.id}/=${Buffer.from(key).toString("base64")}`;
  const edited = async (edit: (layers: Record<string, unknown>[]) => void): Promise<void> => {
    const records = JSON.parse(await readFile(join(root, layersJson), "utf8"));
    edit(records);
    await replaceFile(root, layersJson, JSON.stringify(records));
  };

  it.each([
    [
      "a parent that is its child",
      (r: Record<string, unknown>[]) => (r[0]!["parent"] = r[1]!["id"]),
      "storage-layer-loop",
    ],
    [
      "a parent that is not there",
      (r: Record<string, unknown>[]) => (r[1]!["parent"] = "gone"),
      "storage-layer-missing",
    ],
    ["a parent too few", (r: Record<string, unknown>[]) => delete r[1]!["parent"], "storage-malformed"],
    [
      "a diffID of another layer",
      (r: Record<string, unknown>[]) => (r[1]!["diff-digest"] = r[0]!["diff-digest"]),
      "storage-malformed",
    ],
    ["an id that is a path", (r: Record<string, unknown>[]) => (r[0]!["id"] = "../../etc"), "storage-malformed"],
  ])("to layers.json: %s is refused", async (_, edit, code) => {
    await edited(edit);
    expect(await failureOf()).toMatchObject({ code });
  });

  it("to other records is refused", async () => {
    await replaceFile(root, big(`sha256:${written.id}`), "{}");
    expect(await failureOf()).toMatchObject({ code: "digest-mismatch" });
    await replaceFile(root, big(`sha256:${written.id}`), undefined);
    expect(await failureOf()).toMatchObject({ code: "storage-image-missing" });
    await replaceFile(root, layersJson, "{}");
    expect(await failureOf()).toMatchObject({ code: "storage-image-missing" });
    await replaceFile(root, "overlay-images/images.json", "[{}]");
    expect(await failureOf()).toMatchObject({ code: "storage-malformed" });
  });

  it("to a file names the file", async () => {
    await replaceFile(root, `${written.directories[0]}/bin/tool`, "x".repeat(4999));
    expect(await failureOf()).toMatchObject({
      code: "layer-file-changed",
      kind: "integrity",
      details: { entry: "bin/tool" },
    });
  });

  it("a layer for composefs is refused by name", async () => {
    await mkdir(join(root, written.directories[0]!.replace(/diff$/, "composefs-data")));
    expect(await failureOf()).toMatchObject({ code: "unsupported-layer", kind: "unsupported" });
  });

  it("a directory that is none of podman's is refused", async () => {
    expect(await failureOf("containers-storage:/nowhere#x")).toMatchObject({ code: "not-a-containers-storage" });
  });
});

test.each(["[", "[]x", "[overlay@]x", "[overlay@/a"])("%s is no name", (rest) => {
  expect(() => resolveContainersStorage(rest)).toThrow(expect.objectContaining({ code: "invalid-image-name" }));
});
