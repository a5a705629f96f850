import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clampEntryName, cleanEntryName } from "./entry-path.ts";

describe("cleanEntryName", () => {
  it.each([
    ["etc/passwd", "etc/passwd"],
    ["./etc/passwd", "etc/passwd"],
    ["/etc/passwd", "etc/passwd"],
    ["etc//passwd/", "etc/passwd"],
    ["etc/./passwd", "etc/passwd"],
    ["dne/../.wh.etc", ".wh.etc"],
    ["..foo/...", "..foo/..."],
    [".hidden/.", ".hidden"],
    ["", ""],
    [".", ""],
    ["./", ""],
    ["/", ""],
    ["a/..", ""],
  ])("cleans %j to %j", (name, path) => {
    expect(cleanEntryName(name)).toBe(path);
  });

  it.each(["..", "../etc", "/../etc", "a/../../b", "./.."])("refuses %j, which climbs above the root", (name) => {
    expect(() => cleanEntryName(name)).toThrow(expect.objectContaining({ code: "path-escapes-root", kind: "hostile" }));
  });

  it("is idempotent and agrees with the clamped form wherever it does not refuse", () => {
    const part = fc.constantFrom("", ".", "..", "a", "..b", ".c", "\xe9");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const name = parts.join("/");
        const clamped = clampEntryName(name);
        expect(clampEntryName(clamped)).toBe(clamped);
        let cleaned: string;
        try {
          cleaned = cleanEntryName(name);
        } catch {
          return;
        }
        expect(cleaned).toBe(clamped);
        expect(cleanEntryName(cleaned)).toBe(cleaned);
      }),
    );
  });
});
