import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tameLayers, wildLayers } from "../../test/property/random-layers.ts";
import {
  assertConsistent,
  editContext,
  filesOf,
  imageOfSteps,
  loaderOf,
  tarsOf,
} from "../../test/support/placed-image.ts";
import { StrataError } from "../base/index.ts";
import type { PlacedImage } from "../image/index.ts";
import {
  dir,
  file,
  hardlink,
  indexOf,
  symlink,
  type TarStep,
  type TreeFile,
  tarScript,
  treeText,
  whiteout,
} from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { otherNames } from "./other-names.ts";
import { removePath } from "./remove-path.ts";

type Layers = readonly (readonly TarStep[])[];

const remove = async (image: PlacedImage, path: string): Promise<PlacedImage> =>
  await removePath(image, loaderOf(image), path, editContext());

/** Where a path leads after some layer: its last name is not followed. */
async function placesOf(image: PlacedImage, path: string): Promise<Set<string>> {
  const places = new Set([path]);
  const indexes = (await tarsOf(image)).map(indexOf);
  for (let count = 1; count <= indexes.length; count++) {
    const tree = mergeLayers(indexes.slice(0, count));
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? tree.root : tree.find(path.slice(0, slash), { followLast: true });
    if (parent < 0 || !tree.isDirectory(parent)) continue;
    const above = tree.pathOf(parent);
    places.add(`${above === "" ? "" : `${above}/`}${path.slice(slash + 1)}`);
  }
  return places;
}

function without(files: readonly TreeFile[], places: ReadonlySet<string>): TreeFile[] {
  const isGone = (path: string): boolean => [...places].some((place) => path === place || path.startsWith(`${place}/`));
  const kept = files.filter(({ path }) => !isGone(path));
  const names = new Map<number, number>();
  for (const { node } of kept) names.set(node.inode, (names.get(node.inode) ?? 0) + 1);
  // How many names a file has is told by those that are left.
  return kept.map((placed) => {
    const { node } = placed;
    return { ...placed, node: { ...nodeFacts(node), nlink: names.get(node.inode) ?? 1 } };
  });
}

function nodeFacts({ type, mode, uid, gid, size, mtime, device, linkTarget, xattrs, inode, nlink }: TreeFile["node"]) {
  return { type, mode, uid, gid, size, mtime, device, linkTarget, xattrs, inode, nlink };
}

describe("removing a path from an image", () => {
  it("leaves all else after every layer as it was, for all images that can be read", async () => {
    const layersAndPath = fc.tuple(
      fc.oneof(wildLayers, tameLayers({ parents: true, linksToLower: true, markersFirst: false })),
      fc.constantFrom("a", "b", "a/b", "b/a", "c/a/b", "a/c"),
    );
    await fc.assert(
      fc.asyncProperty(layersAndPath, async ([layers, path]) => {
        const image = imageOfSteps(layers);
        try {
          await filesOf(image);
        } catch (error) {
          expect(error).toBeInstanceOf(StrataError);
          return;
        }
        let removed: PlacedImage;
        try {
          removed = await remove(image, path);
        } catch (error) {
          expect(error).toMatchObject({ code: "path-not-found" });
          const places = await placesOf(image, path);
          for (let count = 0; count <= image.layers.length; count++) {
            for (const place of places) expect((await filesOf(image, count)).map((f) => f.path)).not.toContain(place);
          }
          return;
        }
        const places = await placesOf(image, path);
        let kept = 0;
        let step = 0;
        for (let count = 1; count <= image.layers.length; count++) {
          // A step without a layer is one whose layer was dropped.
          const history = removed.config.value.history ?? [];
          if (history[step++]?.empty_layer !== true) kept++;
          const expected = treeText(without(await filesOf(image, count), places), { withoutRoot: true });
          expect(treeText(without(await filesOf(removed, kept), places), { withoutRoot: true })).toBe(expected);
          expect(treeText(await filesOf(removed, kept), { withoutRoot: true })).toBe(expected);
        }
        await assertConsistent(removed);
      }),
      { numRuns: 100 },
    );
  });

  it("leaves its bytes in no blob, wherever layers had hidden, linked to or deleted it", async () => {
    const secret = "-----BEGIN SECRET-----";
    const image = imageOfSteps(
      [
        [dir("etc"), file("etc/key", secret), file("etc/motd", "hello")],
        [dir("etc"), file("etc/key", `${secret}2`), hardlink("etc/key2", "etc/key"), whiteout("etc/key2")],
        [whiteout("etc/key")],
        [dir("etc/key"), file("etc/key/below", `${secret}3`)],
        [symlink("lib", "/etc"), file("lib/key", `${secret}4`)],
        [whiteout("lib/key")],
        [file(".wh..wh.plnk/1", `${secret}5`), hardlink("etc/key", ".wh..wh.plnk/1")],
      ],
      { gzip: true },
    );
    const removed = await removePath(image, loaderOf(image), "etc/key", editContext({ compression: "gzip" }));
    await assertConsistent(removed);
    // What links to the file keeps it: that is another path.
    for (const [i, tar] of (await tarsOf(removed)).entries()) {
      expect(Buffer.from(tar).includes(secret)).toBe(i === 1);
      expect(Buffer.from(tar).includes("etc/key\0")).toBe(false);
      expect(Buffer.from(tar).includes(".wh.key\0")).toBe(false);
    }
    const again = await removePath(removed, loaderOf(removed), "etc/key2", editContext());
    for (const tar of await tarsOf(again)) expect(Buffer.from(tar).includes(secret)).toBe(false);
    expect((await filesOf(again)).map(({ path }) => path)).toEqual(["", "etc", "etc/motd", "lib"]);
  });

  it("keeps the bytes and the order of everything else, and layers that have nothing of it whole", async () => {
    const [before, after] = [
      [dir("z"), file("z/first", "1", { xattrs: { "user.k": "v" } })],
      [file("a", "2".repeat(1000), { mtime: { seconds: 5, nanoseconds: 6 } }), symlink("link", "a")],
    ];
    const image = imageOfSteps([[...before, file("z/gone", "x".repeat(700)), ...after], [file("other")]]);
    const removed = await remove(image, "z/gone");
    const [tar = new Uint8Array()] = await tarsOf(removed);
    expect(Buffer.compare(tar, tarScript(...before, ...after))).toBe(0);
    expect(removed.layers[1]).toBe(image.layers[1]);
  });

  it("gives a hardlink of the same layer, or of a layer above, the file itself, and links others to that", async () => {
    const attributes = { mode: 0o4711, uid: 7, xattrs: { "user.k": "v" } };
    const image = imageOfSteps([
      [file("gone", "data", attributes), hardlink("first", "gone"), hardlink("second", "gone")],
      [hardlink("third", "gone")],
      [file("gone", "other"), hardlink("fourth", "gone")],
    ]);
    const removed = await remove(image, "gone");
    expect((await tarsOf(removed)).map((tar) => entriesOf(tar))).toEqual([
      ["file first", "hardlink second -> first"],
      ["hardlink third -> first"],
      ["file fourth"],
    ]);
    expect(treeText(await filesOf(removed))).toBe(treeText(without(await filesOf(image), new Set(["gone"]))));
  });

  it("keeps directories that were there only because of it", async () => {
    const removed = await remove(imageOfSteps([[file("a/b/gone", "x"), file("other")]]), "a/b/gone");
    expect((await tarsOf(removed)).map(entriesOf)).toEqual([["directory a/", "directory a/b/", "file other"]]);
  });

  it("writes anew a layer that came through a symlink and has links to files of lower layers", async () => {
    const layers: Layers = [
      [file("a", "data"), hardlink("b", "a"), dir("d"), symlink("link", "d")],
      [hardlink("c", "a"), file("link/new", "x")],
    ];
    const removed = await remove(imageOfSteps(layers), "link");
    expect((await tarsOf(removed)).map(entriesOf)[1]).toEqual([
      "file a",
      "hardlink b -> a",
      "hardlink c -> a",
      "directory d/",
      "file d/new",
    ]);
    expect(treeText(await filesOf(removed))).toBe(
      treeText(without(await filesOf(imageOfSteps(layers)), new Set(["link"]))),
    );
  });

  it("finds entries that lead there through a symlink of a lower layer, and writes anew what came through one that goes", async () => {
    const layers: Layers = [
      [dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib")],
      [file("lib/gone"), file("lib/kept", "1")],
    ];
    const removed = await remove(imageOfSteps(layers), "usr/lib/gone");
    expect(entriesOf((await tarsOf(removed))[1] as Uint8Array)).toEqual(["file lib/kept"]);
    const linkless = await remove(imageOfSteps(layers), "lib");
    expect((await tarsOf(linkless)).map(entriesOf)).toEqual([
      ["directory usr/", "directory usr/lib/"],
      ["directory usr/", "directory usr/lib/", "file usr/lib/gone", "file usr/lib/kept"],
    ]);
  });

  it("drops a layer of which nothing is left, and its step says so", async () => {
    const image = imageOfSteps([[file("a")], [file("gone")], [file("b")]]);
    const removed = await remove(image, "/gone");
    expect(removed.layers).toEqual([image.layers[0], image.layers[2]]);
    expect(removed.config.value.history?.map((step) => step.empty_layer)).toEqual([undefined, true, undefined]);
    await assertConsistent(removed);
  });

  it("refuses what is not there, the root, and images whose layers are not all here", async () => {
    const image = imageOfSteps([[file("a")]]);
    await expect(remove(image, "b")).rejects.toMatchObject({ code: "path-not-found", kind: "not-found" });
    await expect(remove(image, "a/..")).rejects.toMatchObject({ code: "root-not-removable" });
  });
});

function entriesOf(tar: Uint8Array): string[] {
  const index = indexOf(tar);
  return Array.from({ length: index.count }, (_, i) => {
    const link = index.linkName(i);
    return `${index.type(i)} ${index.name(i)}${link === "" ? "" : ` -> ${link}`}`;
  });
}

describe("other names of what is removed", () => {
  it("are told, of all layers, also where they are gone again", async () => {
    const image = imageOfSteps([
      [dir("a"), file("a/key", "secret"), hardlink("copy", "a/key"), file("else", "x")],
      [hardlink("late", "copy")],
      [whiteout("late"), file("copy", "new")],
    ]);
    expect(await otherNames(loaderOf(image), "a/key")).toEqual(["copy", "late"]);
    expect(await otherNames(loaderOf(image), "/a")).toEqual(["copy", "late"]);
    expect(await otherNames(loaderOf(image), "else")).toEqual([]);
  });
});
