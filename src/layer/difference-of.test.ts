import { describe, expect, it } from "vitest";
import {
  aDirectory,
  aFile,
  aSymlink,
  contentsOf,
  listFiles,
  type MemoryFile,
  type MemoryFiles,
  treeOf,
} from "../../test/support/memory-tree.ts";
import { memorySource } from "../base/index.ts";
import { scanTarSync, type TarEntry } from "../tar/index.ts";
import {
  type ChangesetTarOptions,
  type CompareTreesOptions,
  changesetTar,
  compareTrees,
  differenceOf,
  type FileReader,
  LayerIndexBuilder,
  type ListedLayer,
  noWhiteouts,
  overlayWhiteouts,
  type TreeChange,
} from "./index.ts";

const WHOLE = { mtime: { seconds: 100, nanoseconds: 0 } };

function changesOf(
  lower: MemoryFiles,
  upper: MemoryFiles,
  options: Partial<CompareTreesOptions> = {},
): Promise<TreeChange[]> {
  const isSameContent = contentsOf(lower, upper);
  return compareTrees(listFiles(lower).index, listFiles(upper).index, { isSameContent, ...options });
}

/** One line for each change, as people read them. */
async function told(
  lower: MemoryFiles,
  upper: MemoryFiles,
  options: Partial<CompareTreesOptions> = {},
): Promise<string[]> {
  return (await changesOf(lower, upper, options)).map(({ kind, path, fields }) =>
    [kind, path === "" ? "/" : path, ...fields].join(" "),
  );
}

async function tarOf(layer: ListedLayer, codec = noWhiteouts, options: ChangesetTarOptions = {}): Promise<TarEntry[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of changesetTar(layer, codec, options)) chunks.push(chunk);
  const entries: TarEntry[] = [];
  scanTarSync(memorySource(Buffer.concat(chunks)), (entry) => entries.push(entry));
  return entries;
}

/** What is in the tar of the difference, in its order; links as `name -> target`. */
async function layerOf(
  lower: MemoryFiles,
  upper: MemoryFiles,
  pick?: (change: TreeChange) => boolean,
): Promise<string[]> {
  const changes = (await changesOf(lower, upper)).filter(pick ?? (() => true));
  const { listed, whiteouts } = differenceOf(listFiles(upper), changes, listFiles(lower).index);
  const entries = await tarOf(listed, whiteouts);
  return entries.map(({ name, type, linkName }) => (type === "hardlink" ? `${name} -> ${linkName}` : name));
}

/** Files that are each an inode of their own. */
function separate(files: Readonly<Record<string, MemoryFile>>): MemoryFiles {
  return treeOf(Object.fromEntries(Object.entries(files).map(([path, file]) => [path, { ...file }])));
}

/** The same file under several names is one inode. */
function tree(...files: readonly (readonly [string, MemoryFile])[]): MemoryFiles {
  return treeOf(Object.fromEntries(files));
}

const X = aFile("x");

describe("the changeset of two trees", () => {
  it("is empty for equal trees, for equal files, and for nothing (51)", async () => {
    const lower = separate({ "a/b": X, c: aFile("") });
    expect(await layerOf(lower, separate({ "a/b": { ...X }, c: aFile("") }))).toEqual([]);
    const nothing = new LayerIndexBuilder().finish();
    expect(await compareTrees(nothing, nothing, { isSameContent: () => true })).toEqual([]);
    expect(differenceOf(listFiles(lower), [], listFiles(lower).index).listed.index.count).toBe(0);
  });

  it("has the headers of all directories above a change, with their own metadata (52)", async () => {
    const lower = separate({ a: aDirectory({ mode: 0o700, uid: 7 }), "a/b/c": X, "a/z": X });
    const upper = new Map(lower).set("a/b/c", aFile("y!"));
    expect(await layerOf(lower, upper)).toEqual(["a/", "a/b/", "a/b/c"]);
    const { listed } = differenceOf(listFiles(upper), await changesOf(lower, upper), listFiles(lower).index);
    expect(listed.index.columns.mode[0]).toBe(0o700);
    expect(listed.index.columns.uid[0]).toBe(7);
  });

  it("has one whiteout for a removed tree, after the directories above it (53)", async () => {
    const lower = separate({ "a/dir/x/y": X, "a/dir/z": X, "a/kept": X });
    expect(await layerOf(lower, separate({ "a/kept": X }))).toEqual(["a/", "a/.wh.dir"]);
  });

  it("keeps apart what only begins alike: a, a/b, a-b (54)", async () => {
    const lower = separate({ "a/b": X, "a-b/c": X, "a.b": X, a0: X });
    expect(await layerOf(lower, separate({ "a-b/c": X, "a.b": X, a0: X }))).toEqual([".wh.a"]);
    expect(await layerOf(lower, separate({ "a/b": X, "a.b": X, a0: X }))).toEqual([".wh.a-b"]);
    expect(await layerOf(separate({ "a.b": X, a0: X }), lower)).toEqual(["a/", "a/b", "a-b/", "a-b/c"]);
  });

  it("deletes deep inside, and replaces in every direction without a whiteout (55)", async () => {
    const lower = separate({
      "d/e/f/g": X,
      "dir/sub/x": X,
      "dir/y": X,
      file: X,
      link: aSymlink("file"),
      "other/one": X,
    });
    const upper = separate({
      "d/e/f": aDirectory(),
      dir: X,
      "file/inside": X,
      "link/inside": X,
      "other/two": X,
    });
    expect(await layerOf(lower, upper)).toEqual([
      "d/",
      "d/e/",
      "d/e/f/",
      "d/e/f/.wh.g",
      "dir",
      "file/",
      "file/inside",
      "link/",
      "link/inside",
      "other/",
      "other/.wh.one",
      "other/two",
    ]);
    expect(await told(lower, upper)).toContain("modified dir type");
  });

  it("says of a directory what changed, with nothing below it (56)", async () => {
    const lower = separate({ "a/b/c": X });
    expect(await layerOf(lower, separate({ "a/b/c": X, "a/b": aDirectory({ mode: 0o700 }) }))).toEqual(["a/", "a/b/"]);
    const later = separate({
      "a/b/c": X,
      a: aDirectory({ mtime: { seconds: 3, nanoseconds: 1 } }),
      "": aDirectory({ gid: 4 }),
    });
    expect(await told(lower, later)).toEqual(["modified / owner", "modified a mtime"]);
    expect(await layerOf(lower, later)).toEqual(["./", "a/"]);
  });

  it("looks into files of one size only where equal times are whole seconds (57)", async () => {
    const asked: [number, number][] = [];
    const isSameContent = (l: number, u: number): Promise<boolean> => {
      asked.push([l, u]);
      return Promise.resolve(false);
    };
    const lower = tree(
      ["a", aFile("one", WHOLE)],
      ["b", aFile("one")],
      ["c", aFile("", WHOLE)],
      ["d", aFile("one", WHOLE)],
    );
    const upper = tree(
      ["a", aFile("two", WHOLE)],
      ["b", aFile("two")],
      ["c", aFile("", WHOLE)],
      ["d", aFile("four", WHOLE)],
    );
    expect(await told(lower, upper, { isSameContent })).toEqual(["modified a content", "modified d content"]);
    expect(asked).toEqual([[1, 1]]);
    asked.length = 0;
    expect(await told(lower, upper, { isSameContent, contents: "always" })).toContain("modified b content");
    expect(asked).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it("takes whole seconds for times that were cut off, when told so", async () => {
    const [lower, upper] = [
      tree(["a", aFile("x", WHOLE)]),
      tree(["a", aFile("x", { mtime: { seconds: 100, nanoseconds: 5 } })]),
    ];
    expect(await told(lower, upper)).toEqual(["modified a mtime"]);
    expect(await told(lower, upper, { times: "truncated" })).toEqual([]);
  });

  it("has target and link when a new link names an old inode, changed or not, and the target first (58, 59)", async () => {
    const lower = tree(["dir/m", X]);
    expect(await layerOf(lower, tree(["dir/m", X], ["z", X]))).toEqual(["dir/", "dir/m", "z -> dir/m"]);
    expect(await layerOf(lower, tree(["a", X], ["dir/m", X]))).toEqual(["a", "dir/", "dir/m -> a"]);
    expect(await told(lower, tree(["a", X], ["dir/m", X]))).toEqual(["added a", "modified dir/m links"]);
    const changed = aFile("changed");
    expect(await layerOf(tree(["a", X], ["b", X]), tree(["a", changed], ["b", changed]))).toEqual(["a", "b -> a"]);
  });

  it("leaves a file alone that lost a name, and has only the one that was set free (58)", async () => {
    const lower = tree(["a", X], ["b", X], ["c", X]);
    expect(await layerOf(lower, tree(["a", X], ["c", X]))).toEqual([".wh.b"]);
    expect(await told(lower, tree(["a", X], ["b", { ...X }], ["c", X]))).toEqual(["modified b links"]);
    expect(await told(lower, tree(["a", aFile("new")], ["b", X], ["c", X]))).toEqual(["modified a content links"]);
  });

  it("joins what was two files, and parts what was one (58)", async () => {
    const lower = tree(["a", X], ["b", { ...X }]);
    expect(await told(lower, tree(["a", X], ["b", X]))).toEqual(["modified a links", "modified b links"]);
    expect(await layerOf(lower, tree(["a", X], ["b", X]))).toEqual(["a", "b -> a"]);
  });

  it("has all names of a file and the directories above them, whichever change was picked (59)", async () => {
    const [old, changed] = [aFile("old"), aFile("changed")];
    const lower = tree(["a/one", old], ["b/two", old], ["c", X]);
    const upper = tree(["a/one", changed], ["b/two", changed], ["c", aFile("other")]);
    expect(await layerOf(lower, upper, ({ path }) => path === "b/two")).toEqual([
      "a/",
      "a/one",
      "b/",
      "b/two -> a/one",
    ]);
  });

  it("is a whole layer for whoever renamed a directory: all of the new name, one whiteout (62)", async () => {
    const lower = separate({ "old/a": X, "old/sub/b": aFile("b") });
    expect(await layerOf(lower, separate({ "new/a": X, "new/sub/b": aFile("b") }))).toEqual([
      "new/",
      "new/a",
      "new/sub/",
      "new/sub/b",
      ".wh.old",
    ]);
  });

  it("keeps devices 0:0 and attributes like overlayfs' for files, not deletions (62)", async () => {
    const odd = { ...aFile(""), type: "char" as const };
    expect(await layerOf(separate({}), separate({ odd }))).toEqual(["odd"]);
  });

  it("refuses trees out of order, links to nothing and entries without a directory", async () => {
    const nothing = new LayerIndexBuilder().finish();
    const { index } = listFiles(separate({ a: X, b: X }));
    const swapped = new LayerIndexBuilder();
    const added = await compareTrees(nothing, index, { isSameContent: () => true });
    expect(added).toHaveLength(3);
    for (const entry of [2, 1]) swapped.add({ ...BLANK, name: index.name(entry) });
    const lonely = new LayerIndexBuilder();
    lonely.add({ ...BLANK, name: "a/b" });
    const dangling = new LayerIndexBuilder();
    dangling.add({ ...BLANK, name: "a", type: "hardlink", linkName: "z" });
    const refused = expect.objectContaining({ code: "tree-disordered", kind: "invalid-argument" });
    for (const builder of [swapped, lonely, dangling]) {
      const broken = builder.finish();
      const making = async (): Promise<unknown> => {
        const changes = await compareTrees(nothing, broken, { isSameContent: () => true });
        return differenceOf({ ...listFiles(separate({})), index: broken }, changes, nothing);
      };
      await expect(making()).rejects.toEqual(refused);
    }
  });

  it("stops when it is told to", async () => {
    const lower = separate({ a: X });
    await expect(changesOf(lower, lower, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("the tar of a changeset", () => {
  it("clamps later times, and leaves whiteouts at the epoch (61)", async () => {
    const lower = separate({ gone: X });
    const upper = separate({
      late: aFile("", { mtime: { seconds: 50, nanoseconds: 1 } }),
      early: aFile("", { mtime: { seconds: 49, nanoseconds: 999 } }),
    });
    const { listed, whiteouts } = differenceOf(listFiles(upper), await changesOf(lower, upper), listFiles(lower).index);
    const entries = await tarOf(listed, whiteouts, { clampTime: { seconds: 50, nanoseconds: 0 } });
    expect(entries.map(({ name, mtime }) => [name, mtime.seconds, mtime.nanoseconds])).toEqual([
      ["early", 49, 999],
      [".wh.gone", 0, 0],
      ["late", 50, 0],
    ]);
  });

  it.each([".wh.x", "d/.wh..wh..opq", ".wh./inside"])("refuses to hold %s, before its first byte", async (path) => {
    const listed = listFiles(separate({ aaa: X, [path]: X }));
    const first = changesetTar(listed, noWhiteouts)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: "name-reserved", kind: "unsupported" });
  });

  it("tells deletions of any name by what the codec says", async () => {
    const gone = { ...aFile(""), type: "char" as const };
    const entries = await tarOf(listFiles(separate({ ".wh.x": gone, "a.wh.b": X })), overlayWhiteouts);
    expect(entries.map(({ name }) => name)).toEqual(["./", ".wh..wh.x", "a.wh.b"]);
  });

  it("takes files the quick way, and opens only what that leaves", async () => {
    const asked = { opened: [] as number[], disposed: 0 };
    const listed = listFiles(separate({ large: aFile("large"), small: X }), asked);
    const asReader = (read: (entry: number) => readonly Uint8Array[] | undefined): (() => FileReader) => {
      return () => ({ read, [Symbol.dispose]: () => void asked.disposed++ });
    };
    const reader = asReader((entry) => (entry === 2 ? [Buffer.from("q")] : undefined));
    const entries = await tarOf({ ...listed, reader });
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ["./", 0],
      ["large", 5],
      ["small", 1],
    ]);
    expect(asked.opened).toEqual([1]);
    const long = asReader(() => [Buffer.alloc(2)]);
    await expect(tarOf({ ...listed, reader: long })).rejects.toMatchObject({
      code: "tar-size-mismatch",
    });
    expect(asked.disposed).toBe(2);
  });

  it("stores only the data of a file with holes", async () => {
    const content = `${"\0".repeat(8192)}${"d".repeat(4096)}${"\0".repeat(8192)}`;
    const listed = listFiles(separate({ disk: aFile(content, { sparse: [{ offset: 8192, length: 4096 }] }) }));
    const [, disk] = await tarOf(listed);
    expect(disk).toMatchObject({
      name: "disk",
      size: 20_480,
      storedSize: 4096,
      sparse: [{ offset: 8192, length: 4096 }],
    });
  });
});

const BLANK: TarEntry = {
  name: "",
  type: "file",
  linkName: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  size: 0,
  storedSize: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  devMajor: 0,
  devMinor: 0,
  headerOffset: 0,
  dataOffset: 0,
};
