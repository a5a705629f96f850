import { describe, expect, test } from "vitest";
import { algorithmOf, hexOf, isDigest, parseDigest } from "./digest.ts";
import { digestOf, digestStream } from "./hasher.ts";

const HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("a digest splits into algorithm and hex", () => {
  const digest = parseDigest(`sha256:${HEX}`);
  expect([algorithmOf(digest), hexOf(digest)]).toEqual(["sha256", HEX]);
  expect(algorithmOf(parseDigest(`sha512:${"0".repeat(128)}`))).toBe("sha512");
});

describe("what is not a digest is refused, so that no digest is ever a path", () => {
  test.each([
    ["no algorithm", HEX],
    ["empty", ""],
    ["upper case", `sha256:${HEX.toUpperCase()}`],
    ["too short", `sha256:${HEX.slice(1)}`],
    ["too long", `sha256:${HEX}0`],
    ["a line break after it", `sha256:${HEX}\n`],
    ["a path", "sha256:../../../../etc/passwd"],
    ["a path in the algorithm", `../sha256:${HEX}`],
    ["the length of another algorithm", `sha512:${HEX}`],
    ["a name that every object has", `constructor:${"!".repeat(9)}`],
  ])("%s", (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "invalid-digest", kind: "malformed" }));
  });
});

test("a well-formed digest of another algorithm is unsupported, not malformed", () => {
  expect(() => parseDigest("sha384:abcdef")).toThrow(
    expect.objectContaining({ code: "unsupported-digest-algorithm", kind: "unsupported" }),
  );
});

test("hashing a stream gives the digest of its concatenation and its length", async () => {
  const chunks = [Buffer.from("a"), Buffer.from(""), Buffer.from("bc")];
  const stream = (async function* () {
    yield* chunks;
  })();
  expect(await digestStream(stream, "sha512")).toEqual({ digest: digestOf(Buffer.from("abc"), "sha512"), size: 3 });
  expect(digestOf(Buffer.alloc(0))).toBe(`sha256:${HEX}`);
});
