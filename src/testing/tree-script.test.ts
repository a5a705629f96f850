import { describe, expect, it } from "vitest";
import { char, dir, file, hardlink, symlink } from "./tar-script.ts";
import { treeScript, treeText } from "./tree-script.ts";

const PLAIN = { withoutTimes: true };

describe("treeScript", () => {
  it("makes the parents that no step describes, and puts names in byte order whatever the order of the steps", () => {
    const text = treeText(treeScript(file("b/c", "2"), dir("a-"), file("a/x", "1")), PLAIN);
    expect(text.split("\n").map((line) => line.split(" - ").at(-1))).toEqual([
      "/",
      "/a",
      'file      0644 0:0 1 /a/x "1"',
      "/a-",
      "/b",
      'file      0644 0:0 1 /b/c "2"',
      "",
    ]);
  });

  it("gives a hardlink the file of its target, also when the link sorts first", () => {
    const text = treeText(treeScript(file("b", "1", { mode: 0o600 }), hardlink("a", "b")), PLAIN);
    expect(text).toContain('file      0600 0:0 1 /a "1"\n');
    expect(text).toContain('file      0600 0:0 1 /b = /a "1"\n');
  });

  it("shows what a file is: link targets, device numbers, xattrs, long content by its digest", () => {
    const text = treeText(
      treeScript(symlink("l", "t t"), char("c", [1, 3]), file("f", "x".repeat(41), { xattrs: { "user.k": "\xff" } })),
      PLAIN,
    );
    expect(text).toContain("/l -> t\\ t");
    expect(text).toContain("/c dev 1:3");
    expect(text).toMatch(/\/f user\.k=0xff sha256:[0-9a-f]{64}\n/);
  });

  it("refuses two files of one name, and a link to nothing", () => {
    expect(() => treeScript(file("a"), file("./a"))).toThrow("two files");
    expect(() => treeScript(hardlink("a", "b"))).toThrow('no "b"');
  });
});

describe("treeText", () => {
  const tree = treeScript(dir("", { mode: 0o700 }), file("a", "1", { mtime: 5 }));

  it("tells times apart unless asked not to", () => {
    const later = treeScript(dir("", { mode: 0o700 }), file("a", "1", { mtime: 6 }));
    expect(treeText(later)).not.toBe(treeText(tree));
    expect(treeText(later, PLAIN)).toBe(treeText(tree, PLAIN));
  });

  it("leaves the root out when asked to", () => {
    expect(treeText(tree, { ...PLAIN, withoutRoot: true })).toBe('file      0644 0:0 1 /a "1"\n');
  });
});
