import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, opaque, symlink, whiteout } from "../tar-script.ts";
import { OWN_DIRECTORIES } from "./reasons.ts";

const OPAQUE = "image-spec layer.md#opaque-whiteout";

/** The base layer of the specification's example. */
const SPECIFIED = [dir("a"), dir("a/b"), dir("a/b/c"), file("a/b/c/bar", "1")];

/** `.wh..wh..opq`: everything that lower layers have in a directory. */
export const opaques: readonly ConformanceCase[] = [
  {
    name: "opaque-as-in-the-specification",
    layers: [SPECIFIED, [dir("a"), opaque("a"), dir("a/b"), dir("a/b/c"), file("a/b/c/foo", "2")]],
    expected: { tree: [dir("a"), dir("a/b"), dir("a/b/c"), file("a/b/c/foo", "2")] },
    because: "The specification's own example, with the marker first.",
    spec: "image-spec layer.md#whiteouts",
  },
  {
    name: "opaque-as-in-the-specification-at-the-end",
    layers: [SPECIFIED, [dir("a"), dir("a/b"), dir("a/b/c"), file("a/b/c/foo", "2"), opaque("a")]],
    expected: { tree: [dir("a"), dir("a/b"), dir("a/b/c"), file("a/b/c/foo", "2")] },
    because: "The specification's own example, with the marker last: `is applied first, regardless of the ordering`.",
    spec: "image-spec layer.md#whiteouts",
  },
  {
    name: "opaque-before-its-siblings",
    layers: [
      [dir("d"), file("d/x", "1"), file("d/y", "1")],
      [dir("d"), opaque("d"), file("d/z", "2")],
    ],
    expected: { tree: [dir("d"), file("d/z", "2")] },
    because: "All lower children are hidden, the layer's own stay.",
    spec: OPAQUE,
  },
  {
    name: "opaque-after-its-siblings",
    layers: [
      [dir("d"), file("d/x", "1"), file("d/y", "1")],
      [dir("d"), file("d/z", "2"), opaque("d")],
    ],
    expected: { tree: [dir("d"), file("d/z", "2")] },
    because: "The place of the marker in the archive does not matter.",
    spec: OPAQUE,
  },
  {
    name: "opaque-between-its-siblings",
    layers: [
      [dir("d"), file("d/x", "1"), file("d/y", "1")],
      [dir("d"), file("d/a", "2"), opaque("d"), file("d/x", "2")],
    ],
    expected: { tree: [dir("d"), file("d/a", "2"), file("d/x", "2")] },
    because: "The place of the marker in the archive does not matter.",
    spec: OPAQUE,
  },
  {
    name: "opaque-before-the-entry-of-its-directory",
    layers: [
      [dir("d"), file("d/x", "1")],
      [opaque("d"), dir("d", { mode: 0o700 }), file("d/z", "2")],
    ],
    expected: { tree: [dir("d", { mode: 0o700 }), file("d/z", "2")] },
    because: "The directory's own entry may follow the marker.",
    spec: OPAQUE,
  },
  {
    name: "opaque-without-the-entry-of-its-directory",
    layers: [[dir("d", { mode: 0o700, uid: 7 }), file("d/x", "1")], [opaque("d")]],
    expected: { tree: [dir("d", { mode: 0o700, uid: 7 })] },
    because: "The marker hides the children; the directory stays as it was.",
    spec: OPAQUE,
    variants: [OWN_DIRECTORIES(dir("d"))],
  },
  {
    name: "opaque-hides-at-every-depth",
    layers: [
      [dir("d"), dir("d/s"), dir("d/s/t"), file("d/s/t/x", "1")],
      [dir("d"), opaque("d"), dir("d/s"), file("d/s/y", "2")],
    ],
    expected: { tree: [dir("d"), dir("d/s"), file("d/s/y", "2")] },
    because: "A lower subdirectory is a hidden child; the layer's own of that name is a new, empty one.",
    spec: OPAQUE,
  },
  {
    name: "opaque-after-nested-siblings",
    layers: [
      [dir("d"), dir("d/s"), file("d/s/x", "1"), file("d/t", "1")],
      [dir("d"), dir("d/s"), file("d/s/y", "2"), opaque("d")],
    ],
    expected: { tree: [dir("d"), dir("d/s"), file("d/s/y", "2")] },
    because: "The same as with the marker first: lower files go at every depth, own files stay.",
    spec: OPAQUE,
  },
  {
    name: "opaque-in-a-subdirectory-leaves-the-rest-alone",
    layers: [
      [dir("d"), file("d/x", "1"), dir("d/s"), file("d/s/y", "1"), dir("ds"), file("ds/z", "1")],
      [dir("d"), dir("d/s"), opaque("d/s")],
    ],
    expected: { tree: [dir("d"), dir("d/s"), file("d/x", "1"), dir("ds"), file("ds/z", "1")] },
    because: "The marker speaks of its own directory only.",
    spec: OPAQUE,
  },
  {
    name: "opaque-on-the-root",
    layers: [
      [dir("d"), file("d/x", "1"), file("a", "1")],
      [opaque(""), file("b", "2")],
    ],
    expected: { tree: [file("b", "2")] },
    because: "The root is a directory as any other: everything below is hidden.",
    spec: OPAQUE,
  },
  {
    name: "opaque-on-the-root-at-the-end",
    layers: [
      [dir("d"), file("d/x", "1"), file("a", "1")],
      [dir("d"), file("d/y", "2"), opaque("")],
    ],
    expected: { tree: [dir("d"), file("d/y", "2")] },
    because: "Also at the root the place of the marker does not matter.",
    spec: OPAQUE,
  },
  {
    name: "opaque-with-redundant-whiteouts",
    layers: [
      [dir("d"), file("d/x", "1"), file("d/y", "1")],
      [dir("d"), opaque("d"), whiteout("d/x"), file("d/z", "2"), whiteout("d/y")],
    ],
    expected: { tree: [dir("d"), file("d/z", "2")] },
    because: "Both kinds of marker may stand in one directory; removing twice is no error.",
    spec: OPAQUE,
  },
  {
    name: "opaque-in-a-directory-that-nobody-had",
    layers: [[file("a", "1")], [dir("d"), opaque("d"), file("d/x", "2")]],
    expected: { tree: [file("a", "1"), dir("d"), file("d/x", "2")] },
    because: "Tools mark every directory that they made anew; with nothing below it means nothing.",
    spec: OPAQUE,
  },
  {
    name: "opaque-in-a-directory-that-replaces-a-file",
    layers: [[file("d", "1")], [dir("d"), opaque("d"), file("d/x", "2")]],
    expected: { tree: [dir("d"), file("d/x", "2")] },
    because: "The file gives way to the directory, and there are no children to hide.",
    spec: OPAQUE,
  },
  {
    name: "opaque-does-not-reach-later-layers",
    layers: [
      [dir("d"), file("d/x", "1")],
      [dir("d"), opaque("d"), file("d/y", "2")],
      [dir("d"), file("d/z", "3")],
    ],
    expected: { tree: [dir("d"), file("d/y", "2"), file("d/z", "3")] },
    because: "A marker concerns lower layers only.",
    spec: OPAQUE,
  },
  {
    name: "opaque-in-a-middle-layer-hides-all-below-it",
    layers: [
      [dir("d"), file("d/x", "1")],
      [dir("d"), file("d/y", "2")],
      [dir("d"), opaque("d")],
      [dir("d"), file("d/z", "4")],
    ],
    expected: { tree: [dir("d"), file("d/z", "4")] },
    because: "Lower layers means all of them, not only the next.",
    spec: OPAQUE,
  },
  {
    name: "opaque-twice-in-one-layer",
    layers: [
      [dir("d"), file("d/x", "1")],
      [dir("d"), opaque("d"), file("d/y", "2"), opaque("d")],
    ],
    expected: { tree: [dir("d"), file("d/y", "2")] },
    because: "The second marker hides lower files only, as the first.",
    spec: OPAQUE,
  },
  {
    name: "opaque-and-whiteouts-give-the-same-view",
    layers: [
      [dir("d"), file("d/x", "1"), file("d/y", "1"), dir("e"), file("e/x", "1"), file("e/y", "1")],
      [dir("d"), opaque("d"), dir("e"), whiteout("e/x"), whiteout("e/y")],
    ],
    expected: { tree: [dir("d"), dir("e")] },
    because: "An opaque marker is short for whiteouts of all lower children.",
    spec: OPAQUE,
  },
  {
    name: "opaque-does-not-follow-a-symlink-inside-its-directory",
    layers: [
      [dir("t"), file("t/x", "1"), dir("d"), symlink("d/l", "../t")],
      [dir("d"), opaque("d")],
    ],
    expected: { tree: [dir("d"), dir("t"), file("t/x", "1")] },
    because: "The symlink is hidden; what it points to is elsewhere and stays.",
    spec: OPAQUE,
  },
  {
    name: "opaque-that-is-a-directory",
    layers: [
      [dir("d"), file("d/x", "1")],
      [dir("d"), dir("d/.wh..wh..opq"), file("d/y", "2")],
    ],
    expected: { tree: [dir("d"), file("d/y", "2")] },
    because: "The specification tells markers by their name, not by their type.",
    spec: OPAQUE,
  },
];
