import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, opaque, symlink, whiteout } from "../tar-script.ts";
import { OWN_DIRECTORY_OVER_SYMLINK, REFUSES } from "./reasons.ts";

const WALK = "path_resolution(7) inside the root; image-spec leaves it open";
const MERGED_USR = [dir("usr"), dir("usr/lib"), file("usr/lib/a", "1"), symlink("lib", "usr/lib")];

/** Entries whose parent directory is a symlink: they lead where the symlink leads, inside the root. */
export const symlinkedParents: readonly ConformanceCase[] = [
  {
    name: "file-through-a-lower-symlink",
    layers: [MERGED_USR, [file("lib/b", "2")]],
    expected: { tree: [...MERGED_USR, file("usr/lib/b", "2")] },
    because: "Layers are made on a running system, where `lib/b` is `usr/lib/b`.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("lib"), file("lib/b", "2"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1")),
    ],
  },
  {
    name: "file-through-an-absolute-lower-symlink",
    layers: [[dir("usr"), dir("usr/lib"), symlink("lib", "/usr/lib")], [file("lib/b", "2")]],
    expected: { tree: [dir("usr"), dir("usr/lib"), file("usr/lib/b", "2"), symlink("lib", "/usr/lib")] },
    because: "An absolute target starts at the root of the image, never at that of the machine.",
    spec: WALK,
    variants: [OWN_DIRECTORY_OVER_SYMLINK(dir("lib"), file("lib/b", "2"), dir("usr"), dir("usr/lib"))],
  },
  {
    name: "directory-through-a-lower-symlink",
    layers: [MERGED_USR, [dir("lib/sub", { mode: 0o700 }), file("lib/sub/x", "2")]],
    expected: { tree: [...MERGED_USR, dir("usr/lib/sub", { mode: 0o700 }), file("usr/lib/sub/x", "2")] },
    because: "Only an entry for the symlink itself would replace it.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(
        dir("lib"),
        dir("lib/sub", { mode: 0o700 }),
        file("lib/sub/x", "2"),
        dir("usr"),
        dir("usr/lib"),
        file("usr/lib/a", "1"),
      ),
    ],
  },
  {
    name: "implied-directories-through-a-lower-symlink",
    layers: [MERGED_USR, [file("lib/p/q/x", "2")]],
    expected: { tree: [...MERGED_USR, file("usr/lib/p/q/x", "2")] },
    because: "Missing parents are made where the symlink leads.",
    spec: WALK,
    variants: [OWN_DIRECTORY_OVER_SYMLINK(file("lib/p/q/x", "2"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1"))],
  },
  {
    name: "whiteout-through-a-lower-symlink",
    layers: [MERGED_USR, [whiteout("lib/a")]],
    expected: { tree: [dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib")] },
    because: "What `lib/a` names is `usr/lib/a`; containerd's own suite asks for this.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("lib"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1")),
      { tree: MERGED_USR, because: "Takes the path of a marker literally: there is no directory `lib`" },
    ],
  },
  {
    name: "opaque-through-a-lower-symlink",
    layers: [MERGED_USR, [opaque("lib"), file("lib/b", "2")]],
    expected: { tree: [dir("usr"), dir("usr/lib"), file("usr/lib/b", "2"), symlink("lib", "usr/lib")] },
    because: "The directory that holds the marker is the one the symlink leads to.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("lib"), file("lib/b", "2"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1")),
    ],
  },
  {
    name: "whiteout-through-a-symlink-spares-what-its-layer-adds",
    layers: [MERGED_USR, [file("lib/a", "2"), whiteout("lib/a"), file("usr/lib/b", "2"), whiteout("lib/b")]],
    expected: {
      tree: [dir("usr"), dir("usr/lib"), file("usr/lib/a", "2"), file("usr/lib/b", "2"), symlink("lib", "usr/lib")],
    },
    because: "A marker concerns lower layers only, also when it reaches them through a symlink.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(
        dir("lib"),
        file("lib/a", "2"),
        dir("usr"),
        dir("usr/lib"),
        file("usr/lib/a", "1"),
        file("usr/lib/b", "2"),
      ),
    ],
  },
  {
    name: "whiteout-through-a-symlink-that-goes-too",
    layers: [MERGED_USR, [whiteout("lib"), whiteout("lib/a")]],
    expected: { tree: [dir("usr"), dir("usr/lib"), file("usr/lib/a", "1")] },
    because: "With the symlink gone there is no `lib` that the second marker could mean.",
    spec: WALK,
    variants: [OWN_DIRECTORY_OVER_SYMLINK(dir("lib"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1"))],
  },
  {
    name: "whiteout-through-a-dangling-symlink",
    layers: [[dir("etc"), file("etc/p", "1"), symlink("l", "/missing")], [whiteout("l/etc")]],
    expected: { tree: [dir("etc"), file("etc/p", "1"), symlink("l", "/missing")] },
    because: "The marker's directory does not exist, so there is nothing to remove.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("etc"), file("etc/p", "1"), dir("l")),
      {
        tree: [dir("etc"), file("etc/p", "1"), symlink("l", "/missing"), dir("missing")],
        because: "Makes the marker's parents",
      },
    ],
  },
  {
    name: "symlink-of-the-same-layer",
    layers: [[dir("t"), symlink("l", "t"), file("l/x", "1")]],
    expected: { tree: [symlink("l", "t"), dir("t"), file("t/x", "1")] },
    because: "Entries are applied in order: when `l/x` comes, `l` is a symlink.",
    spec: WALK,
  },
  {
    name: "symlink-after-the-files-below-its-name",
    layers: [[dir("t"), file("l/x", "1"), symlink("l", "t")]],
    expected: { tree: [symlink("l", "t"), dir("t")] },
    because: "Entries are applied in order: the symlink replaces the directory with its file.",
    spec: "image-spec layer.md#changeset-over-existing-files",
    variants: [REFUSES("Does not remove a directory that is not empty")],
  },
  {
    name: "symlink-chain-over-layers",
    layers: [
      [symlink("a", "b")],
      [symlink("b", "/c/d")],
      [dir("c"), symlink("c/d", "../e")],
      [dir("e")],
      [file("a/x", "5")],
    ],
    expected: {
      tree: [symlink("a", "b"), symlink("b", "/c/d"), dir("c"), symlink("c/d", "../e"), dir("e"), file("e/x", "5")],
    },
    because: "Each part of a chain may come from another layer.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(
        dir("a"),
        file("a/x", "5"),
        symlink("b", "/c/d"),
        dir("c"),
        symlink("c/d", "../e"),
        dir("e"),
      ),
    ],
  },
  {
    name: "symlink-that-a-middle-layer-turns",
    layers: [[dir("a"), dir("b"), symlink("l", "a")], [symlink("l", "b")], [file("l/x", "3")]],
    expected: { tree: [dir("a"), dir("b"), file("b/x", "3"), symlink("l", "b")] },
    because: "The symlink leads where it leads when the layer is applied.",
    spec: WALK,
    variants: [OWN_DIRECTORY_OVER_SYMLINK(dir("a"), dir("b"), dir("l"), file("l/x", "3"))],
  },
  {
    name: "symlink-that-its-own-layer-turns",
    layers: [
      [dir("a"), dir("b"), symlink("l", "a")],
      [symlink("l", "b"), file("l/x", "2")],
    ],
    expected: { tree: [dir("a"), dir("b"), file("b/x", "2"), symlink("l", "b")] },
    because: "Entries are applied in order.",
    spec: WALK,
    variants: [REFUSES("Unpacks each layer for itself, where the new target is missing")],
  },
  {
    name: "dangling-symlink-as-parent",
    layers: [[symlink("l", "t/u")], [file("l/x", "2")]],
    expected: { tree: [symlink("l", "t/u"), file("t/u/x", "2")] },
    because: "Missing directories are made, where the symlink leads.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("l"), file("l/x", "2")),
      REFUSES("Makes missing directories, but not behind a symlink"),
    ],
  },
  {
    name: "symlink-to-a-file-as-parent",
    layers: [[file("f", "1"), symlink("l", "f")], [file("l/x", "2")]],
    expected: { tree: [file("f/x", "2"), symlink("l", "f")] },
    because: "As below a regular file: the directory that the entry implies replaces the file.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(file("f", "1"), dir("l"), file("l/x", "2")),
      REFUSES("A parent that is no directory is malformed to tools that only make missing parents"),
    ],
  },
  {
    name: "symlink-parent-with-dot-dot-above-the-root",
    layers: [[dir("d"), symlink("d/l", "../../../t"), dir("t")], [file("d/l/x", "2")]],
    expected: { tree: [dir("d"), symlink("d/l", "../../../t"), dir("t"), file("t/x", "2")] },
    because: "`..` at the root is the root.",
    spec: WALK,
    variants: [OWN_DIRECTORY_OVER_SYMLINK(dir("d"), dir("d/l"), file("d/l/x", "2"), dir("t"))],
  },
  {
    name: "symlink-parent-with-dot-dot-through-a-symlink",
    layers: [[dir("a"), dir("a/b"), dir("c"), symlink("s", "a/b"), symlink("l", "s/../../c")], [file("l/x", "2")]],
    expected: {
      tree: [dir("a"), dir("a/b"), dir("c"), file("c/x", "2"), symlink("l", "s/../../c"), symlink("s", "a/b")],
    },
    because: "`..` is the parent of where the symlink led, not of the symlink's name: `s/..` is `a`, not the root.",
    spec: WALK,
    variants: [
      OWN_DIRECTORY_OVER_SYMLINK(dir("a"), dir("a/b"), dir("c"), dir("l"), file("l/x", "2"), symlink("s", "a/b")),
    ],
  },
  {
    name: "symlink-deleted-and-made-a-directory",
    layers: [MERGED_USR, [whiteout("lib"), dir("lib"), file("lib/b", "2")]],
    expected: { tree: [dir("lib"), file("lib/b", "2"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1")] },
    because: "The directory is a new one; the old target is not touched.",
    spec: "image-spec layer.md#whiteouts",
  },
  {
    name: "hardlink-target-through-a-lower-symlink",
    layers: [MERGED_USR, [hardlink("b", "lib/a")]],
    expected: {
      tree: [file("usr/lib/a", "1"), hardlink("b", "usr/lib/a"), symlink("lib", "usr/lib"), dir("usr"), dir("usr/lib")],
    },
    because: "The parents of a target are followed as those of a name.",
    spec: WALK,
    variants: [
      {
        tree: [...MERGED_USR, file("b", "1")],
        because: "Copies the file up, because an overlay cannot link to a lower layer",
      },
      REFUSES("Unpacks each layer for itself and does not find the target"),
    ],
  },
  {
    name: "symlink-loop-as-parent",
    layers: [[symlink("a", "b"), symlink("b", "a"), symlink("s", "s")], [file("a/x", "2")]],
    expected: { refusal: { code: "symlink-loop", kind: "hostile" } },
    because: "The entry has no place.",
    spec: "path_resolution(7): ELOOP",
    variants: [OWN_DIRECTORY_OVER_SYMLINK(dir("a"), file("a/x", "2"), symlink("b", "a"), symlink("s", "s"))],
  },
];
