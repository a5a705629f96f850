import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixtureLayout, forPlatform, layerOf } from "../../../test/support/image-fixtures.ts";
import {
  type Fault,
  faultOn,
  type RegistryServer,
  startRegistryServer,
} from "../../../test/support/registry-server.ts";
import { serveFixture } from "../../../test/support/serve-fixture.ts";
import { readAll, type StrataError } from "../../base/index.ts";
import { createMemoryIndexCache, createMemoryScratch, type Scratch } from "../../content/index.ts";
import { DEFAULT_LIMITS, loadLayers, type PlacedImage } from "../../image/index.ts";
import { type Descriptor, digestOf, MEDIA_TYPE, parsePlatform, parseReference } from "../../oci/index.ts";
import type { ImagePlace } from "../image-place.ts";
import { resolveOptions } from "../open-options.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { openRegistryPlace } from "./registry-place.ts";

/** Waits for nothing, and gives up soon. */
const HASTY: RegistryOptions = {
  retries: 1,
  sleep: async () => {},
  timeouts: { connect: 10_000, headers: 1000, body: 1000 },
  transfer: { attempts: 3 },
};

let server: RegistryServer;
let layout: FixtureLayout;
let image: Descriptor;
let layer: Descriptor;
beforeEach(async () => {
  server = await startRegistryServer();
  layout = new FixtureLayout();
  const stored = await layerOf({ "app/data": "abcdefgh".repeat(20_000) }, { compress: false });
  image = layout.image([stored]);
  layer = { mediaType: stored.mediaType, digest: digestOf(stored.stored), size: stored.stored.length };
  serveFixture(server, { repository: "app", layout, root: image, tag: "v1" });
});
afterEach(() => server[Symbol.asyncDispose]());

function place(name: string, options: RegistryOptions = HASTY, more: object = {}, scratch?: Scratch): ImagePlace {
  const resolved = resolveOptions({ registry: options, ...more }, scratch ?? createMemoryScratch());
  return openRegistryPlace(parseReference(`${server.host}/${name}`), resolved);
}

async function open(name: string, more: object = {}): Promise<PlacedImage> {
  await using opened = place(name, HASTY, more);
  return await opened.open(undefined);
}

/** Opens the image and reads its layer. */
async function read(name: string, options: RegistryOptions = HASTY): Promise<Buffer> {
  await using opened = place(name, options);
  const { layers } = await opened.open(undefined);
  const [first] = layers;
  if (first?.kind !== "blob") throw new Error("no layer");
  await using source = await first.open();
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const failure = (code: string, kind?: string): unknown =>
  expect.objectContaining(kind === undefined ? { code } : { code, kind });
const asked = (pattern: RegExp): string[] =>
  server.requests.map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line));
const expected = (): Buffer => Buffer.from(layout.files[`blobs/sha256/${layer.digest.slice(7)}`] as Uint8Array);

describe("a reference", () => {
  test("leads by tag, by digest, and with both by the digest alone", async () => {
    expect((await open("app:v1")).manifest?.digest).toBe(image.digest);
    expect((await open(`app@${image.digest}`)).manifest?.digest).toBe(image.digest);
    expect((await open(`app:gone@${image.digest}`)).manifest?.digest).toBe(image.digest);
    expect(asked(/gone/)).toEqual([]);
    expect((await open(`app:gone@${image.digest}`)).names).toEqual([]);
  });

  test("without either leads to latest", async () => {
    await expect(open("app")).rejects.toThrow(failure("image-not-found", "not-found"));
    server.repository("app").tags.set("latest", image.digest);
    expect((await open("app")).names).toEqual([`${server.host}/app:latest`]);
  });

  test("to what is not there says its full name", async () => {
    await expect(open("app:v9")).rejects.toThrow(`There is no image ${server.host}/app:v9`);
    await expect(open("nothing/here:v1")).rejects.toThrow(failure("image-not-found"));
  });

  test("to what is not there, or not for us, says that it may be either", async () => {
    server.fault = faultOn(/manifests/, { kind: "status", status: 401 });
    await expect(open("app:v1")).rejects.toThrow(/app:v1 is not there, or it takes a login/);
    server.fault = faultOn(/manifests/, { kind: "status", status: 403 });
    await expect(open("app:v1")).rejects.toMatchObject({
      code: "registry-denied",
      hint: expect.stringContaining(`strata login ${server.host}`),
    });
  });

  test("is resolved once, whatever happens to the tag", async () => {
    await using opened = place("app:v1");
    await opened.open(undefined);
    server.repository("app").tags.delete("v1");
    expect((await opened.open(undefined)).manifest?.digest).toBe(image.digest);
    expect((await opened.list())[0]?.digest).toBe(image.digest);
  });

  test("to an index is one image for the platform that is asked for", async () => {
    const arm = layout.image([], { config: { architecture: "arm64" } });
    const index = layout.index([forPlatform(image, "linux/amd64"), forPlatform(arm, "linux/arm64")]);
    serveFixture(server, { repository: "app", layout, root: index, tag: "all" });
    expect((await open("app:all")).manifest?.digest).toBe(image.digest);
    const options = { platform: parsePlatform("linux/arm64") };
    expect((await open("app:all", options)).manifest?.digest).toBe(arm.digest);
    await expect(open("app:all", { platform: parsePlatform("linux/s390x") })).rejects.toThrow(
      failure("platform-not-found"),
    );
    await using opened = place("app:all");
    expect((await opened.list())[0]?.platforms).toHaveLength(2);
    const artifact = await opened.openArtifact?.(undefined);
    expect(artifact?.root.digest).toBe(index.digest);
    expect(artifact?.origin).toEqual({ registry: server.host, repository: "app" });
    expect((await artifact?.readDocument(arm))?.digest).toBe(arm.digest);
  });

  test("to an index of very many images is looked through a few at a time", async () => {
    const images = Array.from({ length: 60 }, (_, i) => layout.image([], { config: { os: "plan9", created: `${i}` } }));
    const root = layout.index(images);
    serveFixture(server, { repository: "app", layout, root, tag: "many" });
    let most = 0;
    server.fault = () => {
      most = Math.max(most, server.connections());
      return undefined;
    };
    await expect(open("app:many")).rejects.toThrow(failure("platform-not-found"));
    expect(most).toBeLessThan(30);
  });
});

describe("the bytes", () => {
  test("of a layer are downloaded once, whoever reads them how often", async () => {
    await using opened = place("app:v1");
    const { layers } = await opened.open(undefined);
    expect(asked(new RegExp(layer.digest))).toEqual([]);
    const [first] = layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    await using one = await first.open();
    await using other = await first.open();
    const [whole, middle] = await Promise.all([readAll(one, { start: 1 }), readAll(other, { start: 700, end: 900 })]);
    expect(expected().subarray(1).equals(whole)).toBe(true);
    expect(Buffer.from(middle)).toEqual(expected().subarray(700, 900));
    expect(asked(new RegExp(layer.digest))).toHaveLength(1);
  });

  test("of a layer that is known are not downloaded to list its files, and are verified when they are read", async () => {
    const cache = createMemoryIndexCache();
    const scratch = createMemoryScratch();
    const list = async (): Promise<string[]> => {
      server.requests.length = 0;
      await using opened = place("app:v1");
      await using loaded = await loadLayers(
        { ...(await opened.open(undefined)), reference: "" },
        { cache, scratch, verify: true, spool: "lazy", limits: DEFAULT_LIMITS, workers: 1 },
      );
      expect(loaded.layers[0]?.index.count).toBe(1);
      return server.requests
        .filter(({ path }) => path.includes(layer.digest))
        .map(({ headers }) => headers["range"] ?? "all");
    };
    expect(await list()).toContain("all");
    expect(await list()).toEqual([expect.stringMatching(/^bytes=0-\d{1,3}$/)]);
  });

  test("that another look at the beginning needs are a range", async () => {
    await using opened = place("app:v1");
    const { layers } = await opened.open(undefined);
    const [first] = layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    await using source = await first.open();
    expect(await readAll(source, { end: 6 })).toHaveLength(6);
    expect(server.requests.at(-1)?.headers["range"]).toBe("bytes=0-5");
  });

  test("that are not all there after a failure are asked for again by the next reader", async () => {
    await using opened = place("app:v1");
    const { layers } = await opened.open(undefined);
    const [first] = layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    await using source = await first.open();
    server.fault = faultOn(/GET .*blobs/, { kind: "status", status: 500 });
    await expect(readAll(source, { start: 1 })).rejects.toThrow(failure("registry-failed"));
    server.fault = undefined;
    expect(await readAll(source, { start: 1 })).toHaveLength(layer.size - 1);
  });
});

describe("a registry that lies about a manifest is caught", () => {
  const manifest = /GET .*manifests/;
  const other = Buffer.from(`{"schemaVersion":2,"config":{"digest":"sha256:${"0".repeat(64)}","size":1},"layers":[]}`);
  const long = Buffer.alloc(5 * 1024 ** 2, " ");

  test.each<[string, Fault, string, string]>([
    [
      "by a digest header of other bytes",
      header("docker-content-digest", `sha256:${"1".repeat(64)}`),
      "registry-digest-mismatch",
      "integrity",
    ],
    [
      "by a digest header that is none",
      header("docker-content-digest", "sha256:xyz"),
      "registry-digest-mismatch",
      "integrity",
    ],
    ["with a body of another image", { kind: "body", body: other }, "registry-digest-mismatch", "integrity"],
    ["with one bit that is another", { kind: "corrupt" }, "registry-digest-mismatch", "integrity"],
    ["that is too long", { kind: "body", body: long }, "document-too-large", "hostile"],
    ["that never ends", { kind: "endless" }, "document-too-large", "hostile"],
    ["with a web page", header("content-type", "text/html; charset=utf-8"), "registry-content-type", "malformed"],
    ["that is said to be an index", header("content-type", MEDIA_TYPE.ociIndex), "ambiguous-manifest", "malformed"],
    [
      "that is said to be of schema 1",
      header("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
      "docker-schema1",
      "unsupported",
    ],
    ["that breaks off each time", { kind: "truncate", bytes: 20 }, "registry-connection-lost", "unavailable"],
    ["that hangs", { kind: "hang", at: "body", after: 10 }, "registry-timeout", "unavailable"],
    ["by leading in circles", { kind: "redirect-loop" }, "too-many-redirects", "hostile"],
    ["by failing", { kind: "status", status: 503 }, "registry-failed", "unavailable"],
    [
      "by asking to wait",
      { kind: "status", status: 429, headers: { "retry-after": "1" } },
      "rate-limited",
      "unavailable",
    ],
    ["by refusing", { kind: "status", status: 403 }, "registry-denied", "unauthenticated"],
  ])("%s", async (_, fault, code, kind) => {
    server.fault = faultOn(manifest, fault);
    await expect(open("app:v1")).rejects.toThrow(failure(code, kind));
  });

  test("by another body under the digest that was asked for", async () => {
    server.fault = faultOn(manifest, { kind: "body", body: other });
    await expect(open(`app@${image.digest}`)).rejects.toThrow(failure("digest-mismatch", "integrity"));
  });

  test("by text that is no JSON, without any header that says so", async () => {
    const digest = server.addManifest("app", Buffer.from("{not json"), {
      mediaType: MEDIA_TYPE.ociManifest,
      tag: "bad",
    });
    await expect(open("app:bad")).rejects.toThrow(failure("invalid-json", "malformed"));
    await expect(open(`app@${digest}`)).rejects.toThrow(failure("invalid-json", "malformed"));
  });

  test("but a type that says nothing is no lie", async () => {
    for (const type of ["application/json", "text/plain", "application/octet-stream", undefined]) {
      server.fault = faultOn(manifest, header("content-type", type));
      const { manifest: opened } = await open("app:v1");
      expect(opened?.mediaType).toBe(MEDIA_TYPE.ociManifest);
    }
  });

  test("and one that breaks once is asked again", async () => {
    server.fault = faultOn(manifest, { kind: "truncate", bytes: 20 }, 1);
    expect((await open("app:v1")).manifest?.digest).toBe(image.digest);
  });
});

describe("a registry that lies about a blob is caught, and nothing of it stays in the scratch", () => {
  const blob = (): RegExp => new RegExp(`GET .*${layer.digest}`);

  test.each<[string, Fault, string]>([
    ["with one bit that is another", { kind: "corrupt" }, "digest-mismatch"],
    ["with fewer bytes", { kind: "body", body: (honest) => honest.subarray(1) }, "blob-too-short"],
    ["with more bytes", { kind: "body", body: (honest) => Buffer.concat([honest, honest]) }, "blob-too-long"],
    ["with no end", { kind: "endless" }, "digest-mismatch"],
    ["with nothing", { kind: "status", status: 404 }, "missing-blob"],
    ["by breaking off each time", { kind: "truncate", bytes: 1000 }, "registry-connection-lost"],
    [
      "by ending too early without having said how long it is",
      { kind: "status", status: 200, headers: { "transfer-encoding": "chunked" }, body: "too little" },
      "blob-too-short",
    ],
    ["by hanging", { kind: "hang", at: "body", after: 100 }, "registry-timeout"],
    ["by resetting connections", { kind: "reset", after: 5000 }, "registry-connection-lost"],
    ["by failing", { kind: "status", status: 500 }, "registry-failed"],
    ["by leading in circles", { kind: "redirect-loop" }, "too-many-redirects"],
  ])("%s", async (_, fault, code) => {
    server.fault = faultOn(blob(), fault);
    const scratch = createMemoryScratch({ maxBytes: layer.size });
    await using opened = place("app:v1", HASTY, {}, scratch);
    const [first] = (await opened.open(undefined)).layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    await using source = await first.open();
    const reading = readAll(source, { start: 1 });
    await expect(reading).rejects.toThrow(failure(code));
    // The room is free again: an honest download of that length fits.
    server.fault = undefined;
    expect(await readAll(source, { start: 1 })).toHaveLength(layer.size - 1);
  });

  test("but a foreign layer that is not there is absent, and one that is there is read", async () => {
    const foreign = { ...layer, mediaType: MEDIA_TYPE.ociForeignLayer, urls: ["https://owner.example/layer"] };
    const root = layout.image([await layerOf({ a: "1" })], { manifest: { layers: [foreign] } });
    serveFixture(server, { repository: "app", layout, root, tag: "foreign" });
    expect((await open("app:foreign")).layers[0]?.kind).toBe("blob");
    server.repository("app").blobs.delete(layer.digest);
    const { layers, skipped } = await open("app:foreign");
    expect(layers[0]).toMatchObject({ kind: "absent", reason: expect.stringContaining("https://owner.example/layer") });
    expect(skipped).toHaveLength(1);
  });

  test("and the configuration as well", async () => {
    server.fault = faultOn(/GET .*blobs/, { kind: "corrupt" });
    await expect(open("app:v1")).rejects.toThrow(failure("digest-mismatch"));
  });

  test("an aborted download ends at once with its reason", async () => {
    const stop = new AbortController();
    server.fault = faultOn(blob(), { kind: "hang", at: "body", after: 100 });
    await using opened = place("app:v1", { ...HASTY, timeouts: { body: 60_000 } }, { signal: stop.signal });
    const [first] = (await opened.open(undefined)).layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    await using source = await first.open();
    const reading = readAll(source, { start: 1 }).catch((error: unknown) => error as StrataError);
    stop.abort();
    expect(await reading).toEqual(failure("aborted", "aborted"));
  });

  test("a reader that is aborted stops waiting, and disposing ends the download", async () => {
    server.fault = faultOn(blob(), { kind: "hang", at: "body", after: 100 });
    const opened = place("app:v1", { ...HASTY, timeouts: { body: 60_000 } });
    const [first] = (await opened.open(undefined)).layers;
    if (first?.kind !== "blob") throw new Error("no layer");
    const source = await first.open();
    const stop = new AbortController();
    const collect = async (signal?: AbortSignal): Promise<void> => {
      for await (const _ of source.stream(signal === undefined ? {} : { signal })) expect.unreachable();
    };
    const impatient = collect(stop.signal).catch((error: unknown) => error);
    const patient = collect().catch((error: unknown) => error);
    stop.abort();
    expect(await impatient).toEqual(failure("aborted", "aborted"));
    await opened[Symbol.asyncDispose]();
    expect(await patient).toEqual(failure("aborted", "aborted"));
  });

  test("a broken download goes on where it stopped", async () => {
    server.fault = faultOn(blob(), { kind: "reset", after: 100_000 }, 1);
    expect(expected().equals(await read("app:v1"))).toBe(true);
    const ranges = server.requests
      .filter(({ path }) => path.includes(layer.digest))
      .map(({ headers }) => headers["range"]);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(new RegExp(`^bytes=[1-9]\\d*-${layer.size - 1}$`));
  });
});

function header(name: string, value: string | undefined): Fault {
  return { kind: "headers", headers: { [name]: value } };
}
