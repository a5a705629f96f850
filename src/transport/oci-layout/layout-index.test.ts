import { expect, test } from "vitest";
import { digestOf, MEDIA_TYPE } from "../../oci/index.ts";
import { enterRoots } from "./layout-index.ts";

const descriptor = (text: string) => ({
  mediaType: MEDIA_TYPE.ociManifest,
  digest: digestOf(Buffer.from(text)),
  size: text.length,
});
const REF = "org.opencontainers.image.ref.name";
const parse = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString());
const entry = (text: string, name?: string) => ({
  ...descriptor(text),
  ...(name === undefined ? {} : { annotations: { [REF]: name } }),
});

test("a new index has the roots in the order in which they were named", () => {
  const roots = [
    { descriptor: descriptor("a"), name: "v1" },
    { descriptor: descriptor("b"), name: undefined },
  ];
  expect(parse(enterRoots(undefined, roots))).toEqual({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociIndex,
    manifests: [entry("a", "v1"), entry("b")],
  });
});

test("a name moves, in its place; others and what nobody knows stay", () => {
  const before = Buffer.from(
    JSON.stringify({ schemaVersion: 2, "x-own": 1, manifests: [entry("a", "v1"), entry("b", "v2"), entry("a")] }),
  );
  expect(parse(enterRoots(before, [{ descriptor: descriptor("c"), name: "v1" }]))).toEqual({
    schemaVersion: 2,
    "x-own": 1,
    manifests: [entry("c", "v1"), entry("b", "v2"), entry("a")],
  });
});

test("a name that several descriptors had goes to one", () => {
  const before = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry("a", "v1"), entry("b", "v1")] }));
  expect(parse(enterRoots(before, [{ descriptor: descriptor("b"), name: "v1" }])).manifests).toEqual([
    entry("b", "v1"),
  ]);
});

test("nothing new leaves every byte, and a descriptor that says more stays", () => {
  const rich = { ...entry("a", "v1"), platform: { os: "linux", architecture: "amd64" } };
  const before = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [rich] }, null, 3));
  expect(enterRoots(before, [{ descriptor: descriptor("a"), name: "v1" }])).toBe(before);
});

test("what has no name is listed once", () => {
  const root = { descriptor: descriptor("a"), name: undefined };
  const once = enterRoots(undefined, [root]);
  expect(enterRoots(once, [root])).toBe(once);
});

test("two images with one tag in two repositories are two", () => {
  const of = (name: string) => ({ "io.containerd.image.name": `docker.io/library/${name}:v1` });
  const roots = ["one", "two"].map((name) => ({ descriptor: descriptor(name), name: "v1", annotations: of(name) }));
  expect(parse(enterRoots(undefined, roots)).manifests).toHaveLength(2);
});

test("what is no index is refused", () => {
  for (const text of ["", '{"config":{},"layers":[]}']) {
    expect(() => enterRoots(Buffer.from(text), [])).toThrow(expect.objectContaining({ kind: "malformed" }));
  }
});
