import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  COPY_IMAGES,
  copyByName,
  filesBelow,
  makeCopyLayout,
  makeQuickDirectory,
} from "../../../test/support/copy-fixtures.ts";
import { type FixtureFiles, FixtureLayout, layerOf, named, writeFiles } from "../../../test/support/image-fixtures.ts";
import type { CopyEvent } from "../../image/index.ts";
import { type Descriptor, hexOf, MEDIA_TYPE, parsePlatform } from "../../oci/index.ts";
import { copyArtifact, openArtifact, openDestination } from "../index.ts";

let directory: string;
let source: string;
let files: FixtureFiles;
let roots: readonly Descriptor[];
beforeAll(async () => {
  directory = await makeQuickDirectory();
  source = join(directory, "source");
  const made = await makeCopyLayout();
  roots = made.roots;
  files = made.layout.finish(roots);
  await writeFiles(source, files);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

let count = 0;
const fresh = (): string => join(directory, `copy-${count++}`);
const rootOf = (name: string): Descriptor =>
  roots.find(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === name) as Descriptor;
const indexOf = async (layout: string) => JSON.parse(await readFile(join(layout, "index.json"), "utf8"));

describe.each(["oci", "oci-archive"])("to %s:", (transport) => {
  test.each(COPY_IMAGES)("%s comes whole, with the digests of the source", async (name) => {
    const to = `${transport}:${fresh()}:copied`;
    const { root } = await copyByName(`oci:${source}:${name}`, to, { allPlatforms: true, preserveDigests: true });
    expect(root.digest).toBe(rootOf(name).digest);
    const back = fresh();
    await copyByName(to, `oci:${back}:back`, { allPlatforms: true, preserveDigests: true });
    const copied = await filesBelow(back);
    for (const [path, content] of Object.entries(copied)) {
      if (path !== "index.json") expect(Buffer.from(content, "base64")).toEqual(Buffer.from(files[path] as string));
    }
    expect((await indexOf(back)).manifests).toEqual([named(root, "back")]);
  });
});

test("a second copy changes nothing, byte for byte, and transfers nothing", async () => {
  const to = fresh();
  await copyByName(`oci:${source}:multi`, `oci:${to}:v1`, { allPlatforms: true });
  const before = await filesBelow(to);
  const { blobs, bytes } = await copyByName(`oci:${source}:multi`, `oci:${to}:v1`, { allPlatforms: true });
  expect(blobs).toMatchObject({ transferred: 0, mounted: 0 });
  expect(bytes).toBe(0);
  expect(await filesBelow(to)).toEqual(before);
});

test("an index is reduced to the manifest of the platform, attestations are passed over by name", async () => {
  const to = fresh();
  const platform = parsePlatform("linux/arm64");
  const result = await copyByName(`oci:${source}:multi`, `oci:${to}`, { platform, names: ["arm"] });
  expect(result.root.mediaType).toBe(MEDIA_TYPE.ociManifest);
  expect(result.platform).toMatchObject({ architecture: "arm64" });
  expect(result.skipped).toEqual([expect.objectContaining({ what: expect.stringContaining("attestation") })]);
  expect((await readdir(join(to, "blobs/sha256"))).length).toBe(1 + 1 + 2);
  expect((await indexOf(to)).manifests).toEqual([named(result.root, "arm")]);
});

test("a platform that the image is not for is refused, and nothing is left", async () => {
  const to = fresh();
  await expect(
    copyByName(`oci:${source}:multi`, `oci:${to}:x`, { platform: parsePlatform("linux/s390x") }),
  ).rejects.toMatchObject({ code: "platform-not-found", details: { image: `oci:${source}:multi` } });
  await expect(
    copyByName(`oci:${source}:one`, `oci:${to}:x`, { platform: parsePlatform("linux/arm64") }),
  ).rejects.toMatchObject({ code: "platform-not-found" });
  await expect(readdir(to)).rejects.toMatchObject({ code: "ENOENT" });
});

test("an artifact is copied as it is, without a platform", async () => {
  const { root, platform } = await copyByName(`oci:${source}:artifact`, `oci:${fresh()}:a`);
  expect([root.digest, platform]).toEqual([rootOf("artifact").digest, undefined]);
});

test("events tell the story in order", async () => {
  const events: CopyEvent[] = [];
  const onEvent = (event: CopyEvent): void => void events.push(event);
  await copyByName(`oci:${source}:one`, `oci:${fresh()}:v1`, { onEvent });
  const { digest } = rootOf("one");
  expect(events[0]).toMatchObject({ type: "start" });
  expect(events[1]).toMatchObject({ type: "resolved", digest, blobs: 2 });
  expect(events.at(-1)).toMatchObject({ type: "done", digest });
  const layer = events.filter((event) => "digest" in event && event.type !== "document" && event.digest !== digest);
  for (const what of ["config", "layer"]) {
    const begun = layer.find((event) => event.type === "blob" && event.what === what && event.state === "waiting");
    const own = layer.filter(
      (event) => "digest" in event && begun !== undefined && event.digest === (begun as { digest: string }).digest,
    );
    expect(own.map(({ type }) => type)).toEqual([
      "blob",
      "blob",
      ...own.slice(2, -1).map(() => "progress"),
      "blob-done",
    ]);
    expect(own.slice(2, -1).length).toBeGreaterThan(0);
  }
});

describe("a source that lies", () => {
  async function tampered(change: (files: Record<string, string | Uint8Array>, layer: Descriptor) => void) {
    const layout = new FixtureLayout();
    const layer = await layerOf({ a: "1" });
    const image = layout.image([await layerOf({ b: "2" }), layer]);
    const forged = { ...layout.finish([named(image, "v1")]) } as Record<string, string | Uint8Array>;
    const digest = layout.blob(layer.stored, layer.mediaType);
    change(forged, digest);
    const path = fresh();
    await writeFiles(path, forged);
    return { path, digest: digest.digest };
  }
  test.each(["oci", "oci-archive", "docker-archive"])(
    "about a layer's bytes leaves nothing at %s:",
    async (transport) => {
      const { path, digest } = await tampered((forged, layer) => {
        const bytes = Buffer.from(forged[`blobs/sha256/${hexOf(layer.digest)}`] as Uint8Array);
        bytes[bytes.length - 1]! ^= 1;
        forged[`blobs/sha256/${hexOf(layer.digest)}`] = bytes;
      });
      const room = fresh();
      await writeFiles(room, { keep: "" });
      await expect(copyByName(`oci:${path}:v1`, `${transport}:${room}/x:v1`, { concurrency: 1 })).rejects.toMatchObject(
        {
          code: "digest-mismatch",
          kind: "integrity",
          details: { image: `oci:${path}:v1`, layer: 1, digest },
        },
      );
      const left = await filesBelow(room);
      expect(Object.keys(left).filter((name) => /index|ingest|partial|x$|tar/.test(name))).toEqual([]);
      expect(Object.keys(left).join()).not.toContain(hexOf(digest));
    },
  );
  test("about a layer's size is found out, too", async () => {
    const { path } = await tampered((forged, layer) => {
      forged[`blobs/sha256/${hexOf(layer.digest)}`] = Buffer.from("short");
    });
    await expect(copyByName(`oci:${path}:v1`, `oci:${fresh()}:v1`)).rejects.toMatchObject({ kind: "integrity" });
  });
  test("about sizes in two documents is refused before anything goes", async () => {
    const layout = new FixtureLayout();
    const layer = await layerOf({ a: "1" });
    const { config, layers } = {
      config: layout.blob({ rootfs: { type: "layers", diff_ids: [] } }, MEDIA_TYPE.ociConfig),
      layers: [layout.blob(layer.stored, layer.mediaType)],
    };
    const one = layout.blob({ schemaVersion: 2, config, layers }, MEDIA_TYPE.ociManifest);
    const other = layout.blob(
      { schemaVersion: 2, config, layers: layers.map((l) => ({ ...l, size: l.size + 1 })) },
      MEDIA_TYPE.ociManifest,
    );
    const path = fresh();
    await writeFiles(path, layout.finish([named(layout.index([one, other]), "v1")]));
    await expect(copyByName(`oci:${path}:v1`, `oci:${fresh()}:v1`, { allPlatforms: true })).rejects.toMatchObject({
      code: "descriptor-conflict",
    });
  });
});

describe("a copy that is aborted", () => {
  test.each(["oci", "oci-archive", "docker-archive"])(
    "leaves nothing visible at %s:, and the next completes",
    async (transport) => {
      const room = fresh();
      await writeFiles(room, { keep: "" });
      const to = `${transport}:${room}/x:v1`;
      const controller = new AbortController();
      let done = 0;
      const onEvent = (event: CopyEvent): void => {
        if (event.type === "blob-done" && ++done === 5) controller.abort();
      };
      await expect(
        copyByName(`oci:${source}:hundred`, to, { signal: controller.signal, onEvent }),
      ).rejects.toMatchObject({ code: "aborted" });
      const left = Object.keys(await filesBelow(room)).filter((name) => !name.startsWith("x/blobs/"));
      expect(left).toEqual(["keep"]);
      const { blobs } = await copyByName(`oci:${source}:hundred`, to);
      expect(blobs.present).toBe(transport === "oci" ? done : 0);
      await using again = await openArtifact(to);
      expect(again.root.digest).toBe(rootOf("hundred").digest);
    },
  );
});

describe("foreign layers", () => {
  async function windows(isHere: boolean): Promise<string> {
    const layout = new FixtureLayout();
    const [base, own] = [await layerOf({ base: "1" }), await layerOf({ own: "2" })];
    const image = layout.image([{ ...base, mediaType: MEDIA_TYPE.dockerForeignLayerGzip }, own]);
    if (!isHere) delete layout.files[`blobs/sha256/${hexOf(layout.blob(base.stored, "").digest)}`];
    const path = fresh();
    await writeFiles(path, layout.finish([named(image, "v1")]));
    return path;
  }
  test("that are not here stay in the manifest and are passed over by name", async () => {
    const { skipped, root } = await copyByName(`oci:${await windows(false)}:v1`, `oci:${fresh()}:v1`, {
      preserveDigests: true,
    });
    expect(skipped).toEqual([{ what: expect.stringMatching(/^foreign layer sha256:/), reason: expect.any(String) }]);
    expect(root.size).toBeGreaterThan(0);
  });
  test("that are here are copied", async () => {
    const { skipped, blobs } = await copyByName(`oci:${await windows(true)}:v1`, `oci:${fresh()}:v1`);
    expect([skipped, blobs.transferred]).toEqual([[], 3]);
  });
});

describe("what refers to an image", () => {
  async function signed(): Promise<{ path: string; signature: Descriptor }> {
    const layout = new FixtureLayout();
    const image = layout.image([await layerOf({ a: "1" })]);
    const signature = layout.image([], {
      manifest: { subject: image, config: layout.blob({}, "application/vnd.example.sig") },
    });
    const path = fresh();
    await writeFiles(path, layout.finish([named(image, "v1"), signature]));
    return { path, signature };
  }
  test("goes along when asked, and is found at the other end", async () => {
    const { path, signature } = await signed();
    const to = fresh();
    await copyByName(`oci:${path}:v1`, `oci:${to}:v1`, { withReferrers: true });
    await using copied = await openArtifact(`oci:${to}:v1`);
    const { digest, mediaType, bytes } = copied.root;
    expect(await copied.referrers?.({ digest, mediaType, size: bytes.length })).toEqual([
      expect.objectContaining({ digest: signature.digest }),
    ]);
  });
  test("stays when not asked, and forbids to convert the image", async () => {
    const { path } = await signed();
    const to = fresh();
    await copyByName(`oci:${path}:v1`, `oci:${to}:v1`);
    expect((await indexOf(to)).manifests).toHaveLength(1);
    await expect(
      copyByName(`oci:${path}:v1`, `oci:${fresh()}:v1`, { withReferrers: true, compression: "zstd" }),
    ).rejects.toMatchObject({ code: "digest-not-preserved" });
  });
});

describe("an archive as its own destination", () => {
  test("is refused, through links too, and stays as it is", async () => {
    const file = `${fresh()}.tar`;
    await copyByName(`oci:${source}:one`, `oci-archive:${file}:one`);
    await symlink(file, `${file}.link`);
    const before = await readFile(file);
    for (const to of [file, `${file}.link`]) {
      await expect(copyByName(`oci-archive:${file}`, `oci-archive:${to}:two`)).rejects.toMatchObject({
        code: "copy-onto-itself",
      });
    }
    expect((await readFile(file)).equals(before)).toBe(true);
  });
  test("a layout gives an image one more name", async () => {
    const layout = fresh();
    await copyByName(`oci:${source}:one`, `oci:${layout}:one`);
    const { blobs } = await copyByName(`oci:${layout}:one`, `oci:${layout}:two`);
    expect(blobs.transferred).toBe(0);
    expect((await indexOf(layout)).manifests).toEqual([named(unnamed("one"), "one"), named(unnamed("one"), "two")]);
  });
});

test("several images go into one archive when only the last copy finishes it", async () => {
  const file = `${fresh()}.tar`;
  await using destination = await openDestination(`docker-archive:${file}`);
  for (const [name, isLast] of [
    ["one", false],
    ["docker", true],
  ] as const) {
    await using from = await openArtifact(`oci:${source}:${name}`);
    await copyArtifact(from, destination, { names: [`example/${name}:v1`], shouldFinish: isLast });
  }
  for (const name of ["one", "docker"]) {
    await using back = await openArtifact(`docker-archive:${file}:example/${name}:v1`);
    expect(back.root.digest).toBe(rootOf(name).digest);
  }
});

test("an index does not fit into a docker-archive", async () => {
  await expect(
    copyByName(`oci:${source}:multi`, `docker-archive:${fresh()}`, { allPlatforms: true }),
  ).rejects.toMatchObject({ code: "index-not-accepted" });
});

test("a directory that is no layout is not written into", async () => {
  const path = fresh();
  await writeFiles(path, { "important.txt": "1" });
  await expect(copyByName(`oci:${source}:one`, `oci:${path}:v1`)).rejects.toMatchObject({ code: "not-an-oci-layout" });
  await writeFile(join(path, "file"), "");
  await expect(copyByName(`oci:${source}:one`, `oci:${path}/file:v1`)).rejects.toMatchObject({
    code: "not-a-directory",
  });
  expect((await readdir(path)).sort()).toEqual(["file", "important.txt"]);
});

const unnamed = (name: string): Descriptor => {
  const { annotations: _, ...rest } = rootOf(name);
  return rest;
};
