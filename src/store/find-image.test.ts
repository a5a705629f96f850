import { expect, test } from "vitest";
import { type Digest, digestOf, MEDIA_TYPE } from "../oci/index.ts";
import { findImage } from "./find-image.ts";
import type { ImageRecord, RecordReader, RecordTypes } from "./metadata/records.ts";

const id = (hex: string): Digest => `sha256:${hex.padEnd(64, "0")}` as Digest;

/** An image with these beginnings of the digests of its root and of the configurations of its manifests. */
function image(root: string, configs: readonly string[]): [string, ImageRecord] {
  const mediaType = MEDIA_TYPE.ociManifest;
  const leaves = configs.map((config) => ({ manifest: digestOf(Buffer.from(config)), config: id(config) }));
  const inner = leaves.map(({ manifest }) => ({
    digest: manifest,
    size: 1,
    role: "manifest" as const,
    isHere: true,
    mediaType,
  }));
  const part = { digest: id(root), size: 1, role: "index" as const, isHere: true, mediaType };
  return [id(root), { mediaType: MEDIA_TYPE.ociIndex, addedAt: 0, parts: [part, ...inner], leaves }];
}

function reader(images: readonly [string, ImageRecord][], names: Readonly<Record<string, string>> = {}): RecordReader {
  const tables = {
    image: new Map<string, unknown>(images),
    name: new Map<string, unknown>(
      Object.entries(names).map(([name, root]) => [name, { mediaType: "", digest: id(root), size: 1 }]),
    ),
    layer: new Map<string, unknown>(),
    blob: new Map<string, unknown>(),
    chain: new Map<string, unknown>(),
  };
  return {
    revision: 0,
    get: <Kind extends keyof RecordTypes>(kind: Kind, key: string) =>
      tables[kind].get(key) as RecordTypes[Kind] | undefined,
    list: <Kind extends keyof RecordTypes>(kind: Kind) => [...tables[kind]] as [string, RecordTypes[Kind]][],
  };
}

const records = reader([image("abcd1", ["c0ffee"]), image("abcd2", ["abcd3"]), image("1111", ["c0ffee", "dddd"])], {
  "docker.io/library/abcd1:latest": "abcd2",
  "ghcr.io/x/y:1": "abcd1",
});
const found = (text: string): string => findImage(records, text).key;

test("the beginning of an id that several images have is ambiguous, unless it is whole", () => {
  expect(() => found("abcd")).toThrow(expect.objectContaining({ code: "ambiguous-image", kind: "invalid-argument" }));
  expect(found("sha256:abcd1")).toBe(id("abcd1"));
  expect(found(id("abcd2"))).toBe(id("abcd2"));
});

test("a name goes before an id, a root before what lies inside of an image", () => {
  expect(found("abcd1")).toBe(id("abcd2"));
  expect(found("abcd2")).toBe(id("abcd2"));
  expect(found("abcd3")).toBe(id("abcd2"));
});

test("a configuration that two images share means no other image than itself", () => {
  expect(found("c0ffee")).toBe(id("abcd1"));
  expect(findImage(records, "dddd").target.digest).toBe(digestOf(Buffer.from("dddd")));
});

test("NAME@DIGEST is found among all names of the repository, and NAME:TAG@DIGEST only where both agree", () => {
  expect(found(`ghcr.io/x/y@${id("abcd1")}`)).toBe(id("abcd1"));
  expect(found(`ghcr.io/x/y:1@${id("abcd1")}`)).toBe(id("abcd1"));
  const missing = [
    `ghcr.io/x/y@${id("abcd2")}`,
    `ghcr.io/x/y:1@${id("abcd2")}`,
    `ghcr.io/x/y:2@${id("abcd1")}`,
    "abc",
    "sha512:abcd",
  ];
  for (const text of missing) {
    expect(() => found(text)).toThrow(expect.objectContaining({ code: "image-not-found", kind: "not-found" }));
  }
});
