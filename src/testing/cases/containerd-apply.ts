import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, symlink, whiteout } from "../tar-script.ts";
import { OWN_DIRECTORY_OVER_SYMLINK, REFUSES } from "./reasons.ts";

const BREAKOUTS = "containerd pkg/archive TestBreakouts";
const CONTAINED = REFUSES("Refuses what it could contain: also safe");
const ETC = [dir("etc", { mode: 0o770 }), file("etc/passwd", "inside")];
const LINKED = hardlink("localpasswd", "etc/passwd");
const UP = "../".repeat(7);

/** What containerd applies, in its own words for the cases. Those that other chapters have are not here again. */
export const containerdApply: readonly ConformanceCase[] = [
  {
    name: "containerd-symlink-up-and-out",
    layers: [[dir("etc"), dir("dummy"), symlink("localetc", "/dummy/../etc"), file("localetc/unbroken", "1")]],
    expected: { tree: [dir("etc"), file("etc/unbroken", "1"), dir("dummy"), symlink("localetc", "/dummy/../etc")] },
    because: "`..` in a target is the parent of where the way led, inside the root.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-symlink-multiple-relative",
    layers: [
      [
        dir("etc"),
        dir("dummy"),
        symlink("dummy/etc", "/etc"),
        symlink("localetc", "./dummy/etc"),
        file("localetc/unbroken", "1"),
      ],
    ],
    expected: {
      tree: [
        dir("etc"),
        file("etc/unbroken", "1"),
        dir("dummy"),
        symlink("dummy/etc", "/etc"),
        symlink("localetc", "./dummy/etc"),
      ],
    },
    because: "A link behind a link is followed inside the root too.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-symlink-empty-file",
    layers: [[dir("etc"), file("etc/emptied", "notempty"), symlink("localetc", "/etc"), file("localetc/emptied")]],
    expected: { tree: [dir("etc"), file("etc/emptied"), symlink("localetc", "/etc")] },
    because: "The later entry is the same file by another way, and it is empty.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-hardlink-down-and-out",
    layers: [
      [
        ...ETC,
        dir("breakouts"),
        dir("downandout"),
        symlink("breakouts/d1", "../downandout/../../etc"),
        hardlink("breakouts/mypasswd", "/breakouts/d1/passwd"),
      ],
    ],
    expected: {
      tree: [
        ...ETC,
        dir("breakouts"),
        dir("downandout"),
        symlink("breakouts/d1", "../downandout/../../etc"),
        hardlink("breakouts/mypasswd", "etc/passwd"),
      ],
    },
    because: "What would climb above the root stays at it.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-hardlink-relative-long",
    layers: [[...ETC, symlink("localetc", `${UP}etc`), hardlink("localpasswd", "/localetc/passwd")]],
    expected: { tree: [...ETC, symlink("localetc", `${UP}etc`), LINKED] },
    because: "However often it climbs, it stays at the root.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-hardlink-relative-up-and-out",
    layers: [[...ETC, symlink("localetc", "upandout/../../../etc"), hardlink("localpasswd", "/localetc/passwd")]],
    expected: { tree: [...ETC, symlink("localetc", "upandout/../../../etc"), LINKED] },
    because: "A way into what is missing and out again is none: the target is found as parents of entries are.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-symlink-slash-ended",
    layers: [[...ETC, dir("localetc/", { mode: 0o770 }), hardlink("localetc/localpasswd", "/etc/passwd")]],
    expected: { tree: [...ETC, dir("localetc", { mode: 0o770 }), hardlink("localetc/localpasswd", "etc/passwd")] },
    because: "A slash at the end of a name says no more than its type.",
    spec: BREAKOUTS,
  },
  ...["/etc", "../../etc"].map(
    (target, i): ConformanceCase => ({
      name: `containerd-symlink-override-directory${i === 0 ? "" : "-relative"}`,
      layers: [
        [...ETC, dir("localetc")],
        [symlink("localetc", target), hardlink("localetc/localpasswd", "/etc/passwd")],
      ],
      expected: { tree: [...ETC, symlink("localetc", target), hardlink("etc/localpasswd", "etc/passwd")] },
      because: "The link takes the directory's place, and what follows goes where it leads.",
      spec: BREAKOUTS,
      variants: [CONTAINED],
    }),
  ),
  {
    name: "containerd-directory-override-symlink",
    layers: [
      [...ETC, symlink("localetc", "/etc")],
      [dir("localetc"), hardlink("localetc/localpasswd", "/etc/passwd")],
    ],
    expected: { tree: [...ETC, dir("localetc"), hardlink("localetc/localpasswd", "etc/passwd")] },
    because: "A directory replaces a symlink; nothing is made where it led.",
    spec: BREAKOUTS,
    variants: [REFUSES("Unpacks each layer for itself and does not find the target")],
  },
  {
    name: "containerd-directory-override-symlink-and-hardlink",
    layers: [
      [...ETC, symlink("localetc", "etc"), hardlink("etc/localpasswd", "etc/passwd")],
      [dir("localetc"), file("localetc/localpasswd", "different")],
    ],
    expected: {
      tree: [
        ...ETC,
        hardlink("etc/localpasswd", "etc/passwd"),
        dir("localetc"),
        file("localetc/localpasswd", "different"),
      ],
    },
    because: "The new file is no name of the old one.",
    spec: BREAKOUTS,
  },
  {
    name: "containerd-whiteout-symlink-path",
    layers: [[...ETC, file("etc/whitedout", "x"), symlink("localetc", "/etc")], [whiteout("localetc/whitedout")]],
    expected: { tree: [...ETC, symlink("localetc", "/etc")] },
    because: "A marker finds its directory as entries do.",
    spec: BREAKOUTS,
    variants: [CONTAINED, OWN_DIRECTORY_OVER_SYMLINK(...ETC, file("etc/whitedout", "x"), dir("localetc"))],
  },
  {
    name: "containerd-hardlink-symlink-relative",
    layers: [[...ETC, symlink("passwdlink", `${UP}etc/passwd`), hardlink("localpasswd", "/passwdlink")]],
    expected: { tree: [...ETC, symlink("passwdlink", `${UP}etc/passwd`), hardlink("localpasswd", "passwdlink")] },
    because: "The link itself gets another name.",
    spec: BREAKOUTS,
    variants: [CONTAINED],
  },
  {
    name: "containerd-directory-creation",
    layers: [
      [dir("etc")],
      [
        dir("/etc/subdir"),
        dir("/etc/subdir2/"),
        dir("/etc/subdir2/more"),
        dir("/other/noparent-1/1"),
        dir("/other/noparent-2/2/"),
      ],
    ],
    expected: {
      tree: [
        dir("etc"),
        dir("etc/subdir"),
        dir("etc/subdir2"),
        dir("etc/subdir2/more"),
        dir("other/noparent-1/1"),
        dir("other/noparent-2/2"),
      ],
    },
    because: "Parents without entries are made.",
    spec: "containerd pkg/archive TestApplyTar/DirectoryCreation",
  },
];
