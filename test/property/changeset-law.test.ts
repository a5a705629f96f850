import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteSource, type ByteString, memorySource, readAll } from "../../src/base/index.ts";
import {
  changesetTar,
  compareTrees,
  differenceOf,
  type LayerIndex,
  LayerIndexBuilder,
  noWhiteouts,
  ociWhiteouts,
} from "../../src/layer/index.ts";
import { entryContent, scanTarSync } from "../../src/tar/index.ts";
import { type MergedTree, mergeLayers } from "../../src/union/index.ts";
import { contentsOf, listFiles, type MemoryFiles, walkOrder } from "../support/memory-tree.ts";
import { treePair } from "./random-trees.ts";

const RUNS = 600;

async function changeset(lower: MemoryFiles, upper: MemoryFiles): Promise<Buffer> {
  const [a, b] = [listFiles(lower), listFiles(upper)];
  const changes = await compareTrees(a.index, b.index, { isSameContent: contentsOf(lower, upper) });
  const { listed, whiteouts } = differenceOf(b, changes, a.index);
  const chunks: Uint8Array[] = [];
  for await (const chunk of changesetTar(listed, whiteouts)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function indexOf(tar: ByteSource): LayerIndex {
  const builder = new LayerIndexBuilder();
  scanTarSync(tar, (entry) => builder.add(entry));
  return builder.finish(tar.size);
}

/** All there is to know of a tree, one line for each name. */
async function dumpMerged(tree: MergedTree, dataOf: (layer: number, entry: number) => Promise<ByteString>) {
  const firstNames = new Map<number, ByteString>();
  const lines: unknown[] = [];
  for (const { slot, path } of [...tree.walk()].sort((a, b) => (walkKey(a.path) < walkKey(b.path) ? -1 : 1))) {
    const { type, mode, uid, gid, mtime, device, linkTarget, xattrs, layer, entry, inode } = tree.node(slot);
    if (!firstNames.has(inode)) firstNames.set(inode, path);
    const content = type === "file" ? await dataOf(layer, entry) : "";
    const first = type === "directory" ? path : firstNames.get(inode);
    const xs = attributesOf(xattrs);
    lines.push({ path, type, mode, uid, gid, mtime, device, linkTarget, xattrs: xs, content, first });
  }
  return lines;
}

function dumpFiles(files: MemoryFiles): unknown[] {
  const firstNames = new Map<unknown, ByteString>();
  return walkOrder(files).map((path) => {
    const file = files.get(path);
    if (file === undefined) throw new Error(path);
    if (!firstNames.has(file)) firstNames.set(file, path);
    const { type, mode, uid, gid, mtime, target, content } = file;
    const device = { major: file.device[0], minor: file.device[1] };
    const first = type === "directory" ? path : firstNames.get(file);
    const xs = attributesOf(file.xattrs);
    return { path, type, mode, uid, gid, mtime, device, linkTarget: target, xattrs: xs, content, first };
  });
}

function attributesOf(xattrs: ReadonlyMap<ByteString, Uint8Array>): unknown[] {
  return [...xattrs]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString("latin1")}`)
    .sort((a, b) => (a < b ? -1 : 1));
}

function walkKey(path: ByteString): string {
  return path.replaceAll("/", "\0");
}

describe("a changeset of two trees", () => {
  it("makes exactly the upper tree out of the lower, and is the same bytes each time", async () => {
    await fc.assert(
      fc.asyncProperty(treePair, async ({ lower, upper }) => {
        const tar = await changeset(lower, upper);
        expect(Buffer.compare(tar, await changeset(lower, upper))).toBe(0);
        const source = memorySource(tar);
        const index = indexOf(source);
        const below = listFiles(lower);
        const tree = mergeLayers([below.index, index], [noWhiteouts, ociWhiteouts]);
        const dataOf = async (layer: number, entry: number): Promise<ByteString> => {
          const { dataOffset, size } = index.columns;
          const data =
            layer === 0
              ? await below.open(entry)
              : entryContent(source, {
                  dataOffset: dataOffset[entry] as number,
                  storedSize: size[entry] as number,
                  size: size[entry] as number,
                });
          return Buffer.from(await readAll(data)).toString("latin1");
        };
        expect(await dumpMerged(tree, dataOf)).toEqual(dumpFiles(upper));
      }),
      { numRuns: RUNS },
    );
  });

  it("says nothing about what is the same", async () => {
    await fc.assert(
      fc.asyncProperty(treePair, async ({ lower }) => {
        const { index } = listFiles(lower);
        expect(await compareTrees(index, listFiles(lower).index, { isSameContent: () => true })).toEqual([]);
        expect(differenceOf(listFiles(lower), [], index).listed.index.count).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it("needs nothing below: out of nothing it makes all of the tree", async () => {
    await fc.assert(
      fc.asyncProperty(treePair, async ({ upper }) => {
        const nothing = new LayerIndexBuilder().finish();
        const listed = listFiles(upper);
        const changes = await compareTrees(nothing, listed.index, { isSameContent: () => false });
        expect(changes.map(({ kind, path }) => [kind, path])).toEqual(walkOrder(upper).map((path) => ["added", path]));
        expect(differenceOf(listed, changes, nothing).listed.index.text.equals(listed.index.text)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
