import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, symlink, whiteout } from "../tar-script.ts";
import { REFUSES } from "./reasons.ts";

const LINK = "image-spec layer.md#hardlinks, link(2)";

/** One file with several names, within a layer and across layers. */
export const hardlinks: readonly ConformanceCase[] = [
  {
    name: "hardlink-within-a-layer",
    layers: [[file("a", "1"), dir("d"), hardlink("d/b", "a")]],
    expected: { tree: [file("a", "1"), dir("d"), hardlink("d/b", "a")] },
    because: "The target of a hardlink counts from the root of the archive, not from the link.",
    spec: LINK,
  },
  {
    name: "hardlink-to-a-hardlink",
    layers: [[file("a", "1"), hardlink("b", "a"), hardlink("c", "b")]],
    expected: { tree: [file("a", "1"), hardlink("b", "a"), hardlink("c", "a")] },
    because: "All three are names of one file.",
    spec: LINK,
  },
  {
    name: "hardlink-to-a-lower-layer",
    layers: [[file("a", "1", { mode: 0o640, uid: 3 })], [hardlink("b", "a", { mode: 0o640, uid: 3 })]],
    expected: { tree: [file("a", "1", { mode: 0o640, uid: 3 }), hardlink("b", "a")] },
    because: "Applied one after the other the layers share a tree, so the target is there.",
    spec: LINK,
    variants: [
      {
        tree: [file("a", "1", { mode: 0o640, uid: 3 }), file("b", "1", { mode: 0o640, uid: 3 })],
        because: "Copies the file up, because an overlay cannot link to a lower layer",
      },
      REFUSES("Unpacks each layer for itself and does not find the target"),
    ],
  },
  {
    name: "hardlink-to-a-lower-file-that-a-later-layer-deletes",
    layers: [[file("a", "1")], [hardlink("b", "a")], [whiteout("a")]],
    expected: { tree: [file("b", "1")] },
    because: "The file lives on under its other name.",
    spec: LINK,
    variants: [REFUSES("Unpacks each layer for itself and does not find the target")],
  },
  {
    name: "hardlink-to-a-file-that-the-same-layer-deletes-afterwards",
    layers: [[file("a", "1")], [hardlink("b", "a"), whiteout("a")]],
    expected: { tree: [file("b", "1")] },
    because: "A rename without copying: the link is made to the lower file, whose old name then goes.",
    spec: LINK,
    variants: [REFUSES("Unpacks each layer for itself and does not find the target")],
  },
  {
    name: "hardlink-to-a-file-that-the-same-layer-deletes-before",
    layers: [[file("a", "1")], [whiteout("a"), hardlink("b", "a")]],
    expected: { tree: [file("b", "1")] },
    because: "The order of a marker among the entries must not matter.",
    spec: LINK,
    variants: [REFUSES("Applies entries in order and finds the target gone: an archive that few tools would write")],
  },
  {
    name: "hardlink-target-replaced-in-a-later-layer",
    layers: [[file("a", "1"), hardlink("b", "a")], [file("a", "2")]],
    expected: { tree: [file("a", "2"), file("b", "1")] },
    because: "The entry replaces the name `a`, it does not write into the file that `b` still names.",
    spec: "image-spec layer.md#changeset-over-existing-files",
  },
  {
    name: "hardlink-pair-replaced-as-a-pair",
    layers: [
      [file("a", "1"), hardlink("b", "a")],
      [file("a", "2"), hardlink("b", "a")],
    ],
    expected: { tree: [file("a", "2"), hardlink("b", "a")] },
    because: "Both names leave the old file for the new one.",
    spec: LINK,
  },
  {
    name: "hardlink-mode-of-one-name-changed-in-a-later-layer",
    layers: [[file("a", "1"), hardlink("b", "a")], [file("a", "1", { mode: 0o600 })]],
    expected: { tree: [file("a", "1", { mode: 0o600 }), file("b", "1")] },
    because: "An entry for a regular file is a new file, whatever its content.",
    spec: "image-spec layer.md#changeset-over-existing-files",
  },
  {
    name: "hardlink-has-the-metadata-of-its-target",
    layers: [[file("a", "1", { mode: 0o640, uid: 1, gid: 1 }), hardlink("b", "a", { mode: 0o777, uid: 2, gid: 2 })]],
    expected: { tree: [file("a", "1", { mode: 0o640, uid: 1, gid: 1 }), hardlink("b", "a")] },
    because: "One file has one owner and one mode; the header of a link often holds nothing.",
    spec: LINK,
    variants: [
      {
        tree: [file("a", "1", { mode: 0o777, uid: 2, gid: 2 }), hardlink("b", "a")],
        because: "Applies the header of the link to the file, as GNU tar does",
      },
    ],
  },
  {
    name: "hardlink-over-a-directory",
    layers: [
      [dir("d"), file("d/x", "1"), file("f", "2")],
      [file("f", "3"), hardlink("d", "f")],
    ],
    expected: { tree: [file("f", "3"), hardlink("d", "f")] },
    because: "Whatever replaces a directory removes its children.",
    spec: "image-spec layer.md#changeset-over-existing-files",
  },
  {
    name: "hardlink-to-a-symlink-links-the-symlink",
    layers: [[file("t", "1"), symlink("l", "t"), hardlink("k", "l")]],
    expected: { tree: [file("t", "1"), symlink("l", "t"), hardlink("k", "l")] },
    because: "link(2) does not follow the last part of the target.",
    spec: LINK,
  },
  {
    name: "hardlink-to-a-symlink-before-its-target-is-there",
    layers: [[dir("etc"), symlink("l", "/etc/p"), hardlink("k", "l"), file("etc/p", "1")]],
    expected: { tree: [dir("etc"), file("etc/p", "1"), symlink("l", "/etc/p"), hardlink("k", "l")] },
    because: "The symlink itself is linked, so what it points to need not exist.",
    spec: LINK,
  },
  {
    name: "hardlink-through-a-symlinked-directory",
    layers: [[dir("t"), file("t/x", "1"), symlink("l", "t"), hardlink("b", "l/x")]],
    expected: { tree: [hardlink("b", "t/x"), symlink("l", "t"), dir("t"), file("t/x", "1")] },
    because: "The parents of a target are followed, inside the root.",
    spec: LINK,
  },
  {
    name: "hardlink-to-itself",
    layers: [[file("a", "1"), hardlink("a", "a")]],
    expected: { tree: [file("a", "1")] },
    because: "link(2) onto the same file changes nothing.",
    spec: LINK,
    variants: [REFUSES("Removes the name first and then misses the target")],
  },
  {
    name: "hardlink-to-nothing",
    layers: [[file("a", "1")], [hardlink("b", "missing")]],
    expected: { refusal: { code: "hardlink-target-missing", kind: "malformed" } },
    because: "There is no content for the name: to leave it out silently would change the image.",
    spec: LINK,
  },
  {
    name: "hardlink-to-what-comes-later",
    layers: [[hardlink("b", "a"), file("a", "1")]],
    expected: { refusal: { code: "hardlink-target-missing", kind: "malformed" } },
    because: "Archives name a file before its links.",
    spec: LINK,
  },
  {
    name: "hardlink-to-a-directory",
    layers: [[dir("d"), hardlink("b", "d")]],
    expected: { refusal: { code: "hardlink-to-directory", kind: "malformed" } },
    because: "Linux has no hardlinks to directories.",
    spec: LINK,
  },
];
