import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { memorySource, readAll, sliceSource } from "../../base/index.ts";
import { createMemoryScratch } from "../../content/index.ts";
import { noWhiteouts, overlayWhiteouts, type WhiteoutCodec } from "../../layer/index.ts";
import {
  type DiffId,
  digestOf,
  type ImageConfig,
  type Manifest,
  MEDIA_TYPE,
  parseImageConfig,
  parseManifest,
} from "../../oci/index.ts";
import { char, dir, file, hardlink, indexOf, symlink, type TarStep, tarScript } from "../../testing/index.ts";
import type { ArtifactSource } from "../artifact-source.ts";
import type { LayerSource, PlacedImage } from "../image-source.ts";
import { artifactOfImage } from "./artifact-of-image.ts";

const tar = tarScript(dir("etc"), file("etc/motd", "hello\n"));
const diffId = digestOf(tar) as string as DiffId;

function blobOf(bytes: Uint8Array, known: { readonly diffId?: DiffId; readonly isDigestKnown?: boolean } = {}) {
  let opened = 0;
  const layer: LayerSource = {
    kind: "blob",
    name: "layer.tar",
    diffId: known.diffId,
    descriptor: {
      mediaType: MEDIA_TYPE.dockerLayer,
      digest: known.isDigestKnown === true ? digestOf(bytes) : undefined,
      size: bytes.length,
    },
    open: async () => {
      opened++;
      return memorySource(bytes);
    },
  };
  return { layer, opened: () => opened };
}

function listingOf(steps: readonly TarStep[], whiteouts: WhiteoutCodec): LayerSource {
  const bytes = tarScript(...steps);
  const index = indexOf(bytes);
  const open = async (entry: number) =>
    sliceSource(memorySource(bytes), index.columns.dataOffset[entry]!, index.columns.size[entry]!);
  return { kind: "listing", name: "a directory", diffId: undefined, whiteouts, load: async () => ({ index, open }) };
}

function imageOf(layers: readonly LayerSource[], config: object, isSynthetic = false): PlacedImage {
  const bytes = Buffer.from(JSON.stringify(config));
  const value: ImageConfig = parseImageConfig(bytes, { what: "config" });
  return {
    names: ["example:v1"],
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.dockerConfig, digest: digestOf(bytes), bytes, value, isSynthetic },
    platform: undefined,
    layers,
    skipped: [],
  };
}

const configOf = (...diffIds: DiffId[]) => ({
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: diffIds },
});

async function artifactOf(image: PlacedImage) {
  const artifact = await artifactOfImage(image, {
    reference: "a place",
    transport: "test",
    scratch: createMemoryScratch(),
    expansion: {},
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
    dispose: async () => {},
  });
  const manifest = parseManifest(artifact.root.bytes, {
    what: "manifest",
    mediaType: artifact.root.mediaType,
  }) as Manifest;
  return { artifact, manifest, config: parseImageConfig(await bytesOf(artifact, manifest.config), { what: "config" }) };
}

async function bytesOf(artifact: ArtifactSource, descriptor: Manifest["config"]): Promise<Uint8Array> {
  await using source = await artifact.openBlob(descriptor);
  return await readAll(source);
}

describe("an image with stored layers", () => {
  test("keeps its configuration byte for byte, and gets a manifest that is the same each time", async () => {
    const image = imageOf([blobOf(tar, { diffId }).layer], { ...configOf(diffId), "x-own": true });
    const { artifact, manifest } = await artifactOf(image);
    expect(artifact.isSynthetic).toBe(true);
    expect(artifact.root.digest).toBe(digestOf(artifact.root.bytes));
    expect(digestOf(await bytesOf(artifact, manifest.config))).toBe(image.config.digest);
    expect(manifest).toMatchObject({
      config: { mediaType: MEDIA_TYPE.ociConfig, digest: image.config.digest },
      layers: [{ mediaType: MEDIA_TYPE.ociLayer, digest: diffId, size: tar.length }],
    });
    expect((await artifactOf(image)).artifact.root).toEqual(artifact.root);
    expect(artifact.names).toEqual(["example:v1"]);
  });

  test.each([
    ["a known digest", true],
    ["no digest", false],
  ])("compressed ones with %s are told by their first bytes", async (_, isDigestKnown) => {
    const stored = gzipSync(tar);
    const { manifest, config } = await artifactOf(
      imageOf([blobOf(stored, { diffId, isDigestKnown }).layer], configOf(diffId)),
    );
    expect(manifest.layers).toEqual([
      { mediaType: MEDIA_TYPE.ociLayerGzip, digest: digestOf(stored), size: stored.length },
    ]);
    expect(config.rootfs.diff_ids).toEqual([diffId]);
  });

  test("without diffIDs gets them in its configuration", async () => {
    const layers = [blobOf(tar).layer, blobOf(gzipSync(tar)).layer];
    const image = imageOf(
      layers,
      { architecture: "s390x", os: "linux", created: "2020-01-01T00:00:00Z", rootfs: { type: "layers", diff_ids: [] } },
      true,
    );
    const { config, manifest } = await artifactOf(image);
    expect(config).toMatchObject({ architecture: "s390x", created: "2020-01-01T00:00:00Z" });
    expect(config.rootfs.diff_ids).toEqual([diffId, diffId]);
    expect(manifest.layers.map(({ digest }) => digest)).toEqual([digestOf(tar), digestOf(gzipSync(tar))]);
  });

  test("with a compression that no media type names is refused, by its layer", async () => {
    const bzip2 = Buffer.concat([Buffer.from("BZh9"), Buffer.alloc(600)]);
    await expect(artifactOf(imageOf([blobOf(bzip2, { diffId }).layer], configOf(diffId)))).rejects.toMatchObject({
      code: "compression-unsupported",
      details: { layer: 0 },
    });
  });

  test("names a foreign layer that is not here, as far as its digest is known", async () => {
    const absent = (digest: typeof diffId | undefined): LayerSource => ({
      kind: "absent",
      name: "foreign",
      diffId,
      reason: "not here",
      descriptor: { mediaType: MEDIA_TYPE.dockerForeignLayerGzip, digest: digest as never, size: 7 },
    });
    const { artifact, manifest } = await artifactOf(imageOf([absent(diffId)], configOf(diffId)));
    await expect(artifact.openBlob(manifest.layers[0]!)).rejects.toMatchObject({ kind: "not-found" });
    await expect(artifactOf(imageOf([absent(undefined)], configOf(diffId)))).rejects.toMatchObject({
      code: "layer-unidentified",
    });
  });
});

describe("a directory", () => {
  const image = (steps: readonly TarStep[], codec: WhiteoutCodec) =>
    imageOf(
      [listingOf(steps, codec)],
      { rootfs: { type: "layers", diff_ids: [] }, history: [{ comment: "made" }] },
      true,
    );
  const steps = [
    dir("", { mode: 0o711 }),
    dir("a", { uid: 7, xattrs: { "user.x": "\xff" } }),
    file("a/file", "content".repeat(1000), { mode: 0o4755, mtime: { seconds: 5, nanoseconds: 6 } }),
    file("a/.who", ""),
    hardlink("a/link", "a/file"),
    symlink("s", "../target\xfe"),
    char("null", [1, 3]),
  ];

  test("becomes a tar with the same entries, in the same order", async () => {
    const { artifact, manifest, config } = await artifactOf(image(steps, noWhiteouts));
    const bytes = await bytesOf(artifact, manifest.layers[0]!);
    expect(Buffer.from(bytes).equals(tarScript(...steps))).toBe(true);
    expect(config.rootfs.diff_ids).toEqual([digestOf(bytes)]);
    expect(config).toMatchObject({ os: "linux", architecture: "arm64", variant: "v8", history: [{ comment: "made" }] });
  });

  test("with a name that would mean a deletion is refused", async () => {
    await expect(artifactOf(image([file("a/.wh.kept", "")], noWhiteouts))).rejects.toMatchObject({
      code: "name-reserved",
    });
  });

  test("of overlayfs has its deletions as whiteouts, each after the directory that it is in", async () => {
    const opaque = { xattrs: { "trusted.overlay.opaque": "y", "user.keep": "1" } };
    const upper = [dir("d", opaque), file("d/new", "1"), char("d/gone", [0, 0]), char("old", [0, 0])];
    const { artifact, manifest } = await artifactOf(image(upper, overlayWhiteouts));
    const index = indexOf(await bytesOf(artifact, manifest.layers[0]!));
    const names = Array.from({ length: index.count }, (_, i) => index.name(i));
    expect(names).toEqual(["d/", "d/.wh..wh..opq", "d/new", "d/.wh.gone", ".wh.old"]);
    expect([...index.xattrs(0).keys()]).toEqual(["user.keep"]);
  });
});

describe("a layer that a manifest has named", () => {
  const stored = gzipSync(tar);
  const published = {
    mediaType: MEDIA_TYPE.dockerLayerGzip,
    digest: digestOf(stored),
    size: stored.length,
    urls: ["https://example.com/layer"],
    annotations: { note: "kept" },
  };
  const unread = async (): Promise<never> => {
    throw new Error("nobody needs these bytes");
  };
  const named = { kind: "blob", name: "layer", diffId, published, descriptor: published, open: unread } as const;

  test("keeps that name, in the words of OCI, and is not read", async () => {
    const image = { ...imageOf([named], configOf(diffId)), annotations: { mine: "yes" } };
    const { manifest } = await artifactOf(image);
    expect(manifest.layers).toEqual([{ ...published, mediaType: MEDIA_TYPE.ociLayerGzip }]);
    expect(manifest.annotations).toEqual({ mine: "yes" });
  });

  test("gives the bytes of that name, where it is read as its uncompressed tar", async () => {
    const plain = { mediaType: MEDIA_TYPE.ociLayer, digest: digestOf(tar), size: tar.length };
    const open = async () => memorySource(tar);
    for (const isHere of [true, false]) {
      const origin = { registry: "example.com", repository: "app" };
      const whole = { isHere, open: async () => memorySource(stored) };
      const layer = { ...named, tar: plain, open, stored: whole, origin };
      const { artifact, manifest } = await artifactOf(imageOf([layer], configOf(diffId)));
      const descriptor = manifest.layers[0]!;
      expect(Buffer.from(await bytesOf(artifact, descriptor)).equals(stored)).toBe(true);
      expect(artifact.originOf?.(descriptor)).toEqual(origin);
      const alone = await artifact.openTar?.(descriptor, diffId);
      expect(alone?.size).toBe(isHere ? undefined : tar.length);
    }
  });
});
