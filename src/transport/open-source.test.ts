import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configOf, FixtureLayout, layerOf, named, tarOf, writeFiles } from "../../test/support/image-fixtures.ts";
import { readAll, type StrataError } from "../base/index.ts";
import { createLocalScratch, createMemoryScratch } from "../content/index.ts";
import { digestOf, hexOf, MEDIA_TYPE } from "../oci/index.ts";
import { encodeHeader } from "../tar/index.ts";
import { listImages, openSource } from "./open-source.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "open-source-test-"));
});
afterEach(() => rm(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
const failure = (code: string, kind: string): unknown => expect.objectContaining({ code, kind });

async function imageTar(): Promise<Buffer> {
  const layout = new FixtureLayout();
  return await tarOf(layout.finish([named(layout.image([await layerOf({ a: "1" })]), "v1")]));
}

describe("without a transport the format is detected", () => {
  const open = async (name: string): Promise<string> => {
    await using source = await openSource(name);
    return source.transport;
  };

  test("of directories", async () => {
    const layout = new FixtureLayout();
    await writeFiles(at("layout"), layout.finish([layout.image([await layerOf({ a: "1" })])]));
    await writeFiles(at("rootfs"), { "etc/passwd": "", "bin/sh": "", "index.html": "" });
    expect(await open(at("layout"))).toBe("oci");
    expect(await open(at("rootfs"))).toBe("dir");
    await mkdir(at("empty"));
    await expect(open(at("empty"))).rejects.toThrow(
      expect.objectContaining({ code: "unknown-format", hint: expect.stringContaining("dir:") }),
    );
    expect(await open(`dir:${at("empty")}`)).toBe("dir");
  });

  test("of bare layers, whatever files of an image they hold", async () => {
    const files = {
      "manifest.json": '{"name":"an app"}',
      "index.json": "{}",
      "etc/x": "",
      repositories: "text",
      "oci-layout/x": "",
    };
    await writeFile(at("layer.tar"), await tarOf(files));
    await writeFile(at("layer.tgz"), gzipSync(await tarOf({ "usr/bin/x": "" })));
    expect(await open(at("layer.tar"))).toBe("tar");
    expect(await open(at("layer.tgz"))).toBe("tar");
  });

  test("of a layer with more entries than an image archive would begin with", async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`usr/share/${i}`, ""]));
    await writeFile(at("layer.tar"), await tarOf(many));
    expect(await open(at("layer.tar"))).toBe("tar");
  });
});

test("a bare layer is an image of one layer with a made-up configuration that is the same every time", async () => {
  const tar = await tarOf({ a: "1" });
  await writeFile(at("layer.tar"), tar);
  await using source = await openSource(`tar:${at("layer.tar")}`);
  const [layer] = source.layers;
  expect(source).toMatchObject({
    platform: undefined,
    manifest: undefined,
    config: { isSynthetic: true },
    layers: [{ kind: "blob" }],
  });
  expect(layer).toMatchObject({ diffId: undefined, location: { path: at("layer.tar"), offset: 0, size: tar.length } });
  if (layer?.kind !== "blob") return;
  for (let times = 0; times < 2; times++) {
    const bytes = await layer.open();
    expect(Buffer.from(await readAll(bytes)).equals(tar)).toBe(true);
    await bytes[Symbol.asyncDispose]();
  }
  await using again = await openSource(at("layer.tar"));
  expect(again.config.digest).toBe(source.config.digest);
});

describe("where the image is", () => {
  test("a path may hold colons and at signs", async () => {
    const layout = new FixtureLayout();
    const files = layout.finish([named(layout.image([await layerOf({ a: "1" })]), "v1")]);
    await writeFiles(at("a:b@c"), files);
    for (const name of [at("a:b@c"), `oci:${at("a:b@c")}:v1`]) {
      await using source = await openSource(name);
      expect(source.names).toEqual(["v1"]);
    }
  });

  test.skipIf(process.platform === "win32")("a pipe is spooled", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    await writeFile(at("image.tar"), await imageTar());
    const written = promisify(execFile)("sh", ["-c", 'cat "$0" > "$1"', at("image.tar"), at("pipe")]);
    await using source = await openSource(`oci-archive:${at("pipe")}`);
    expect(source.names).toEqual(["v1"]);
    await written;
  });

  test("nothing is there", async () => {
    for (const name of [at("gone"), `oci:${at("gone")}:v1`, `docker-archive:${at("gone.tar")}`]) {
      await expect(openSource(name)).rejects.toThrow(
        expect.objectContaining({
          code: "image-not-found",
          kind: "not-found",
          details: { image: name },
          message: expect.stringContaining(at("gone")),
        }),
      );
    }
  });

  test("something else is there than the transport says", async () => {
    await writeFile(at("layer.tar"), await tarOf({ a: "1" }));
    await writeFile(at("text"), "no archive at all, just text".repeat(100));
    await writeFile(at("nothing"), "");
    await expect(openSource(`oci:${at("layer.tar")}`)).rejects.toThrow(failure("not-a-directory", "invalid-argument"));
    await expect(openSource(`docker-archive:${directory}`)).rejects.toThrow(
      failure("is-a-directory", "invalid-argument"),
    );
    await expect(openSource(`oci:${directory}`)).rejects.toThrow(failure("not-an-oci-layout", "malformed"));
    await expect(openSource(`oci-archive:${at("layer.tar")}`)).rejects.toThrow(
      failure("not-an-oci-layout", "malformed"),
    );
    await expect(openSource(`docker-archive:${at("layer.tar")}`)).rejects.toThrow(
      failure("not-a-docker-archive", "malformed"),
    );
    await expect(openSource(at("nothing"))).rejects.toThrow(failure("empty-archive", "malformed"));
    await expect(openSource(at("text"))).rejects.toThrow(
      expect.objectContaining({ kind: "malformed", details: expect.objectContaining({ image: at("text") }) }),
    );
    await expect(openSource(`tar:${at("layer.tar")}:x`)).rejects.toThrow(failure("image-not-found", "not-found"));
    await expect(openSource("-")).rejects.toThrow(failure("no-standard-input", "invalid-argument"));
  });
});

describe("broken archives are errors with a place", () => {
  test("cut anywhere, the archive is refused as long as a part of the image is missing", async () => {
    const tar = await imageTar();
    await writeFile(at("whole.tar"), tar);
    await using whole = await openSource(`oci-archive:${at("whole.tar")}`);
    const opened: number[] = [];
    for (let length = 512; length < tar.length; length += 512) {
      await writeFile(at("cut.tar"), tar.subarray(0, length));
      const name = `oci-archive:${at("cut.tar")}`;
      try {
        const image = await openSource(name);
        await image[Symbol.asyncDispose]();
        expect(image.manifest).toEqual(whole.manifest);
        opened.push(length - tar.length);
      } catch (error) {
        expect((error as StrataError).details).toMatchObject({ image: name });
      }
    }
    // Before the last file, oci-layout, which may be missing; after it; and in the middle of the end marker.
    expect(opened).toEqual([-2048, -1024, -512]);
  });

  test("cut anywhere, the compressed archive never passes for a whole one, and leaves no temporary file", async () => {
    const packed = gzipSync(await imageTar());
    await mkdir(at("scratch"));
    await using scratch = createLocalScratch({ directory: at("scratch") });
    for (let length = 20; length < packed.length; length += 37) {
      await writeFile(at("cut.tgz"), packed.subarray(0, length));
      await expect(openSource(at("cut.tgz"), { scratch })).rejects.toThrow(
        expect.objectContaining({ kind: "malformed" }),
      );
    }
    expect(await readdir(at("scratch"))).toEqual([]);
  });

  test("a bomb is stopped by the bound of the temporary space, and by its growth", async () => {
    await writeFile(at("bomb.tgz"), gzipSync(Buffer.alloc(50_000_000)));
    const scratch = createMemoryScratch({ maxBytes: 1_000_000 });
    await expect(openSource(at("bomb.tgz"), { scratch })).rejects.toThrow(failure("scratch-full", "hostile"));
    const limits = { expansion: { maxExpansion: 10, expansionFloor: 1000 } };
    await expect(openSource(at("bomb.tgz"), { limits })).rejects.toThrow(failure("decompression-bomb", "hostile"));
  });

  test("an operation that is aborted ends as aborted", async () => {
    await writeFile(at("image.tgz"), gzipSync(await imageTar()));
    await expect(openSource(at("image.tgz"), { signal: AbortSignal.abort() })).rejects.toThrow(
      failure("aborted", "aborted"),
    );
  });
});

test("only headers are read to find the documents of an uncompressed archive", async () => {
  const config = Buffer.from(JSON.stringify(configOf([])));
  const name = `${hexOf(digestOf(config))}.json`;
  const rest = await tarOf({
    [name]: config,
    "manifest.json": JSON.stringify([{ Config: name, RepoTags: ["big:v1"], Layers: [] }]),
  });
  const size = 40 * 1024 ** 3;
  const header = encodeHeader({
    name: "layer.tar",
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { seconds: 0, nanoseconds: 0 },
  });
  await using file = await open(at("sparse.tar"), "w");
  await file.write(header, 0, header.length, 0);
  await file.write(rest, 0, rest.length, header.length + size);
  await using source = await openSource(at("sparse.tar"));
  expect(source.names).toEqual(["big:v1"]);
});

test("disposing the source closes its file and frees its temporary space", async () => {
  await writeFile(at("image.tgz"), gzipSync(await imageTar()));
  const scratch = createMemoryScratch({ maxBytes: 20_000 });
  for (let times = 0; times < 5; times++) {
    await using source = await openSource(at("image.tgz"), { scratch });
    expect(source.layers).toHaveLength(1);
  }
  const source = await openSource(at("image.tgz"));
  const [layer] = source.layers;
  await source[Symbol.asyncDispose]();
  if (layer?.kind !== "blob") throw new Error("not a blob");
  await expect(layer.open().then((bytes) => readAll(bytes))).rejects.toThrow(failure("source-closed", "internal"));
});

describe("skopeo's directory", () => {
  const skopeoDirectory = async (version: string): Promise<Record<string, string | Uint8Array>> => {
    const layer = await layerOf({ a: "1" });
    const layout = new FixtureLayout();
    const image = layout.image([layer]);
    const blobs = Object.entries(layout.files).map(([name, file]) => [name.split("/").at(-1) ?? "", file] as const);
    const manifest = hexOf(image.digest);
    return Object.fromEntries([
      ...blobs.map(([name, file]) => [name === manifest ? "manifest.json" : name, file]),
      ["version", version],
    ]);
  };

  test("is one image, by dir: or detected", async () => {
    await writeFiles(directory, await skopeoDirectory("Directory Transport Version: 1.1\n"));
    for (const name of [directory, `dir:${directory}`]) {
      await using source = await openSource(name);
      expect(source).toMatchObject({ transport: "dir", layers: [{ kind: "blob" }] });
      expect(source.manifest?.digest).toBe(digestOf(source.manifest?.bytes ?? Buffer.alloc(0)));
    }
    expect(await listImages(directory)).toHaveLength(1);
  });

  test("is a root file system when its version says nothing of the kind", async () => {
    await writeFiles(directory, await skopeoDirectory("1.1"));
    await using source = await openSource(`dir:${directory}`);
    expect(source.layers).toMatchObject([{ kind: "listing" }]);
  });

  test("may hold an index, its manifests beside it", async () => {
    const layout = new FixtureLayout();
    const image = layout.image([await layerOf({ a: "1" })]);
    const index = layout.index([image]);
    const manifests = [image.digest, index.digest].map(hexOf);
    const entries = Object.entries(layout.files).map(([path, file]) => {
      const hex = path.split("/").at(-1) ?? "";
      if (hex === manifests[1]) return ["manifest.json", file];
      return [hex === manifests[0] ? `${hex}.manifest.json` : hex, file];
    });
    await writeFiles(directory, { ...Object.fromEntries(entries), version: "Directory Transport Version: 1.2\n" });
    await using source = await openSource(directory);
    expect(source.manifest).toMatchObject({ digest: image.digest, mediaType: MEDIA_TYPE.ociManifest });
  });
});
