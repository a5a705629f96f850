import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyByName, makeCopyLayout, makeQuickDirectory } from "../../../test/support/copy-fixtures.ts";
import { writeFiles } from "../../../test/support/image-fixtures.ts";
import { hasSharedData, noSharedData, sharedData } from "../../../test/support/shared-data.ts";
import { requireOrSkip } from "../../../test/support/skip.ts";
import { memorySource, readAll, toText } from "../../base/index.ts";
import { type Descriptor, digestOf } from "../../oci/index.ts";
import { readTar, type TarEntry } from "../../tar/index.ts";
import { copyArtifact, listImages, openArtifact, openDestination } from "../index.ts";

let directory: string;
let source: string;
let roots: readonly Descriptor[];
beforeAll(async () => {
  directory = await makeQuickDirectory();
  source = join(directory, "source");
  const made = await makeCopyLayout();
  roots = made.roots;
  await writeFiles(source, made.layout.finish(roots));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

let count = 0;
const fresh = (): string => join(directory, `file-${count++}.tar`);

async function entriesOf(path: string): Promise<{ entry: TarEntry; text: string }[]> {
  const bytes = await readFile(path);
  const entries: { entry: TarEntry; text: string }[] = [];
  for await (const entry of readTar(memorySource(bytes))) {
    entries.push({ entry, text: bytes.subarray(entry.dataOffset, entry.dataOffset + entry.size).toString() });
  }
  return entries;
}

async function documentsOf(path: string) {
  const entries = await entriesOf(path);
  const json = (name: string) => JSON.parse(entries.find(({ entry }) => toText(entry.name) === name)?.text ?? "null");
  return { manifest: json("manifest.json"), repositories: json("repositories"), index: json("index.json") };
}

describe("names", () => {
  test.each([
    ["app", "app:latest"],
    ["docker.io/library/app:v1", "app:v1"],
    ["a__b/c---d:v1", "a__b/c---d:v1"],
    ["docker.io/user/app:v1", "user/app:v1"],
    ["localhost:5000/app:v1", "localhost:5000/app:v1"],
  ])("%s becomes %s", async (name, tag) => {
    const path = fresh();
    await copyByName(`oci:${source}:one`, `docker-archive:${path}:${name}`);
    const { manifest, repositories, index } = await documentsOf(path);
    expect(manifest).toMatchObject([{ RepoTags: [tag] }]);
    const [repository, last] = [tag.slice(0, tag.lastIndexOf(":")), tag.slice(tag.lastIndexOf(":") + 1)];
    expect(Object.keys(repositories[repository])).toEqual([last]);
    expect(index.manifests[0].annotations["org.opencontainers.image.ref.name"]).toBe(last);
    expect(await listImages(`docker-archive:${path}`)).toMatchObject([{ names: [tag] }]);
  });

  test("that the image had are kept as far as they are name and tag", async () => {
    const path = fresh();
    await copyByName(`oci:${source}:one`, `docker-archive:${path}`, {
      names: ["v1", "no/tag", "a:1", "Not A Name:1", "b:2"],
    });
    expect((await documentsOf(path)).manifest).toMatchObject([{ RepoTags: ["a:1", "b:2"] }]);
  });

  test("may be missing altogether", async () => {
    const path = fresh();
    await copyByName(`oci:${source}:one`, `docker-archive:${path}`);
    const { manifest, repositories } = await documentsOf(path);
    expect([manifest[0].RepoTags, repositories]).toEqual([null, {}]);
  });

  test("that docker would not take are refused before anything is written", async () => {
    await expect(copyByName(`oci:${source}:one`, `docker-archive:${fresh()}:Upper/Case:1`)).rejects.toMatchObject({
      code: "invalid-reference",
    });
  });

  test("move to the image that was named last", async () => {
    const path = fresh();
    await using destination = await openDestination(`docker-archive:${path}`);
    for (const [name, names] of [
      ["one", ["a:1", "b:1"]],
      ["docker", ["a:1"]],
    ] as const) {
      await using from = await openArtifact(`oci:${source}:${name}`);
      await copyArtifact(from, destination, { names, shouldFinish: name === "docker" });
    }
    const { manifest, index } = await documentsOf(path);
    expect(manifest.map(({ RepoTags }: { RepoTags: unknown }) => RepoTags)).toEqual([["b:1"], ["a:1"]]);
    expect(index.manifests).toHaveLength(2);
  });
});

test.each(["docker-archive", "oci-archive"])(
  "the same image gives the same %s, with nobody's name or time in it",
  async (transport) => {
    const [one, other] = [fresh(), fresh()];
    for (const path of [one, other]) await copyByName(`oci:${source}:duplicates`, `${transport}:${path}:app:v1`);
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
    const entries = await entriesOf(one);
    expect(entries[0]?.entry.name).toBe("oci-layout");
    for (const { entry } of entries) {
      expect(entry).toMatchObject({ uid: 0, gid: 0, uname: "", mtime: { seconds: 0, nanoseconds: 0 } });
    }
    const names = entries.map(({ entry }) => entry.name);
    expect(new Set(names).size).toBe(names.length);
  },
);

test("an archive on standard output has the bytes of the file", async () => {
  const path = fresh();
  await copyByName(`oci:${source}:duplicates`, `docker-archive:${path}:app:v1`);
  const sent: Uint8Array[] = [];
  const stdout = async (bytes: Uint8Array): Promise<void> => void sent.push(Buffer.from(bytes));
  await copyByName(`oci:${source}:duplicates`, "docker-archive:-:app:v1", { write: { stdout } });
  expect(Buffer.concat(sent).equals(await readFile(path))).toBe(true);
});

test("what is no image does not fit", async () => {
  await expect(copyByName(`oci:${source}:artifact`, `docker-archive:${fresh()}`)).rejects.toMatchObject({
    code: "not-an-image",
  });
});

requireOrSkip(
  "an archive that docker wrote",
  hasSharedData("docker26-save.tar.zst"),
  noSharedData("docker26-save.tar.zst"),
)(() => {
  test("since version 25 keeps its manifest", async () => {
    const from = `docker-archive:${sharedData("docker26-save.tar.zst")}:gt/base:v1`;
    const to = `docker-archive:${fresh()}`;
    const { root } = await copyByName(from, to, { preserveDigests: true });
    await using original = await openArtifact(from);
    expect([original.isSynthetic, original.root.digest]).toEqual([false, root.digest]);
    expect(await listImages(to)).toMatchObject([{ names: ["gt/base:v1"] }]);
  });

  test("before that gets one, with the configuration and the layers that it had", async () => {
    await using artifact = await openArtifact(`docker-archive:${sharedData("docker-save.tar.zst")}:gt/base:v1`);
    expect(artifact.isSynthetic).toBe(true);
    const manifest = JSON.parse(Buffer.from(artifact.root.bytes).toString());
    await using config = await artifact.openBlob(manifest.config);
    const bytes = await readAll(config);
    expect(digestOf(bytes)).toBe(manifest.config.digest);
    expect(JSON.parse(Buffer.from(bytes).toString()).rootfs.diff_ids).toEqual(
      manifest.layers.map(({ digest }: Descriptor) => digest),
    );
    const { blobs } = await copyByName(
      `docker-archive:${sharedData("docker-save.tar.zst")}:gt/base:v1`,
      `oci:${directory}/saved:v1`,
    );
    expect(blobs.transferred).toBe(1 + manifest.layers.length);
  });
});
