import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, opaque, symlink, whiteout } from "../tar-script.ts";
import { OUTSIDE } from "./breakouts.ts";
import { CLAMPS, OWN_DIRECTORY_OVER_SYMLINK, REFUSES } from "./reasons.ts";

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

/** What umoci and docker unpack, as far as no other chapter has it. */
export const umociAndDockerApply: readonly ConformanceCase[] = [
  ...["/", "/../", `/${"../".repeat(15)}`, "/./.././.././../", ".."].map(
    (target, i): ConformanceCase => ({
      name: `umoci-symlink-scoping-${i + 1}`,
      layers: [[symlink("link", target)], [file("link/file", "1")]],
      expected: { tree: [symlink("link", target), file("file", "1")] },
      because: "Every such link leads to the root.",
      spec: "umoci oci/layer TestUnpackEntrySymlinkScoping",
      variants: [CONTAINED, OWN_DIRECTORY_OVER_SYMLINK(dir("link"), file("link/file", "1"))],
    }),
  ),
  {
    name: "umoci-slash-dot-dot-in-a-name",
    layers: [[file("/../file", "1")]],
    expected: { refusal: { code: "path-escapes-root", kind: "hostile" } },
    because:
      "umoci and containerd take `..` at the root for the root, docker refuses: whoever wrote this meant no good.",
    spec: "umoci oci/layer TestUnpackEntrySanitiseScoping, docker TestApplyLayerInvalidFilenames",
    variants: [CLAMPS(file("file", "1"))],
  },
  {
    name: "umoci-missing-parents",
    layers: [[file("a/b/c/file", "1")]],
    expected: { tree: [file("a/b/c/file", "1")] },
    because: "All directories on the way are made.",
    spec: "umoci oci/layer TestUnpackEntryParentDir",
  },
  ...["rootpath", ".hiddenroot", "some/path/dir", "another/path/.hiddendir"].map((path): ConformanceCase => {
    const parent = path.includes("/") ? [dir(path.split("/").slice(0, -1).join("/"), { mtime: 123 })] : [];
    return {
      name: `umoci-whiteout-of-${path.replace(/[^a-z]+/g, "-").replace(/^-/, "")}`,
      layers: [
        [...parent, dir(path), file(`${path}/file1`, "1"), dir(`${path}/.subdir`), file(`${path}/.subdir/file3`, "1")],
        [whiteout(path)],
      ],
      expected: { tree: parent },
      because: "All of it goes, and its parent keeps its time.",
      spec: "umoci oci/layer TestUnpackEntryWhiteout",
    };
  }),
  {
    name: "umoci-hardlink-headers-do-not-count",
    layers: [
      [
        file("regular", "1"),
        hardlink("hard link", "/regular", { uid: 1337, gid: 2020 }),
        symlink("link", "../../../regular"),
        hardlink("hard link to symlink", "../../../link", { uid: 1337, gid: 2020 }),
      ],
    ],
    expected: {
      tree: [
        file("regular", "1"),
        hardlink("hard link", "regular"),
        symlink("link", "../../../regular"),
        hardlink("hard link to symlink", "link"),
      ],
    },
    because: "A further name changes nothing of its file.",
    spec: "umoci oci/layer TestUnpackHardlink",
    variants: [CONTAINED],
  },
  {
    name: "docker-whiteouts-over-four-layers",
    layers: [
      [
        file(".baz"),
        dir("bar"),
        file("bar/bax"),
        dir("bar/bay"),
        file("baz"),
        dir("foo"),
        file("foo/.abc"),
        dir("foo/.bcd"),
        file("foo/.bcd/a"),
        dir("foo/cde"),
        file("foo/cde/def"),
        file("foo/cde/efg"),
        file("foo/fgh"),
        file("foobar"),
      ],
      [file(".bay"), whiteout("baz"), dir("foo"), file("foo/.bce"), opaque("foo"), dir("foo/cde"), file("foo/cde/efg")],
      [
        file(".bay"),
        whiteout(".baz"),
        whiteout("foobar"),
        dir("foo"),
        file("foo/.abc"),
        whiteout("foo/cde"),
        dir("bar"),
      ],
    ],
    expected: {
      tree: [file(".bay"), dir("bar"), file("bar/bax"), dir("bar/bay"), dir("foo"), file("foo/.abc"), file("foo/.bce")],
    },
    because: "Markers count for the layers below, names with dots are names.",
    spec: "go-archive TestApplyLayerWhiteouts",
  },
  {
    name: "docker-hardlink-to-a-directory-outside",
    layers: [[hardlink("loophole-victim", `../${OUTSIDE}`), file("loophole-victim/file", "1")]],
    expected: { refusal: { code: "hardlink-target-missing", kind: "malformed" } },
    because: "Inside the root there is no such thing to link to.",
    spec: "go-archive TestApplyLayerInvalidHardlink",
    variants: [{ tree: [file("loophole-victim/file", "1")], because: "Leaves out a link without a target: also safe" }],
  },
  {
    name: "docker-file-over-a-symlink-outside",
    layers: [[symlink("loophole-victim", `../${OUTSIDE}`), file("loophole-victim", "1")]],
    expected: { tree: [file("loophole-victim", "1")] },
    because: "The name is replaced, nothing is written or removed where it led.",
    spec: "go-archive TestApplyLayerInvalidSymlink",
    variants: [CONTAINED],
  },
  {
    name: "docker-hardlink-through-a-symlink-outside",
    layers: [[symlink("loophole-victim", `../${OUTSIDE}`), hardlink("hardlink", "loophole-victim/witness")]],
    expected: { refusal: { code: "hardlink-target-missing", kind: "malformed" } },
    because: "Inside the root the link leads nowhere.",
    spec: "go-archive TestApplyLayerInvalidSymlink",
    variants: [
      { tree: [symlink("loophole-victim", `../${OUTSIDE}`)], because: "Leaves out a link without a target: also safe" },
    ],
  },
];
