import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  blobPath,
  type FixtureFiles,
  type FixtureLayer,
  FixtureLayout,
  forPlatform,
  layerOf,
  named,
  tarOf,
  writeFiles,
} from "../../../test/support/image-fixtures.ts";
import { readAll } from "../../base/index.ts";
import type { ImageSource } from "../../image/index.ts";
import { type Descriptor, digestOf, MEDIA_TYPE, parsePlatform } from "../../oci/index.ts";
import { listImages, openSource } from "../open-source.ts";

let directory: string;
let layer: FixtureLayer;
let layout: FixtureLayout;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "oci-layout-test-"));
  layer = await layerOf({ a: "1" });
  layout = new FixtureLayout();
});
afterEach(() => rm(directory, { recursive: true }));

const write = async (files: FixtureFiles): Promise<string> => {
  await writeFiles(directory, files);
  return `oci:${directory}`;
};
const failure = (code: string, kind: string): unknown => expect.objectContaining({ code, kind });
const architecture = (image: ImageSource): unknown => image.config.value.architecture;
/** An image of its own for each architecture. */
const imageFor = (platform: string): Descriptor => {
  const [os, architecture, variant] = platform.split("/");
  return forPlatform(layout.image([layer], { config: { os, architecture, variant } }), platform);
};

async function expectBytes(image: ImageSource, stored: readonly Buffer[]): Promise<void> {
  const bytes: Uint8Array[] = [];
  for (const one of image.layers) {
    if (one.kind !== "blob") throw new Error(`not a blob: ${one.kind}`);
    const source = await one.open();
    bytes.push(await readAll(source));
    await source[Symbol.asyncDispose]();
  }
  expect(bytes.map((one) => Buffer.from(one).toString("hex"))).toEqual(stored.map((one) => one.toString("hex")));
}

describe("an image in a layout", () => {
  test("is the same loose, in an archive, in a compressed one and on standard input", async () => {
    const above = await layerOf({ b: "2" }, { compress: false });
    const manifest = named(layout.image([layer, above]), "v1");
    const files = layout.finish([manifest]);
    const tar = await tarOf(Object.fromEntries(Object.entries(files).map(([name, file]) => [`./${name}`, file])));
    await write(files);
    await writeFile(join(directory, "a.tar"), tar);
    await writeFile(join(directory, "a.tgz"), gzipSync(tar));
    const stdin = async function* (): AsyncGenerator<Uint8Array> {
      yield tar;
    };
    const names = [
      directory,
      `oci:${directory}:v1`,
      `oci-archive:${directory}/a.tar`,
      `${directory}/a.tgz`,
      "-",
      "docker-archive:-",
    ];
    for (const name of names) {
      const image = await openSource(name, { stdin: stdin() });
      expect(image.transport).toBe(name.includes("a.t") || name.endsWith("-") ? "oci-archive" : "oci");
      expect(image).toMatchObject({ names: ["v1"], platform: { architecture: "amd64" }, skipped: [] });
      expect(image.manifest?.digest).toBe(manifest.digest);
      expect(digestOf(image.manifest?.bytes ?? Buffer.alloc(0))).toBe(manifest.digest);
      expect(image.layers.map(({ diffId }) => diffId)).toEqual([layer.diffId, above.diffId]);
      await expectBytes(image, [layer.stored, above.stored]);
      await image[Symbol.asyncDispose]();
    }
  });

  test("has layers that a worker can find in their files", async () => {
    const path = await write(layout.finish([layout.image([layer])]));
    await using image = await openSource(path);
    const [only] = image.layers;
    expect(only).toMatchObject({
      location: { path: join(directory, blobPath(digestOf(layer.stored))), offset: 0, size: layer.stored.length },
    });
  });

  test("may use sha512, docker's media types, and leave the media types of documents out", async () => {
    const sha512 = layout.image([layer], { algorithm: "sha512" });
    const dockerManifest = layout.blob(
      {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.dockerManifest,
        config: {
          ...layout.blob(
            { os: "linux", architecture: "s390x", rootfs: { type: "layers", diff_ids: [layer.diffId] } },
            MEDIA_TYPE.dockerConfig,
          ),
        },
        layers: [layout.blob(layer.stored, MEDIA_TYPE.dockerLayerGzip)],
      },
      MEDIA_TYPE.dockerManifest,
    );
    const list = layout.blob(
      { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerIndex, manifests: [forPlatform(dockerManifest, "linux/s390x")] },
      MEDIA_TYPE.dockerIndex,
    );
    const path = await write(
      layout.finish([named(sha512, "sha512"), named(list, "docker"), named({ ...list, mediaType: "" }, "bare")]),
    );
    for (const name of ["sha512", "docker", "bare"]) {
      await using image = await openSource(`${path}:${name}`);
      await expectBytes(image, [layer.stored]);
    }
  });

  test("needs no oci-layout file, but not one of another version either", async () => {
    const { "oci-layout": _, ...files } = layout.finish([layout.image([layer])]);
    await using image = await openSource(await write(files));
    await expectBytes(image, [layer.stored]);
    await writeFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    await expect(openSource(`oci:${directory}`)).rejects.toThrow(failure("unsupported-layout-version", "unsupported"));
    await writeFile(join(directory, "oci-layout"), "{}");
    await expect(openSource(`oci:${directory}`)).rejects.toThrow(failure("invalid-oci-layout", "malformed"));
  });
});

describe("of several images in a layout", () => {
  test("one is chosen by name, position or digest, else all are listed", async () => {
    const [one, two] = [imageFor("linux/amd64"), imageFor("linux/arm64")];
    const containerd = { ...two, annotations: { "io.containerd.image.name": "docker.io/library/app:v2" } };
    const path = await write(layout.finish([named(one, "v1"), containerd]));
    await expect(openSource(path)).rejects.toThrow(
      expect.objectContaining({
        code: "several-images",
        message: expect.stringMatching(/v1 \[linux\/amd64\], docker\.io\/library\/app:v2 \[linux\/arm64\]/),
      }),
    );
    for (const [suffix, digest] of [
      [":v1", one.digest],
      [":v2", two.digest],
      [":app:v2", two.digest],
      [":@1", two.digest],
      [`@${one.digest}`, one.digest],
    ]) {
      const image = await openSource(`${path}${suffix}`);
      expect(image.manifest?.digest).toBe(digest);
    }
    await expect(openSource(`${path}:v3`)).rejects.toThrow(failure("image-not-found", "not-found"));
    expect((await listImages(path)).map(({ names, selector }) => [names, selector])).toEqual([
      [["v1"], ":v1"],
      [["docker.io/library/app:v2"], ":docker.io/library/app:v2"],
    ]);
  });

  test("two names of one manifest are one image", async () => {
    const one = layout.image([layer]);
    await using image = await openSource(await write(layout.finish([named(one, "v1"), named(one, "latest")])));
    expect(image.manifest?.digest).toBe(one.digest);
  });

  test("those without a name must differ in platform, or there is a choice to make", async () => {
    const path = await write(layout.finish([imageFor("linux/amd64"), imageFor("linux/arm64")]));
    await using image = await openSource(path, { hostPlatform: parsePlatform("linux/arm64") });
    expect(architecture(image)).toBe("arm64");
    const other = layout.image([layer], { config: { author: "x" } });
    const again = await write(layout.finish([imageFor("linux/amd64"), forPlatform(other, "linux/amd64")]));
    await expect(openSource(again)).rejects.toThrow(failure("several-images", "invalid-argument"));
  });

  test("a broken one does not keep the others from being listed and opened", async () => {
    const broken = { mediaType: MEDIA_TYPE.ociIndex, digest: digestOf(Buffer.from("gone")), size: 4 };
    const good = layout.image([layer]);
    const path = await write(layout.finish([named(broken, "broken"), named(good, "good")]));
    expect(await listImages(path)).toHaveLength(2);
    await using image = await openSource(`${path}:good`);
    expect(image.manifest?.digest).toBe(good.digest);
    await expect(openSource(`${path}:broken`)).rejects.toThrow(failure("missing-blob", "not-found"));
  });
});

describe("of several platforms", () => {
  const multi = async (...platforms: string[]): Promise<string> => {
    const nested = layout.index(platforms.map(imageFor));
    return await write(layout.finish([named(layout.index([nested]), "v1")]));
  };

  test("the one asked for is opened, through nested indexes, else the host's", async () => {
    const path = await multi("linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7");
    const open = async (platform?: string, host = "linux/amd64"): Promise<unknown> => {
      const options = {
        platform: platform === undefined ? undefined : parsePlatform(platform),
        hostPlatform: parsePlatform(host),
      };
      await using image = await openSource(`${path}:v1`, options);
      return [image.config.value.architecture, image.config.value.variant];
    };
    expect(await open()).toEqual(["amd64", undefined]);
    expect(await open(undefined, "linux/aarch64")).toEqual(["arm64", "v8"]);
    expect(await open("linux/arm64")).toEqual(["arm64", "v8"]);
    expect(await open("linux/arm")).toEqual(["arm", "v7"]);
    expect(await open("linux/arm/v6")).toEqual(["arm", "v6"]);
    await expect(open("linux/s390x")).rejects.toThrow(
      expect.objectContaining({
        code: "platform-not-found",
        details: expect.objectContaining({ platforms: ["linux/amd64", "linux/arm64", "linux/arm/v6", "linux/arm/v7"] }),
      }),
    );
    await expect(open(undefined, "linux/s390x")).rejects.toThrow(failure("platform-not-found", "not-found"));
  });

  test("the only one is opened on every host, unless another one is asked for", async () => {
    const path = await multi("linux/arm64");
    await using image = await openSource(path);
    expect(architecture(image)).toBe("arm64");
    await expect(openSource(path, { platform: parsePlatform("linux/amd64") })).rejects.toThrow(
      failure("platform-not-found", "not-found"),
    );
  });

  test("the configuration tells the platform where no descriptor does", async () => {
    const { platform: _, ...amd64 } = imageFor("linux/amd64");
    const { platform: __, ...arm64 } = imageFor("linux/arm64");
    const path = await write(layout.finish([layout.index([amd64, arm64])]));
    await using image = await openSource(path, { platform: parsePlatform("linux/arm64") });
    expect(architecture(image)).toBe("arm64");
  });

  test("attestations and artifacts are passed over by name", async () => {
    const image = imageFor("linux/amd64");
    const statement = {
      ...layout.blob({ schemaVersion: 2, layers: [] }, MEDIA_TYPE.ociManifest),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest },
    };
    const artifact = layout.blob({}, "application/vnd.example.thing+json");
    const disguised = layout.image([], {
      manifest: {
        artifactType: "application/vnd.example.sbom",
        config: layout.blob({}, "application/vnd.oci.empty.v1+json"),
      },
    });
    const path = await write(layout.finish([layout.index([artifact, statement, image, disguised])]));
    await using source = await openSource(path);
    expect(source.manifest?.digest).toBe(image.digest);
    expect(source.skipped.map(({ what }) => what)).toEqual([
      `application/vnd.example.thing+json ${artifact.digest}`,
      `attestation manifest ${statement.digest}`,
      `manifest ${disguised.digest}`,
    ]);
  });

  test("a place with nothing but artifacts says what they are", async () => {
    const artifact = layout.image([], {
      manifest: {
        artifactType: "application/vnd.example.sbom",
        config: layout.blob({}, "application/vnd.oci.empty.v1+json"),
      },
    });
    const path = await write(layout.finish([artifact]));
    await expect(openSource(path)).rejects.toThrow(
      expect.objectContaining({
        code: "not-an-image",
        kind: "unsupported",
        message: expect.stringContaining("application/vnd.example.sbom"),
      }),
    );
    const other = await write(layout.finish([layout.blob({}, "application/vnd.example.thing+json")]));
    await expect(openSource(other)).rejects.toThrow(
      expect.objectContaining({ code: "not-an-image", message: expect.stringContaining("vnd.example.thing") }),
    );
    await expect(openSource(await write(layout.finish([])))).rejects.toThrow(failure("image-not-found", "not-found"));
  });
});

describe("layers", () => {
  const withLayer = async (descriptor: object, files: FixtureFiles = {}): Promise<string> => {
    const image = layout.image([layer], { manifest: { layers: [descriptor] } });
    return await write({ ...layout.finish([image]), ...files });
  };
  const absent = digestOf(Buffer.from("not here"));

  test("that are foreign count though they are absent, and are used where they are present", async () => {
    const foreign = {
      mediaType: MEDIA_TYPE.dockerForeignLayerGzip,
      digest: absent,
      size: 99,
      urls: ["https://example.com/l"],
    };
    const own = layout.blob(layer.stored, MEDIA_TYPE.ociForeignLayerGzip);
    const second = await layerOf({ b: "2" });
    const config = { rootfs: { type: "layers", diff_ids: [second.diffId, layer.diffId] } };
    const path = await write(layout.finish([layout.image([layer], { config, manifest: { layers: [foreign, own] } })]));
    await using image = await openSource(path);
    expect(image.layers.map(({ kind, diffId }) => [kind, diffId])).toEqual([
      ["absent", second.diffId],
      ["blob", layer.diffId],
    ]);
    expect(image.skipped).toEqual([
      { what: `foreign layer ${absent}`, reason: expect.stringContaining("https://example.com/l") },
    ]);
  });

  test("that are missing, too short, encrypted or no tars are refused by name and number", async () => {
    const good = { mediaType: MEDIA_TYPE.ociLayerGzip, digest: digestOf(layer.stored), size: layer.stored.length };
    const cases: [object, unknown][] = [
      [{ ...good, digest: absent }, failure("missing-blob", "not-found")],
      [{ ...good, size: good.size + 1 }, failure("blob-too-short", "integrity")],
      [{ ...good, size: good.size - 1 }, failure("blob-too-long", "integrity")],
      [{ ...good, mediaType: `${MEDIA_TYPE.ociLayerGzip}+encrypted` }, failure("encrypted-layer", "unsupported")],
      [{ ...good, mediaType: "application/vnd.in-toto+json" }, failure("unsupported-layer", "unsupported")],
    ];
    for (const [descriptor, error] of cases)
      await expect(openSource(await withLayer(descriptor))).rejects.toThrow(error);
    const numbered = { details: { layer: expect.any(Number) } };
    for (const [descriptor] of cases)
      await expect(openSource(await withLayer(descriptor))).rejects.toMatchObject(numbered);
  });

  test("must be as many as diffIDs", async () => {
    const image = layout.image([layer], { manifest: { layers: [] } });
    await expect(openSource(await write(layout.finish([image])))).rejects.toThrow(
      failure("layer-count-mismatch", "malformed"),
    );
  });
});

describe("documents are believed only as far as their digests", () => {
  test("any flipped bit in a manifest or a configuration is refused", async () => {
    const image = layout.image([layer]);
    const documents = Object.keys(layout.files).filter((name) => layout.files[name] !== layer.stored);
    const path = await write(layout.finish([image]));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...documents), fc.nat(), async (name, at) => {
        const right = Buffer.from(layout.files[name] as Buffer);
        const bytes = Buffer.from(right);
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await writeFile(join(directory, name), bytes);
        await expect(openSource(path)).rejects.toThrow(failure("digest-mismatch", "integrity"));
        await writeFile(join(directory, name), right);
      }),
      { numRuns: 50 },
    );
    await using good = await openSource(path);
    expect(good.layers).toHaveLength(1);
  });

  test("one that is longer, shorter or over 4 MiB is told apart, the last before it is read", async () => {
    const image = layout.image([layer]);
    const path = await write(layout.finish([image]));
    const manifest = Buffer.from(layout.files[blobPath(image.digest)] as Buffer);
    await writeFile(join(directory, blobPath(image.digest)), Buffer.concat([manifest, Buffer.from(" ")]));
    await expect(openSource(path)).rejects.toThrow(failure("blob-too-long", "integrity"));
    await writeFile(join(directory, blobPath(image.digest)), manifest.subarray(1));
    await expect(openSource(path)).rejects.toThrow(failure("blob-too-short", "integrity"));
    const large = layout.blob(Buffer.concat([manifest, Buffer.alloc(4 * 1024 * 1024, " ")]), MEDIA_TYPE.ociManifest);
    await expect(openSource(await write(layout.finish([large])))).rejects.toThrow(
      failure("json-too-large", "malformed"),
    );
    await using allowed = await openSource(path, { limits: { maxDocumentBytes: 2 ** 23 } });
    expect(allowed.manifest?.digest).toBe(large.digest);
  });

  test("a blob that is a link to somewhere else gains nothing", async () => {
    const secret = join(directory, "secret");
    await writeFile(secret, "root:x:0:0");
    const image = layout.image([layer]);
    const path = await write(layout.finish([{ ...image, size: 10 }]));
    await rm(join(directory, blobPath(image.digest)));
    await symlink(secret, join(directory, blobPath(image.digest)));
    await expect(openSource(path)).rejects.toThrow(failure("digest-mismatch", "integrity"));
  });

  test("a digest that is a path is refused before anything is opened", async () => {
    const image = { ...layout.image([layer]), digest: "sha256:../../../../../../etc/passwd" };
    await expect(openSource(await write(layout.finish([image])))).rejects.toThrow(
      failure("invalid-index", "malformed"),
    );
  });

  test("a key twice at any depth is refused", async () => {
    const image = layout.image([layer]);
    const bytes = layout.files[blobPath(image.digest)] as Buffer;
    const text = bytes.toString().replace('"size":', '"size":1,"size":');
    const twice = layout.blob(Buffer.from(text), MEDIA_TYPE.ociManifest);
    await expect(openSource(await write(layout.finish([twice])))).rejects.toThrow(
      expect.objectContaining({ code: "duplicate-json-key", message: expect.stringContaining(twice.digest) }),
    );
  });

  test("a manifest that is an index as well is refused", async () => {
    const image = layout.image([layer], { manifest: { manifests: [] } });
    await expect(openSource(await write(layout.finish([image])))).rejects.toThrow(
      failure("ambiguous-manifest", "malformed"),
    );
  });

  test("a small configuration may lie in its descriptor", async () => {
    const config = Buffer.from(
      JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] } }),
    );
    const descriptor = {
      mediaType: MEDIA_TYPE.ociConfig,
      digest: digestOf(config),
      size: config.length,
      data: config.toString("base64"),
    };
    await using image = await openSource(
      await write(layout.finish([layout.image([], { manifest: { config: descriptor } })])),
    );
    expect(image.config.digest).toBe(descriptor.digest);
    const wrong = { ...descriptor, data: Buffer.alloc(config.length).toString("base64") };
    const path = await write(layout.finish([layout.image([], { manifest: { config: wrong } })]));
    await expect(openSource(path)).rejects.toThrow(failure("digest-mismatch", "integrity"));
  });
});

describe("indexes of indexes", () => {
  test("end at a depth", async () => {
    let descriptor = layout.image([layer]);
    for (let depth = 0; depth < 8; depth++) descriptor = layout.index([descriptor]);
    await using image = await openSource(await write(layout.finish([descriptor])));
    expect(image.layers).toHaveLength(1);
    const path = await write(layout.finish([layout.index([descriptor])]));
    await expect(openSource(path)).rejects.toThrow(failure("index-too-deep", "hostile"));
  });

  test("cannot form a cycle, because no digest holds itself", async () => {
    const image = layout.image([layer]);
    const inner = layout.index([image]);
    const outer = layout.index([inner, image]);
    const files = layout.finish([outer]);
    // The inner one is made to point back, with the size that its descriptor promises.
    const back = JSON.stringify({ schemaVersion: 2, manifests: [{ ...outer }] })
      .padEnd(inner.size, " ")
      .slice(0, inner.size);
    const path = await write({ ...files, [blobPath(inner.digest)]: back });
    await expect(openSource(path)).rejects.toThrow(expect.objectContaining({ kind: "integrity" }));
  });

  test("do not multiply: shared children are visited once, and a list has a bound", async () => {
    const image = layout.image([layer]);
    let descriptor = layout.index([image]);
    for (let depth = 0; depth < 7; depth++) descriptor = layout.index(Array.from({ length: 100 }, () => descriptor));
    await using source = await openSource(await write(layout.finish([descriptor])));
    expect(source.manifest?.digest).toBe(image.digest);
    const path = await write(layout.finish([layout.index(Array.from({ length: 10_001 }, () => image))]));
    await expect(openSource(path)).rejects.toThrow(failure("too-many-manifests", "hostile"));
  });
});
