import { expect, test } from "vitest";
import { parseImageName, parseSelector, splitsOf } from "./image-name.ts";

test.each([
  ["oci:dir:v1", "oci", "dir:v1"],
  ["oci-archive:a.tar", "oci-archive", "a.tar"],
  ["docker-archive:/a/b.tar:gt/base:v1", "docker-archive", "/a/b.tar:gt/base:v1"],
  ["dir:/", "dir", "/"],
  ["tar:-", "tar", "-"],
  ["docker://localhost:5000/a:v1", "docker", "//localhost:5000/a:v1"],
  ["image.tar", undefined, "image.tar"],
  ["./oci:dir", undefined, "./oci:dir"],
  ["C:\\image.tar", undefined, "C:\\image.tar"],
  ["-", undefined, "-"],
])("%s splits at its transport", (text, transport, rest) => {
  expect(parseImageName(text)).toEqual({ text, transport, rest });
});

test.each(["", "oci:", "dir:"])("%j names nothing", (text) => {
  expect(() => parseImageName(text)).toThrow(expect.objectContaining({ code: "invalid-image-name" }));
});

test("transports that exist elsewhere are not taken for paths", () => {
  for (const text of ["docker-daemon:nginx:latest", "ostree:x", "sif:x"]) {
    expect(() => parseImageName(text)).toThrow(
      expect.objectContaining({ code: "unsupported-transport", kind: "unsupported" }),
    );
  }
});

test("a path may end at any colon or at sign, the whole text first, then from the left", () => {
  expect(splitsOf("/a:b@sha256:c")).toEqual([
    { path: "/a:b@sha256:c", selector: undefined },
    { path: "/a", selector: "b@sha256:c" },
    { path: "/a:b", selector: "@sha256:c" },
    { path: "/a:b@sha256", selector: "c" },
  ]);
});

test("a selector is a name, a position or a digest", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  expect(parseSelector("gt/base:v1")).toEqual({ kind: "name", name: "gt/base:v1" });
  expect(parseSelector("@12")).toEqual({ kind: "position", position: 12 });
  expect(parseSelector(`@${digest}`)).toEqual({ kind: "digest", digest });
  for (const text of ["", "@", "@-1", "@x", "@sha256:12"]) {
    expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: "invalid-selector" }));
  }
});
