import { describe, expect, it } from "vitest";
import { noWhiteouts } from "../layer/index.ts";
import { dir, file, hardlink, indexOf, opaque, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import {
  type LayerChange,
  mergeLayers,
  NOT_DIRECTORY,
  NOT_FOUND,
  type ProvenanceTree,
  TOO_MANY_LINKS,
} from "./index.ts";

function merge(...layers: readonly (readonly TarStep[])[]): ProvenanceTree {
  return mergeLayers(layers.map((steps) => indexOf(tarScript(...steps))));
}

function paths(tree: ProvenanceTree): string[] {
  return [...tree.walk()].map(({ path }) => path).filter((path) => path !== "");
}

function told(tree: ProvenanceTree, changes: Iterable<LayerChange>): string[] {
  return [...changes].map((change) => {
    const how = [change.cause, ...change.metadata, ...(change.content === "same" ? [] : [`content ${change.content}`])];
    return `${change.layer} ${change.kind} /${tree.pathOf(change.slot)} (${how.join(", ")})`;
  });
}

function historyOf(tree: ProvenanceTree, path: string): string[] {
  return told(tree, tree.history(tree.everAt(path) ?? Number.NaN));
}

describe("mergeLayers", () => {
  it("hides what a deleted and re-made directory had (trap 79)", () => {
    expect(paths(merge([dir("a"), file("a/y")], [whiteout("a")], [dir("a")]))).toEqual(["a"]);
  });

  it("keeps what the same layer adds below a whited-out directory, in either order (trap 23)", () => {
    const base = [dir("a"), file("a/old")];
    expect(paths(merge(base, [whiteout("a"), dir("a"), file("a/new")]))).toEqual(["a", "a/new"]);
    expect(paths(merge(base, [dir("a"), file("a/new"), whiteout("a")]))).toEqual(["a", "a/new"]);
  });

  it("heeds markers behind a symlink together, in either order, also when one of them removes the symlink", () => {
    // Tools that go by the order of the tar keep `a` where the marker of the symlink stands first.
    const base = [symlink("c", ".."), dir("a"), file("b")];
    expect(paths(merge(base, [whiteout("c/a"), whiteout("c/c")]))).toEqual(["b"]);
    expect(paths(merge(base, [whiteout("c/c"), whiteout("c/a")]))).toEqual(["b"]);
    // A marker that names the symlink itself goes first: then there is no way for the other.
    expect(paths(merge(base, [whiteout("c/a"), whiteout("c")]))).toEqual(["a", "b"]);
    expect(paths(merge(base, [whiteout("c"), whiteout("c/a")]))).toEqual(["a", "b"]);
  });

  it("lets a directory over a directory keep the children and take the attributes", () => {
    const tree = merge([dir("a", { mode: 0o700 }), file("a/x")], [dir("a", { mode: 0o755 })]);
    expect(paths(tree)).toEqual(["a", "a/x"]);
    expect(tree.node(tree.find("a", { followLast: true })).mode).toBe(0o755);
  });

  it("makes no directory on the way that the way leaves again, as umoci and containerd resolve it", () => {
    expect(paths(merge([symlink("a", "b/../c"), file("a/f")]))).toEqual(["a", "c", "c/f"]);
    expect(paths(merge([symlink("a", "b/x/../../c/d/.."), file("a/f")]))).toEqual(["a", "c", "c/f"]);
    expect(paths(merge([dir("b"), symlink("a", "b/x/../y"), file("a/f")]))).toEqual(["a", "b", "b/y", "b/y/f"]);
  });

  it("counts the names of a file, also across layers", () => {
    const tree = merge([file("a", "1"), hardlink("b", "a")], [hardlink("c", "b")], [whiteout("a")]);
    const nodes = ["b", "c"].map((path) => tree.node(tree.find(path, { followLast: true })));
    expect(nodes.map(({ nlink }) => nlink)).toEqual([2, 2]);
    expect(nodes[0]?.inode).toBe(nodes[1]?.inode);
    expect(tree.find("a", { followLast: true })).toBe(NOT_FOUND);
  });

  it("tells why a path does not resolve", () => {
    const tree = merge([file("f"), symlink("loop", "loop"), symlink("up", "../../f")]);
    const find = (path: string): number => tree.find(path, { followLast: true });
    expect(find("missing/x")).toBe(NOT_FOUND);
    expect(find("f/x")).toBe(NOT_DIRECTORY);
    expect(find("f/")).toBe(NOT_DIRECTORY);
    expect(find("loop")).toBe(TOO_MANY_LINKS);
    expect(tree.pathOf(find("/up"))).toBe("f");
    expect(tree.pathOf(tree.find("loop", { followLast: false }))).toBe("loop");
  });

  it("names the layer, the entry and the offset of what it cannot apply", () => {
    expect(() => merge([file("ok")], [file("fine"), hardlink("bad", "nowhere")])).toThrow(
      expect.objectContaining({
        code: "hardlink-target-missing",
        kind: "malformed",
        details: expect.objectContaining({ layer: 1, entry: "bad", offset: 512 }),
      }),
    );
  });

  it("takes names for what they are in a layer that is no changeset", () => {
    const layer = indexOf(tarScript(file("keep"), file(".wh.keep"), dir("d"), file("d/.wh..wh..opq")));
    const tree = mergeLayers([layer], [noWhiteouts]);
    expect(paths(tree)).toEqual([".wh.keep", "d", "d/.wh..wh..opq", "keep"]);
  });

  it("survives a tree of ten thousand levels and its removal", () => {
    const deep = Array.from({ length: 10_000 }, () => "d").join("/");
    const tree = merge([file(`${deep}/f`)], [whiteout("d")]);
    expect(paths(tree)).toEqual([]);
  });
});

describe("ProvenanceTree.changes", () => {
  it("tells what each layer added, modified and deleted", () => {
    const tree = merge(
      [dir("etc"), file("etc/motd", "hello"), file("etc/passwd", "root"), file("tmp")],
      [
        dir("etc"),
        file("etc/motd", "HELLO"),
        file("etc/passwd", "root", { mode: 0o600 }),
        file("etc/new"),
        whiteout("tmp"),
      ],
    );
    expect(told(tree, tree.changes(1))).toEqual([
      "1 delete /tmp (whiteout)",
      "1 modify /etc/motd (entry, content unknown)",
      "1 modify /etc/passwd (entry, mode, content unknown)",
      "1 add /etc/new (entry)",
    ]);
  });

  it("counts a path once that a layer removes and adds again", () => {
    const tree = merge([dir("d"), file("d/a", "1"), file("d/b")], [opaque("d"), file("d/a", "22")]);
    expect(told(tree, tree.changes(1))).toEqual(["1 modify /d/a (entry, content changed)", "1 delete /d/b (opaque)"]);
  });

  it("says that a file went away with its directory, or because something else took its place", () => {
    const tree = merge([dir("d"), file("d/x"), dir("e"), file("e/y")], [whiteout("d"), file("e", "now a file")]);
    expect(told(tree, tree.changes(1))).toEqual([
      "1 delete /d/x (ancestor)",
      "1 delete /d (whiteout)",
      "1 delete /e/y (ancestor)",
      "1 modify /e (entry, type)",
    ]);
  });
});

describe("ProvenanceTree.history", () => {
  it("keeps the story of a path that is gone", () => {
    const tree = merge([file("motd", "1")], [file("motd", "22")], [dir("other")], [whiteout("motd")]);
    expect(historyOf(tree, "motd")).toEqual([
      "0 add /motd (entry)",
      "1 modify /motd (entry, content changed)",
      "3 delete /motd (whiteout)",
    ]);
  });

  it("shows a file that comes back as added again", () => {
    const tree = merge([file("a")], [whiteout("a")], [file("a")]);
    expect(historyOf(tree, "a")).toEqual(["0 add /a (entry)", "1 delete /a (whiteout)", "2 add /a (entry)"]);
  });
});
