import type { ConformanceCase } from "../conformance-case.ts";
import { dir, file, hardlink, opaque, symlink, whiteout } from "../tar-script.ts";
import { OUTSIDE } from "./breakouts.ts";
import { CLAMPS, OWN_DIRECTORY_OVER_SYMLINK, REFUSES } from "./reasons.ts";

const CONTAINED = REFUSES("Refuses what it could contain: also safe");

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
