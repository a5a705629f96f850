import { describe, expect, test } from "vitest";
import { formatPlatform, normalizePlatform, parsePlatform, platformDistance, selectPlatform } from "./platform.ts";

test.each([
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["LINUX/AMD64/v1", "linux/amd64"],
  ["linux/amd64/v3", "linux/amd64/v3"],
  ["linux/aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm64/8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["linux/armhf", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["linux/i386", "linux/386"],
  ["macos/arm64", "darwin/arm64"],
  ["arm64", "linux/arm64"],
  ["linux/s390x", "linux/s390x"],
])("%s is %s", (text, canonical) => {
  expect(formatPlatform(parsePlatform(text))).toBe(canonical);
  expect(normalizePlatform(parsePlatform(text))).toEqual(parsePlatform(text));
});

test.each(["", "/", "linux", "linux/", "linux/amd64/v1/x", "linux/am d64", "linux/amd64\n"])(
  "%j is no platform",
  (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: "invalid-platform" }));
  },
);

describe("a machine runs", () => {
  test.each([
    ["its own platform exactly", "linux/arm64", "linux/arm64/v8", 0],
    ["older variants, less gladly", "linux/arm/v7", "linux/arm/v5", 2],
    ["no newer variant", "linux/amd64", "linux/amd64/v3", undefined],
    ["no other architecture", "linux/arm64", "linux/arm", undefined],
    ["no other system", "linux/amd64", "windows/amd64", undefined],
  ])("%s", (_, machine, image, distance) => {
    expect(platformDistance(parsePlatform(machine), parsePlatform(image))).toBe(distance);
  });
});

test("of several images the nearest variant wins, the first of equals", () => {
  const images = ["linux/arm/v5", "linux/arm/v6", "linux/arm64", "linux/arm/v6"].map((text, id) => ({
    id,
    platform: parsePlatform(text),
  }));
  expect(selectPlatform(parsePlatform("linux/arm/v7"), images, ({ platform }) => platform)?.id).toBe(1);
  expect(selectPlatform(parsePlatform("linux/riscv64"), images, ({ platform }) => platform)).toBeUndefined();
});

test("a wanted Windows build takes only that build", () => {
  const offered = { os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" };
  expect(platformDistance({ os: "windows", architecture: "amd64" }, offered)).toBe(0);
  expect(platformDistance({ ...offered, "os.version": "10.0.20348.1" }, offered)).toBeUndefined();
});
