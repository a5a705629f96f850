import { join } from "node:path";
import { expect, it } from "vitest";
import { block, char, dir, file, readDirectory, treeScript, treeText } from "../../src/testing/index.ts";
import { FIRST_TREE, USER_XATTRS } from "../interop/image-story.ts";
import { withDirectory, writeDirectory } from "../interop/oracle-trees.ts";
import { describeWith } from "../support/oracles.ts";

describeWith(["root", "getfattr"], "reading a directory", () => {
  it("gives back exactly the tree that was written, times before the epoch and names that are no text included", async () => {
    const tree = treeScript(
      dir("", { mode: 0o700, uid: 3 }),
      ...FIRST_TREE,
      ...USER_XATTRS,
      char("null", [1, 3]),
      block("large", [300, 70_000]),
      file("old", "", { mtime: { seconds: -3, nanoseconds: 250_000_000 } }),
      file("\xff\xfe", "bytes", { xattrs: { "user.k": "1" } }),
      file("new\nline\\", "odd", { xattrs: { "user.k": "2", "user.empty": "" } }),
    );
    await withDirectory((directory) => {
      writeDirectory(join(directory, "tree"), tree);
      expect(treeText(readDirectory(join(directory, "tree")))).toBe(treeText(tree));
    });
  });
});
