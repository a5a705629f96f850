import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyByName, filesBelow, makeCopyLayout, makeQuickDirectory } from "../../../test/support/copy-fixtures.ts";
import { FixtureLayout, layerOf, named, writeFiles } from "../../../test/support/image-fixtures.ts";
import { readAll } from "../../base/index.ts";
import {
  type Descriptor,
  digestOf,
  digestStream,
  hexOf,
  type Manifest,
  MEDIA_TYPE,
  parseImageConfig,
  parseManifest,
} from "../../oci/index.ts";
import { decompress, sniffCompression } from "../../tar/index.ts";
import { openArtifact } from "../index.ts";

let directory: string;
let source: string;
beforeAll(async () => {
  directory = await makeQuickDirectory();
  source = join(directory, "source");
  const { layout, roots } = await makeCopyLayout();
  await writeFiles(source, layout.finish(roots));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

let count = 0;
const fresh = (): string => join(directory, `copy-${count++}`);

/** Everything about the images below a name, as it lies there. */
async function imagesAt(name: string) {
  await using artifact = await openArtifact(name);
  const read = async ({
    digest,
    mediaType,
    bytes,
  }: typeof artifact.root): Promise<{ manifest: Manifest; mediaType: string }[]> => {
    const document = parseManifest(bytes, { what: digest, mediaType });
    if (document.kind === "manifest") return [{ manifest: document, mediaType }];
    const below = document.manifests.map(async (child) => await read(await artifact.readDocument(child)));
    return (await Promise.all(below)).flat();
  };
  const images = await read(artifact.root);
  return await Promise.all(
    images.map(async ({ manifest, mediaType }) => {
      const blob = async (descriptor: Descriptor) => {
        await using bytes = await artifact.openBlob(descriptor);
        return await readAll(bytes);
      };
      const layers = await Promise.all(
        manifest.layers.map(async (layer) => {
          const stored = await blob(layer);
          const kind = sniffCompression(stored);
          const { digest: diffId } = await digestStream(decompress([stored] as never, kind));
          return { mediaType: layer.mediaType, kind, diffId, isTrue: digestOf(stored) === layer.digest };
        }),
      );
      const config = await blob(manifest.config);
      return {
        manifest,
        mediaType,
        layers,
        config: parseImageConfig(config, { what: "config" }),
        configDigest: digestOf(config),
      };
    }),
  );
}

const WANTED = {
  gzip: [MEDIA_TYPE.ociLayerGzip, MEDIA_TYPE.dockerLayerGzip],
  zstd: [MEDIA_TYPE.ociLayerZstd, MEDIA_TYPE.ociLayerZstd],
  none: [MEDIA_TYPE.ociLayer, MEDIA_TYPE.dockerLayer],
} as const;

describe.each(["gzip", "zstd", "none"] as const)("with --compression %s", (compression) => {
  test.each(["one", "empty-layer", "duplicates", "docker", "multi", "nested"])(
    "%s has layers of that kind with the old diffIDs, and the old configuration",
    async (name) => {
      const to = `oci:${fresh()}:converted`;
      const { root } = await copyByName(`oci:${source}:${name}`, to, { allPlatforms: true, compression });
      const [before, after] = [await imagesAt(`oci:${source}:${name}`), await imagesAt(to)];
      expect(after).toHaveLength(before.length);
      for (const [i, image] of after.entries()) {
        expect(image.configDigest).toBe(before[i]!.configDigest);
        const isImage = image.layers.length > 0 && image.layers.every(({ mediaType }) => mediaType.includes("tar"));
        if (!isImage) continue;
        expect(image.layers.map(({ diffId }) => diffId)).toEqual(image.config.rootfs.diff_ids);
        expect(image.layers.every(({ kind, isTrue }) => kind === compression && isTrue)).toBe(true);
        const isDocker = image.mediaType === MEDIA_TYPE.dockerManifest;
        expect(new Set(image.layers.map(({ mediaType }) => mediaType))).toEqual(
          new Set([WANTED[compression][isDocker ? 1 : 0]]),
        );
      }
      const again = fresh();
      const second = await copyByName(`oci:${source}:${name}`, `oci:${again}:converted`, {
        allPlatforms: true,
        compression,
        cores: 2,
      });
      expect(second.root).toEqual(root);
    },
  );
});

test("what is right already is not touched, and then nothing changes at all", async () => {
  const to = fresh();
  const before = await copyByName(`oci:${source}:docker`, `oci:${to}:v1`, {
    compression: "gzip",
    preserveDigests: true,
  });
  const { blobs } = await copyByName(`oci:${source}:docker`, `oci:${to}:v1`);
  expect(blobs.transferred).toBe(0);
  expect(before.root.mediaType).toBe(MEDIA_TYPE.dockerManifest);
});

test("digests that would change are refused when they are to be kept", async () => {
  const to = fresh();
  for (const change of [{ compression: "none" }, { format: "docker" }] as const) {
    await expect(
      copyByName(`oci:${source}:multi`, `oci:${to}:x`, { allPlatforms: true, preserveDigests: true, ...change }),
    ).rejects.toMatchObject({ code: "digest-not-preserved", kind: "failed-precondition" });
  }
  await expect(filesBelow(to)).rejects.toMatchObject({ code: "ENOENT" });
});

test("an index leads to the new manifests, and statements about them follow", async () => {
  const to = fresh();
  const { root } = await copyByName(`oci:${source}:multi`, `oci:${to}:v1`, { allPlatforms: true, compression: "none" });
  const [before, after] = await Promise.all(
    [`oci:${source}:multi`, `oci:${to}:v1`].map(async (name) => {
      await using artifact = await openArtifact(name);
      return JSON.parse(Buffer.from(artifact.root.bytes).toString()) as { manifests: Descriptor[] };
    }),
  );
  const [image, , , attestation] = after!.manifests;
  expect(attestation!.digest).toBe(before!.manifests[3]!.digest);
  expect(attestation!.annotations).toEqual({
    ...before!.manifests[3]!.annotations,
    "vnd.docker.reference.digest": image!.digest,
  });
  expect(image!.digest).not.toBe(before!.manifests[0]!.digest);
  expect(after!.manifests.map(({ platform }) => platform)).toEqual(before!.manifests.map(({ platform }) => platform));
  expect(root.mediaType).toBe(MEDIA_TYPE.ociIndex);
});

test("annotations and fields that nobody knows stay, those about the old bytes go", async () => {
  const layout = new FixtureLayout();
  const layer = await layerOf({ a: "1" });
  const [descriptor, config] = [
    layout.blob(layer.stored, layer.mediaType),
    { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [layer.diffId] } },
  ];
  const annotations = {
    keep: "1",
    "io.github.containers.zstd-chunked.manifest-checksum": "sha256:0",
    "containerd.io/snapshot/stargz/toc.digest": "sha256:0",
  };
  const manifest = {
    schemaVersion: 2,
    "x-unknown": { deep: [1] },
    config: layout.blob(config, MEDIA_TYPE.ociConfig),
    layers: [{ ...descriptor, annotations, urls: ["http://127.0.0.1/"] }],
    annotations: { a: "b" },
  };
  const path = fresh();
  await writeFiles(path, layout.finish([named(layout.blob(manifest, MEDIA_TYPE.ociManifest), "v1")]));
  const to = fresh();
  const { root } = await copyByName(`oci:${path}:v1`, `oci:${to}:v1`, { compression: "none" });
  const after = JSON.parse(await readFile(join(to, "blobs/sha256", hexOf(root.digest)), "utf8"));
  expect(after).toMatchObject({ "x-unknown": { deep: [1] }, annotations: { a: "b" }, config: manifest.config });
  expect(after.layers).toEqual([
    { mediaType: MEDIA_TYPE.ociLayer, digest: layer.diffId, size: layer.tar.length, annotations: { keep: "1" } },
  ]);
});

describe("formats", () => {
  test.each(["one", "empty-layer", "multi", "docker"])(
    "%s goes to docker's and back to OCI's, layers untouched",
    async (name) => {
      const [docker, oci] = [`oci:${fresh()}:v1`, `oci:${fresh()}:v1`];
      const options = { allPlatforms: true } as const;
      const there = await copyByName(`oci:${source}:${name}`, docker, { ...options, format: "docker" });
      const back = await copyByName(docker, oci, { ...options, format: "oci" });
      expect(there.root.mediaType).toBe(name === "multi" ? MEDIA_TYPE.dockerIndex : MEDIA_TYPE.dockerManifest);
      expect(back.root.mediaType).toBe(name === "multi" ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
      const [before, after] = [await imagesAt(`oci:${source}:${name}`), await imagesAt(oci)];
      const identity = (images: typeof before) =>
        images.map(({ layers, configDigest }) => [configDigest, layers.map(({ diffId }) => diffId)]);
      expect(identity(after)).toEqual(identity(before));
      // Back in OCI's types only docker's images differ from where they began.
      if (name !== "docker" && name !== "multi")
        expect(back.root.digest).toBe((await copyByName(`oci:${source}:${name}`, `oci:${fresh()}`)).root.digest);
    },
  );
  test("docker's has no zstd", async () => {
    const zstd = `oci:${fresh()}:v1`;
    await copyByName(`oci:${source}:one`, zstd, { compression: "zstd" });
    for (const [from, change] of [
      [zstd, {}],
      [`oci:${source}:one`, { compression: "zstd" }],
    ] as const) {
      await expect(copyByName(from, `oci:${fresh()}:v1`, { format: "docker", ...change })).rejects.toMatchObject({
        code: "format-lacks-zstd",
      });
    }
    const { root } = await copyByName(zstd, `oci:${fresh()}:v1`, { format: "docker", compression: "gzip" });
    expect(root.mediaType).toBe(MEDIA_TYPE.dockerManifest);
  });
});

describe("a layer that is not what it says", () => {
  test("by its diffID is refused while it is converted", async () => {
    const layout = new FixtureLayout();
    const [layer, other] = [await layerOf({ a: "1" }), await layerOf({ b: "2" })];
    const image = layout.image([{ ...layer, diffId: other.diffId }]);
    const path = fresh();
    await writeFiles(path, layout.finish([named(image, "v1")]));
    await expect(copyByName(`oci:${path}:v1`, `oci:${fresh()}:v1`, { compression: "none" })).rejects.toMatchObject({
      code: "digest-mismatch",
      details: { layer: 0 },
    });
  });
  test("by its media type is judged by its bytes", async () => {
    const layout = new FixtureLayout();
    const layer = await layerOf({ a: "1" });
    const image = layout.image([{ ...layer, stored: gzipSync(layer.tar), mediaType: MEDIA_TYPE.ociLayer }]);
    const path = fresh();
    await writeFiles(path, layout.finish([named(image, "v1")]));
    const to = `oci:${fresh()}:v1`;
    await copyByName(`oci:${path}:v1`, to, { compression: "none" });
    expect((await imagesAt(to))[0]!.layers).toMatchObject([{ kind: "none", mediaType: MEDIA_TYPE.ociLayer }]);
  });
});
