import { describe, expect, test } from "vitest";
import { ANNOTATION, isAttestation } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import { parseImageConfig, platformOf } from "./image-config.ts";
import { parseManifest } from "./manifest.ts";
import { isEncryptedLayer, isForeignLayer, MEDIA_TYPE, mediaKind } from "./media-type.ts";

const digest = parseDigest(`sha256:${"1".repeat(64)}`);
const config = { mediaType: MEDIA_TYPE.ociConfig, digest, size: 2 };
const layer = { mediaType: MEDIA_TYPE.ociLayerGzip, digest, size: 10 };
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, mediaType?: string): ReturnType<typeof parseManifest> =>
  parseManifest(bytesOf(value), { what: "manifest", ...(mediaType === undefined ? {} : { mediaType }) });
const failure = (code: string, kind = "malformed"): unknown => expect.objectContaining({ code, kind });

test("a manifest gives its config and layers in order, and drops what it does not know", () => {
  const manifest = parse({ schemaVersion: 2, config, layers: [layer, { ...layer, size: 11 }], "x-new": 1 });
  expect(manifest).toEqual({ kind: "manifest", config, layers: [layer, { ...layer, size: 11 }] });
});

test("an index is told from a manifest by what it holds", () => {
  const index = parse({
    schemaVersion: 2,
    manifests: [{ ...config, platform: { os: "linux", architecture: "amd64" } }],
  });
  expect(index).toMatchObject({ kind: "index", manifests: [{ platform: { os: "linux" } }] });
});

test("null means absent, as Go writes it", () => {
  expect(parse({ schemaVersion: 2, config: { ...config, annotations: null }, layers: null })).toEqual({
    kind: "manifest",
    config,
    layers: [],
  });
  expect(parse({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: null })).toMatchObject({ manifests: [] });
});

describe("a document that two readers could take for different things is refused", () => {
  test.each([
    ["manifests and layers", { manifests: [], layers: [], config }, undefined],
    ["manifests and config", { manifests: [], config }, undefined],
    ["an index that calls itself a manifest", { mediaType: MEDIA_TYPE.ociManifest, manifests: [] }, undefined],
    ["a manifest found as an index", { config, layers: [] }, MEDIA_TYPE.ociIndex],
    ["an index found as a manifest", { manifests: [] }, MEDIA_TYPE.dockerManifest],
  ])("%s", (_, document, mediaType) => {
    expect(() => parse({ schemaVersion: 2, ...document }, mediaType)).toThrow(failure("ambiguous-manifest"));
  });
});

test.each([
  ["no config", { layers: [] }, "config"],
  ["a size that is no integer", { config, layers: [{ ...layer, size: 1.5 }] }, "layers.0.size"],
  ["a negative size", { config: { ...config, size: -1 }, layers: [] }, "config.size"],
  ["a size beyond exact numbers", { config: { ...config, size: 2 ** 60 }, layers: [] }, "config.size"],
  ["a digest that is a path", { config, layers: [{ ...layer, digest: "sha256:../../x" }] }, "layers.0.digest"],
  ["a null in a list", { config, layers: [null] }, "layers.0"],
])("%s is named by its path", (_, document, path) => {
  expect(() => parse({ schemaVersion: 2, ...document })).toThrow(
    expect.objectContaining({ code: "invalid-manifest", details: { path }, message: expect.stringContaining(path) }),
  );
});

test("schema 1 is unsupported by name", () => {
  expect(() => parse({ schemaVersion: 1, fsLayers: [] })).toThrow(failure("docker-schema1", "unsupported"));
});

test("attestations are known by their annotation or their platform", () => {
  expect(isAttestation({ ...config, annotations: { [ANNOTATION.dockerReferenceType]: "attestation-manifest" } })).toBe(
    true,
  );
  expect(isAttestation({ ...config, platform: { os: "unknown", architecture: "unknown" } })).toBe(true);
  expect(isAttestation({ ...config, platform: { os: "linux", architecture: "unknown" } })).toBe(false);
});

test("media types are classified without regard to case and parameters", () => {
  expect(mediaKind("Application/vnd.OCI.image.index.v1+JSON; charset=utf-8")).toBe("index");
  expect(mediaKind("application/vnd.docker.container.image.rootfs.diff+x-gtar")).toBe("layer");
  expect(mediaKind("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")).toBe("layer");
  expect(mediaKind("application/vnd.in-toto+json")).toBe("other");
  expect([MEDIA_TYPE.dockerForeignLayer, MEDIA_TYPE.ociForeignLayerZstd].map(isForeignLayer)).toEqual([true, true]);
  expect(isForeignLayer(MEDIA_TYPE.ociLayer)).toBe(false);
  expect(isEncryptedLayer("application/vnd.oci.image.layer.v1.tar+encrypted")).toBe(true);
});

describe("an image configuration", () => {
  const parseConfig = (value: unknown): ReturnType<typeof parseImageConfig> =>
    parseImageConfig(bytesOf(value), { what: "config" });

  test("keeps what it knows and leaves nulls out", () => {
    const value = parseConfig({
      architecture: "arm",
      variant: "v6",
      os: "linux",
      config: { Env: null, Cmd: "sh", Labels: null, Healthcheck: { Test: ["NONE"] } },
      rootfs: { type: "layers", diff_ids: [digest] },
      history: [{ created_by: "x" }, { empty_layer: true, comment: null }],
    });
    expect(value.config).toEqual({ Cmd: ["sh"], Healthcheck: { Test: ["NONE"] } });
    expect(value.history).toEqual([{ created_by: "x" }, { empty_layer: true }]);
    expect(platformOf(value)).toEqual({ os: "linux", architecture: "arm", variant: "v6" });
  });

  test("without os or architecture names no platform", () => {
    expect(platformOf(parseConfig({ os: "linux", rootfs: { type: "layers", diff_ids: null } }))).toBeUndefined();
  });

  test.each([
    [{}],
    [{ rootfs: { type: "layers", diff_ids: ["sha256:1"] } }],
    [{ rootfs: { type: "tree", diff_ids: [] } }],
    [[]],
    ["text"],
  ])("is not %j", (value) => expect(() => parseConfig(value)).toThrow(failure("invalid-image-config")));
});
