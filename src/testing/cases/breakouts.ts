import type { ConformanceCase } from "../conformance-case.ts";
import { char, dir, file, hardlink, symlink, whiteout } from "../tar-script.ts";
import { CLAMPS, REFUSES } from "./reasons.ts";

/** A directory at the root of the machine, made by who runs the suite; nothing may ever change in it. */
export const OUTSIDE = "outside-the-root";

const UP = "../".repeat(16);
const INSIDE = "path_resolution(7) inside the root; CVE-2018-15664 and its kin";
const LINKS = "link(2) inside the root; CVE-2018-15664 and its kin";
const CONTAINED = REFUSES("Refuses what it could contain: also safe");

/** Archives that reach for files outside of the root. Whatever a tool does, it must do it inside. */
export const breakouts: readonly ConformanceCase[] = [
  {
    name: "breakout-absolute-symlink",
    layers: [[symlink("l", `/${OUTSIDE}`), file("l/x", "1")]],
    expected: { tree: [symlink("l", `/${OUTSIDE}`), file(`${OUTSIDE}/x`, "1")] },
    because: "An absolute target starts at the root of the image.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-symlink-up-and-out",
    layers: [[dir("d"), symlink("d/l", `${UP}${OUTSIDE}`), file("d/l/x", "1")]],
    expected: { tree: [dir("d"), symlink("d/l", `${UP}${OUTSIDE}`), file(`${OUTSIDE}/x`, "1")] },
    because: "`..` at the root is the root.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-in-two-hops",
    layers: [[symlink("a", ".."), symlink("b", `a/../../../../../../../../${OUTSIDE}`), file("b/x", "1")]],
    expected: {
      tree: [symlink("a", ".."), symlink("b", `a/../../../../../../../../${OUTSIDE}`), file(`${OUTSIDE}/x`, "1")],
    },
    because: "Each hop is resolved inside the root, not each target by itself.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-over-two-layers",
    layers: [[symlink("l", `/${OUTSIDE}`)], [file("l/x", "2")]],
    expected: { tree: [symlink("l", `/${OUTSIDE}`), file(`${OUTSIDE}/x`, "2")] },
    because: "A symlink of a lower layer is as dangerous as one of the same.",
    spec: INSIDE,
    variants: [CONTAINED, { tree: [dir("l"), file("l/x", "2")], because: "Unpacks each layer for itself: also safe" }],
  },
  {
    name: "breakout-multiple-absolute-symlinks",
    layers: [[dir("d"), symlink("d/l", `/${OUTSIDE}`), symlink("m", "/d/l"), file("m/x", "1")]],
    expected: { tree: [dir("d"), symlink("d/l", `/${OUTSIDE}`), symlink("m", "/d/l"), file(`${OUTSIDE}/x`, "1")] },
    because: "Every link of a chain starts at the root of the image.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-file-over-a-symlink",
    layers: [[symlink("f", `/${OUTSIDE}/x`), file("f", "1")]],
    expected: { tree: [file("f", "1")] },
    because: "The symlink is replaced, nothing is written through it, whether or not its target exists.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-truncate-through-a-symlink",
    layers: [[symlink("l", `/${OUTSIDE}`), file("l/witness", "")]],
    expected: { tree: [symlink("l", `/${OUTSIDE}`), file(`${OUTSIDE}/witness`, "")] },
    because: "An empty file would empty its namesake outside.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-directory-attributes-through-a-symlink",
    layers: [[symlink("l", `/${OUTSIDE}`), dir("l", { mode: 0o777, uid: 1 }), file("l/x", "1")]],
    expected: { tree: [dir("l", { mode: 0o777, uid: 1 }), file("l/x", "1")] },
    because: "The directory replaces the symlink; following it would change the mode of a directory outside.",
    spec: "image-spec layer.md#changeset-over-existing-files",
    variants: [CONTAINED],
  },
  {
    name: "breakout-directory-attributes-through-a-lower-symlink",
    layers: [[symlink("l", `/${OUTSIDE}`)], [dir("l", { mode: 0o777, uid: 1 }), file("l/x", "2")]],
    expected: { tree: [dir("l", { mode: 0o777, uid: 1 }), file("l/x", "2")] },
    because: "The directory replaces the symlink, also that of a lower layer.",
    spec: "image-spec layer.md#changeset-over-existing-files",
    variants: [CONTAINED],
  },
  {
    name: "breakout-device-through-a-symlink",
    layers: [[symlink("l", `${UP}${OUTSIDE}`), char("l/null", [1, 3])]],
    expected: { tree: [symlink("l", `${UP}${OUTSIDE}`), char(`${OUTSIDE}/null`, [1, 3])] },
    because: "Devices are placed as files are.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-sibling-with-the-same-prefix",
    layers: [[symlink("l", "../out-evil"), file("l/x", "1")]],
    expected: { tree: [symlink("l", "../out-evil"), file("out-evil/x", "1")] },
    because: "`/root-evil` begins as `/root` does and is not inside it: prefixes of text are no test.",
    spec: INSIDE,
    variants: [CONTAINED],
  },
  {
    name: "breakout-symlink-named-dot-dot",
    layers: [[dir("etc"), symlink("..", "/etc"), file("a", "1")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because: "The name is above the root.",
    spec: INSIDE,
    variants: [
      { tree: [file("a", "1"), dir("etc")], because: "Ignores an entry that would be the root or its parent" },
    ],
  },
  {
    name: "breakout-symlink-without-a-name",
    layers: [[dir("etc"), symlink("", "/etc"), file("a", "1")]],
    expected: { refusal: { code: "root-replaced", kind: "hostile" } },
    because: "An empty name is the root.",
    spec: "CVE-2021-29136",
    variants: [{ tree: [file("a", "1"), dir("etc")], because: "Ignores an entry for the root that is no directory" }],
  },
  {
    name: "breakout-symlink-with-a-name-of-dots",
    layers: [[dir("etc"), symlink("local/sub/..", "/etc"), file("local/x", "1")]],
    expected: { tree: [dir("etc"), file("etc/x", "1"), symlink("local", "/etc")] },
    because: "The name is cleaned first: `local` is the symlink.",
    spec: INSIDE,
    variants: [
      CONTAINED,
      {
        tree: [dir("etc"), dir("local"), dir("local/sub"), file("local/x", "1")],
        because: "Ignores a symlink whose name ends in `..`",
      },
    ],
  },
  {
    name: "breakout-root-becomes-a-symlink",
    layers: [[symlink("./", `/${OUTSIDE}`), file("x", "1")]],
    expected: { refusal: { code: "root-replaced", kind: "hostile" } },
    because: "Everything after it would be written elsewhere.",
    spec: "CVE-2021-29136",
    variants: [{ tree: [file("x", "1")], because: "Ignores an entry for the root that is no directory" }],
  },
  {
    name: "breakout-root-becomes-a-symlink-in-an-upper-layer",
    layers: [[file("a", "1")], [symlink("/.", `/${OUTSIDE}`), file("x", "2")]],
    expected: { refusal: { code: "root-replaced", kind: "hostile" } },
    because: "Everything after it would be written elsewhere.",
    spec: "CVE-2021-29136",
    variants: [
      { tree: [file("a", "1"), file("x", "2")], because: "Ignores an entry for the root that is no directory" },
    ],
  },
  {
    name: "breakout-root-becomes-a-file",
    layers: [[file("a", "1")], [file("d/..", "2")]],
    expected: { refusal: { code: "root-replaced", kind: "hostile" } },
    because: "The cleaned name is the root, and the root is a directory.",
    spec: "CVE-2021-29136",
    variants: [
      { tree: [file("a", "1")], because: "Ignores an entry for the root that is no directory" },
      {
        tree: [file("a", "1"), dir("d")],
        because: "Ignores an entry for the root that is no directory, but makes its parents",
      },
    ],
  },
  {
    name: "breakout-hardlink-absolute",
    layers: [[dir(OUTSIDE), file(`${OUTSIDE}/witness`, "inside"), hardlink("b", `/${OUTSIDE}/witness`)]],
    expected: { tree: [dir(OUTSIDE), file(`${OUTSIDE}/witness`, "inside"), hardlink("b", `${OUTSIDE}/witness`)] },
    because: "The target of a hardlink counts from the root of the image, with or without a slash.",
    spec: LINKS,
    variants: [CONTAINED],
  },
  {
    name: "breakout-hardlink-relative-up-and-out",
    layers: [[dir(OUTSIDE), file(`${OUTSIDE}/witness`, "inside"), hardlink("b", `${UP}${OUTSIDE}/witness`)]],
    expected: { tree: [dir(OUTSIDE), file(`${OUTSIDE}/witness`, "inside"), hardlink("b", `${OUTSIDE}/witness`)] },
    because: "`..` at the root is the root, in link targets too: containerd's and umoci's suites ask for this.",
    spec: LINKS,
    variants: [CONTAINED],
  },
  {
    name: "breakout-hardlink-through-an-absolute-symlink",
    layers: [
      [dir(OUTSIDE), file(`${OUTSIDE}/witness`, "inside"), symlink("l", `/${OUTSIDE}`), hardlink("b", "l/witness")],
    ],
    expected: {
      tree: [
        dir(OUTSIDE),
        file(`${OUTSIDE}/witness`, "inside"),
        symlink("l", `/${OUTSIDE}`),
        hardlink("b", `${OUTSIDE}/witness`),
      ],
    },
    because: "The parents of a target are followed inside the root.",
    spec: LINKS,
    variants: [CONTAINED],
  },
  {
    name: "breakout-hardlink-through-a-relative-symlink",
    layers: [
      [
        dir(OUTSIDE),
        file(`${OUTSIDE}/witness`, "inside"),
        dir("d"),
        symlink("d/l", `../d/${UP}${OUTSIDE}`),
        hardlink("b", "d/l/witness"),
      ],
    ],
    expected: {
      tree: [
        dir(OUTSIDE),
        file(`${OUTSIDE}/witness`, "inside"),
        dir("d"),
        symlink("d/l", `../d/${UP}${OUTSIDE}`),
        hardlink("b", `${OUTSIDE}/witness`),
      ],
    },
    because: "The parents of a target are followed inside the root.",
    spec: LINKS,
    variants: [CONTAINED],
  },
  {
    name: "breakout-hardlink-to-what-is-only-outside",
    layers: [[hardlink("b", `/${OUTSIDE}/witness`)]],
    expected: { refusal: { code: "hardlink-target-missing", kind: "malformed" } },
    because: "Inside the root there is no such file.",
    spec: LINKS,
    variants: [{ tree: [], because: "Leaves out a link without a target: also safe" }],
  },
  {
    name: "breakout-hardlink-to-a-symlink-and-its-attributes",
    layers: [[symlink("l", `/${OUTSIDE}/witness`), hardlink("k", "l", { mode: 0o777, uid: 1 })]],
    expected: { tree: [symlink("l", `/${OUTSIDE}/witness`), hardlink("k", "l")] },
    because: "The link is made to the symlink, and no chmod may pass through it to a file outside.",
    spec: LINKS,
    variants: [
      CONTAINED,
      {
        tree: [symlink("l", `/${OUTSIDE}/witness`, { uid: 1 }), hardlink("k", "l")],
        because: "Applies the owner of the link's header to the symlink itself: also safe",
      },
    ],
  },
  {
    name: "breakout-write-through-a-hardlinked-symlink",
    layers: [[symlink("l", `/${OUTSIDE}/witness`), hardlink("k", "l"), file("k", "1")]],
    expected: { tree: [file("k", "1"), symlink("l", `/${OUTSIDE}/witness`)] },
    because: "The name is replaced; neither link nor symlink is written through.",
    spec: LINKS,
    variants: [CONTAINED],
  },
  {
    name: "breakout-whiteout-through-an-absolute-symlink",
    layers: [[symlink("l", `/${OUTSIDE}`), file("a", "1")], [whiteout("l/witness")]],
    expected: { tree: [file("a", "1"), symlink("l", `/${OUTSIDE}`)] },
    because: "Followed inside the root, the directory does not exist.",
    spec: INSIDE,
    variants: [
      CONTAINED,
      { tree: [file("a", "1"), dir("l")], because: "Unpacks each layer for itself: also safe" },
      { tree: [file("a", "1"), symlink("l", `/${OUTSIDE}`), dir(OUTSIDE)], because: "Makes the marker's parents" },
    ],
  },
  {
    name: "breakout-opaque-through-a-relative-symlink",
    layers: [[symlink("l", `${UP}${OUTSIDE}`), file("a", "1")], [file("l/.wh..wh..opq")]],
    expected: { tree: [file("a", "1"), symlink("l", `${UP}${OUTSIDE}`)] },
    because: "Followed inside the root, the directory does not exist.",
    spec: INSIDE,
    variants: [
      CONTAINED,
      { tree: [file("a", "1"), dir("l")], because: "Unpacks each layer for itself: also safe" },
      { tree: [file("a", "1"), symlink("l", `${UP}${OUTSIDE}`), dir(OUTSIDE)], because: "Makes the marker's parents" },
    ],
  },
  {
    name: "breakout-symlink-without-a-target",
    layers: [[symlink("l", ""), file("l/x", "1")]],
    expected: { refusal: { code: "symlink-empty", kind: "hostile" } },
    because: "symlink(2) knows no empty target, so the entry has no place.",
    spec: "symlink(2): ENOENT",
    variants: [
      { tree: [dir("l"), file("l/x", "1")], because: "Replaces the symlink by the directory: also safe" },
      {
        tree: [file("x", "1"), symlink("l", "")],
        because: "Takes an empty target for the directory itself: also safe",
      },
    ],
  },
  {
    name: "breakout-climbing-name-before-an-absolute-symlink",
    layers: [[file(`../${OUTSIDE}/x`, "1"), symlink("l", `/${OUTSIDE}`), file("l/y", "1")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because: "One name that climbs condemns the archive.",
    spec: INSIDE,
    variants: [CLAMPS(symlink("l", `/${OUTSIDE}`), file(`${OUTSIDE}/x`, "1"), file(`${OUTSIDE}/y`, "1"))],
  },
];
