import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { file, indexOf, tarScript } from "../testing/index.ts";
import { baseNameOf, cleanEntryName, parentOf } from "../tree/index.ts";
import { EntryPaths } from "./entry-paths.ts";

describe("EntryPaths", () => {
  it("splits every name as cleaning and splitting its text would, whatever came before it", () => {
    const part = fc.constantFrom("", ".", "..", "a", "ab", "..b", ".c", "\xe9", "...");
    const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(
        fc.array(
          name.filter((n) => !n.includes("..") && n !== ""),
          { maxLength: 12 },
        ),
        (names) => {
          const index = indexOf(tarScript(...names.map((n) => file(n))));
          const paths = new EntryPaths(index);
          for (let i = 0; i < index.count; i++) {
            paths.moveTo(i);
            const path = cleanEntryName(index.name(i));
            expect([paths.directory, paths.name]).toEqual([parentOf(path), baseNameOf(path)]);
          }
        },
      ),
    );
  });

  it("refuses a name that climbs above the root, with its offset", () => {
    const index = indexOf(tarScript(file("ok"), file("a/../../b")));
    const paths = new EntryPaths(index);
    paths.moveTo(0);
    expect(() => paths.moveTo(1)).toThrow(
      expect.objectContaining({ code: "path-escapes-root", details: expect.objectContaining({ offset: 512 }) }),
    );
  });
});
