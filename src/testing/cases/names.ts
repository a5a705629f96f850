import { fromText } from "../../base/index.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, symlink, type TarStep, whiteout } from "../tar-script.ts";
import { CLAMPS, REFUSES } from "./reasons.ts";

const NAMES = "image-spec layer.md#creating";
const NAME_255 = "n".repeat(255);
const LATIN1 = "caf\xe9";

/** How names are written, and which bytes they may hold. */
export const names: readonly ConformanceCase[] = [
  {
    name: "names-with-a-dot-and-a-slash",
    layers: [
      [dir("./d"), file("./d/x", "1"), file("./a", "1")],
      [file("d/y", "2"), file("./.wh.a")],
    ],
    expected: { tree: [dir("d"), file("d/x", "1"), file("d/y", "2")] },
    because: "`./a` and `a` are one path, for markers too.",
    spec: NAMES,
  },
  {
    name: "names-with-a-leading-slash",
    layers: [
      [dir("/d"), file("/d/x", "1"), file("/a", "1"), hardlink("/d/h", "/a")],
      [file("/.wh.a"), file("d/x", "2")],
    ],
    expected: { tree: [dir("d"), file("d/h", "1"), file("d/x", "2")] },
    because: "The root of the archive is the root of the image.",
    spec: NAMES,
  },
  {
    name: "names-with-doubled-slashes-and-dots",
    layers: [[dir("d//"), file("d/.//./x", "1"), dir("e"), file("d/../e/y", "2"), file(".//d//.wh.nothing")]],
    expected: { tree: [dir("d"), file("d/x", "1"), dir("e"), file("e/y", "2")] },
    because: "Names are cleaned as paths before anything else.",
    spec: NAMES,
  },
  {
    name: "whiteout-behind-dot-dot",
    layers: [[dir("etc"), file("etc/passwd", "1")], [file("missing/../.wh.etc")]],
    expected: { tree: [] },
    because: "The name is cleaned first: what is left is `.wh.etc`.",
    spec: NAMES,
  },
  {
    name: "names-that-begin-with-dots",
    layers: [
      [file("..foo", "1"), file("...", "2"), file("a..b", "3"), dir("...d"), file("...d/..x", "4")],
      [whiteout("..foo")],
    ],
    expected: { tree: [file("...", "2"), dir("...d"), file("...d/..x", "4"), file("a..b", "3")] },
    because: "Only `.` and `..` are special, not names that begin with them.",
    spec: NAMES,
  },
  {
    name: "attributes-of-the-root",
    layers: [[dir("./", { mode: 0o700, uid: 1, gid: 2 }), file("a", "1")], [dir("/", { mode: 0o711, uid: 3, gid: 4 })]],
    expected: { tree: [dir("", { mode: 0o711, uid: 3, gid: 4 }), file("a", "1")] },
    because: "The root is a directory over a directory: attributes replaced, children kept.",
    spec: "image-spec layer.md#changeset-over-existing-files",
  },
  {
    name: "names-that-are-not-utf-8",
    layers: [
      [file(LATIN1, "1"), file("\xff\xfe", "2"), dir("d\xe9"), file("d\xe9/x\xe9", "3")],
      [whiteout("\xff\xfe")],
    ],
    expected: { tree: [file(LATIN1, "1"), dir("d\xe9"), file("d\xe9/x\xe9", "3")] },
    because: "File names on Linux are bytes.",
    spec: `${NAMES}, path_resolution(7)`,
  },
  {
    name: "names-composed-and-decomposed",
    layers: [
      [file(fromText("\u00e9"), "composed"), file(fromText("e\u0301"), "decomposed")],
      [whiteout(fromText("\u00e9"))],
    ],
    expected: { tree: [file(fromText("e\u0301"), "decomposed")] },
    because: "Names are compared byte by byte; nothing is normalised.",
    spec: NAMES,
  },
  {
    name: "names-that-differ-in-case",
    layers: [
      [file("A", "1"), file("a", "2"), dir("D"), dir("d"), file("d/x", "3")],
      [whiteout("A"), whiteout("D")],
    ],
    expected: { tree: [file("a", "2"), dir("d"), file("d/x", "3")] },
    because: "Names are compared byte by byte.",
    spec: NAMES,
  },
  {
    name: "names-with-blanks-and-controls",
    layers: [
      [file(" lead", "1"), file("trail ", "2"), file("new\nline", "3"), file("tab\t\\", "4"), file("-rf", "5")],
      [whiteout("new\nline")],
    ],
    expected: { tree: [file(" lead", "1"), file("-rf", "5"), file("tab\t\\", "4"), file("trail ", "2")] },
    because: "Every byte but NUL and slash may stand in a name.",
    spec: NAMES,
  },
  {
    name: "name-of-255-bytes",
    layers: [[file(NAME_255, "1"), file("a", "1")], [whiteout(NAME_255)]],
    expected: { tree: [file("a", "1")] },
    because: "The marker of the longest legal name is too long for a file, but it never becomes one.",
    spec: "image-spec layer.md#whiteouts",
    variants: [REFUSES("The marker's own name is longer than a file name may be")],
  },
  {
    name: "path-longer-than-any-header-field",
    layers: [[...chain("long-directory-name", 20), file(`${deep("long-directory-name", 20)}/x`, "1")]],
    expected: { tree: [...chain("long-directory-name", 20), file(`${deep("long-directory-name", 20)}/x`, "1")] },
    because: "PAX holds names of any length.",
    spec: NAMES,
  },
  {
    name: "long-link-targets",
    layers: [
      [
        symlink("l", "t/".repeat(300)),
        ...chain("target-directory", 10),
        file(`${deep("target-directory", 10)}/x`, "1"),
        hardlink("h", `${deep("target-directory", 10)}/x`),
      ],
    ],
    expected: {
      tree: [
        hardlink("h", `${deep("target-directory", 10)}/x`),
        symlink("l", "t/".repeat(300)),
        ...chain("target-directory", 10),
        file(`${deep("target-directory", 10)}/x`, "1"),
      ],
    },
    because: "Targets may be as long as names.",
    spec: NAMES,
  },
  {
    name: "deep-tree",
    layers: [[...chain("d", 200), file(`${deep("d", 200)}/x`, "1"), file("d/y", "1")], [whiteout(deep("d", 100))]],
    expected: { tree: [...chain("d", 99), file("d/y", "1")] },
    because: "Depth changes nothing.",
    spec: NAMES,
  },
  {
    name: "name-that-climbs-above-the-root",
    layers: [[file("a", "1"), file("../b", "2")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because: "No tool writes such a name by accident.",
    spec: "CVE-2018-15664 and its kin; image-spec leaves it open",
    variants: [
      CLAMPS(file("a", "1"), file("b", "2")),
      { tree: [file("a", "1")], because: "Skips the entry: also safe" },
    ],
  },
  {
    name: "name-that-climbs-above-the-root-in-the-middle",
    layers: [[dir("d"), file("d/../../../outside-the-root/b", "2")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because: "Climbing counts after the name is cleaned.",
    spec: "CVE-2018-15664 and its kin; image-spec leaves it open",
    variants: [
      CLAMPS(dir("d"), file("outside-the-root/b", "2")),
      { tree: [dir("d")], because: "Skips the entry: also safe" },
    ],
  },
  {
    name: "whiteout-that-climbs-above-the-root",
    layers: [[file("a", "1")], [file("../.wh.a")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because: "A marker is an entry as any other: its name must stay inside.",
    spec: "image-spec layer.md#whiteouts",
    variants: [CLAMPS(), { tree: [file("a", "1")], because: "Skips the entry: also safe" }],
  },
];

/** `name`, `name/name`, … */
function chain(name: string, depth: number): TarStep[] {
  return Array.from({ length: depth }, (_, i) => dir(deep(name, i + 1)));
}

function deep(name: string, depth: number): string {
  return Array.from({ length: depth }, () => name).join("/");
}
