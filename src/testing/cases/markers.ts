import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, whiteout } from "../tar-script.ts";

const WHITEOUTS = "image-spec layer.md#whiteouts";
const AUFS = "image-spec layer.md#whiteouts (the names come from AUFS); aufs(5)";
const ETC = [dir("etc"), file("etc/passwd", "1")];

/** Names that begin as markers do: invalid ones, and what AUFS left in layers of old. */
export const markers: readonly ConformanceCase[] = [
  {
    name: "marker-of-nothing",
    layers: [ETC, [file("etc/.wh.")]],
    expected: { refusal: { code: "invalid-whiteout", kind: "hostile" } },
    because: "Joined naively with its directory the name is the directory itself.",
    spec: WHITEOUTS,
    variants: [{ tree: ETC, because: "Removes nothing: also safe" }],
  },
  {
    name: "marker-of-the-directory-itself",
    layers: [ETC, [file("etc/.wh..")]],
    expected: { refusal: { code: "invalid-whiteout", kind: "hostile" } },
    because: "`.` would remove the directory that holds the marker.",
    spec: WHITEOUTS,
    variants: [{ tree: ETC, because: "Removes nothing: also safe" }],
  },
  {
    name: "marker-of-the-parent",
    layers: [ETC, [file("etc/.wh...")]],
    expected: { refusal: { code: "invalid-whiteout", kind: "hostile" } },
    because: "`..` would remove the parent of the directory that holds the marker.",
    spec: WHITEOUTS,
    variants: [{ tree: ETC, because: "Removes nothing: also safe" }],
  },
  {
    name: "marker-of-the-root",
    layers: [ETC, [file(".wh..")]],
    expected: { refusal: { code: "invalid-whiteout", kind: "hostile" } },
    because: "`.` is the root here: the marker would wipe out everything.",
    spec: WHITEOUTS,
    variants: [{ tree: ETC, because: "Removes nothing: also safe" }],
  },
  {
    name: "marker-of-the-parent-of-the-root",
    layers: [ETC, [file(".wh...")]],
    expected: { refusal: { code: "invalid-whiteout", kind: "hostile" } },
    because: "`..` is outside.",
    spec: WHITEOUTS,
    variants: [{ tree: ETC, because: "Removes nothing: also safe" }],
  },
  {
    name: "marker-of-a-name-with-three-dots",
    layers: [[file("...", "1"), file("a", "1")], [whiteout("...")]],
    expected: { tree: [file("a", "1")] },
    because: "Three dots are a name as any other.",
    spec: WHITEOUTS,
  },
  {
    name: "marker-of-a-marker-name",
    layers: [
      [file("foo", "1"), file(".wh", "1")],
      [whiteout(".wh.foo"), whiteout(".wh")],
    ],
    expected: { tree: [file("foo", "1")] },
    because: "`.wh..wh.foo` would remove a file `.wh.foo`, which no tree has; it does not remove `foo`.",
    spec: WHITEOUTS,
  },
  {
    name: "marker-prefix-without-the-last-dot",
    layers: [[file(".whfoo", "1"), file("foo", "1"), file("x.wh.foo", "1"), file(".WH.foo", "1")]],
    expected: { tree: [file(".WH.foo", "1"), file(".whfoo", "1"), file("foo", "1"), file("x.wh.foo", "1")] },
    because: "Only the exact prefix makes a marker.",
    spec: WHITEOUTS,
  },
  {
    name: "aufs-plumbing-is-no-part-of-the-image",
    layers: [
      [
        file(".wh..wh.aufs", "", { mode: 0o444 }),
        dir(".wh..wh.orph", { mode: 0o700 }),
        dir(".wh..wh.plnk", { mode: 0o700 }),
        file(".wh..wh.plnk/123.456", "1"),
        file("a", "1"),
      ],
    ],
    expected: { tree: [file("a", "1")] },
    because: "The driver's own files were saved along with the layers of docker before 1.10.",
    spec: AUFS,
    variants: [
      {
        tree: [file(".wh..wh.plnk/123.456", "1"), file("a", "1")],
        because: "Knows AUFS's names only as names of entries, not as directories of others",
      },
    ],
  },
  {
    name: "aufs-whiteouts-are-hardlinks",
    layers: [
      [file("a", "1"), file("b", "1"), dir("d"), file("d/x", "1")],
      [
        file(".wh..wh.aufs", "", { mode: 0o444 }),
        hardlink(".wh.a", ".wh..wh.aufs"),
        dir("d"),
        hardlink("d/.wh..wh..opq", ".wh..wh.aufs"),
      ],
    ],
    expected: { tree: [file("b", "1"), dir("d")] },
    because: "AUFS makes all its markers by linking one empty file.",
    spec: AUFS,
  },
  {
    name: "aufs-hardlinks-into-the-plumbing",
    layers: [
      [
        dir(".wh..wh.plnk", { mode: 0o700 }),
        file(".wh..wh.plnk/123.456", "1"),
        hardlink("a", ".wh..wh.plnk/123.456"),
        hardlink("b", ".wh..wh.plnk/123.456"),
      ],
    ],
    expected: { tree: [file("a", "1"), hardlink("b", "a")] },
    because: "The content of a file with several names lies in the plumbing; the names are links to it.",
    spec: AUFS,
    variants: [
      { refusal: "any", because: "Does not know AUFS's pseudo links any more" },
      {
        tree: [
          file(".wh..wh.plnk/123.456", "1"),
          hardlink("a", ".wh..wh.plnk/123.456"),
          hardlink("b", ".wh..wh.plnk/123.456"),
        ],
        because: "Knows AUFS's names only as names of entries, not as directories of others",
      },
    ],
  },
];
