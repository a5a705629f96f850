import { describe, expect, it } from "vitest";
import {
  applyCases,
  type ChangesetTool,
  changesetCommands,
  changesetLibrary,
  createCases,
  judge,
  judgeApplier,
  judgeCreated,
  runOnCommand,
  runOnCreator,
  whiteoutCases,
} from "../../src/testing/index.ts";
import { describeWith } from "../support/oracles.ts";

/** A black box to be tried instead of this library: `APPLY` and `CREATE` are scripts as `changesetCommands` takes them. */
const { CHANGESET_APPLY, CHANGESET_CREATE } = process.env;
const tool: ChangesetTool =
  CHANGESET_APPLY === undefined && CHANGESET_CREATE === undefined
    ? changesetLibrary
    : changesetCommands({
        name: "the commands",
        ...(CHANGESET_APPLY !== undefined && { apply: CHANGESET_APPLY }),
        ...(CHANGESET_CREATE !== undefined && { create: CHANGESET_CREATE }),
      });

/** The attacks and mishaps that the field tests applying with, by its own names, and the cases that are them. */
const BREAKOUTS: Readonly<Record<string, string>> = {
  SymlinkAbsolute: "breakout-absolute-symlink",
  SymlinkUpAndOut: "containerd-symlink-up-and-out",
  SymlinkMultipleAbsolute: "breakout-multiple-absolute-symlinks",
  SymlinkMultipleRelative: "containerd-symlink-multiple-relative",
  SymlinkEmptyFile: "containerd-symlink-empty-file",
  SymlinkEmptyFilename: "breakout-symlink-without-a-name",
  SymlinkParentDirectory: "breakout-symlink-named-dot-dot",
  SymlinkParentRelative: "breakout-symlink-with-a-name-of-dots",
  SymlinkSlashEnded: "containerd-symlink-slash-ended",
  SymlinkOverrideDirectory: "containerd-symlink-override-directory",
  SymlinkOverrideDirectoryRelative: "containerd-symlink-override-directory-relative",
  DirectoryOverrideSymlink: "containerd-directory-override-symlink",
  DirectoryOverrideSymlinkAndHardlink: "containerd-directory-override-symlink-and-hardlink",
  HardlinkRelative: "breakout-hardlink-through-a-relative-symlink",
  HardlinkDownAndOut: "containerd-hardlink-down-and-out",
  HardlinkAbsolute: "breakout-hardlink-through-an-absolute-symlink",
  HardlinkRelativeLong: "containerd-hardlink-relative-long",
  HardlinkRelativeUpAndOut: "containerd-hardlink-relative-up-and-out",
  HardlinkDirectRelative: "breakout-hardlink-relative-up-and-out",
  HardlinkDirectAbsolute: "breakout-hardlink-absolute",
  HardlinkSymlinkBeforeCreateTarget: "hardlink-to-a-symlink-before-its-target-is-there",
  HardlinkSymlinkRelative: "containerd-hardlink-symlink-relative",
  HardlinkSymlinkAbsolute: "hardlink-to-a-symlink-links-the-symlink",
  HardlinkSymlinkChmod: "breakout-hardlink-to-a-symlink-and-its-attributes",
  WhiteoutRootParent: "marker-of-the-parent-of-the-root",
  WhiteoutParent: "marker-of-the-parent",
  WhiteoutRoot: "marker-of-the-root",
  WhiteoutCurrentDirectory: "marker-of-the-directory-itself",
  OverlayUntarInvalidWhiteoutNames: "marker-of-nothing",
  WhiteoutDirectoryName: "whiteout-like-directory-in-the-middle-of-a-path",
  WhiteoutSymlink: "whiteout-removes-the-symlink-not-its-target",
  WhiteoutSymlinkPath: "containerd-whiteout-symlink-path",
  WhiteoutDeadSymlinkParent: "whiteout-through-a-dangling-symlink",
  WhiteoutRelativePath: "whiteout-behind-dot-dot",
  UntarSymlinkBreakout: "breakout-in-two-hops",
  UntarSiblingPrefixContained: "breakout-sibling-with-the-same-prefix",
  UntarThroughAbsoluteSymlink: "breakout-over-two-layers",
  UnpackRejectsRelativeEscapeBeforeAbsoluteSymlink: "breakout-climbing-name-before-an-absolute-symlink",
  HardlinkSourceThroughAbsoluteSymlink: "breakout-hardlink-through-an-absolute-symlink",
  "CVE-2021-29136": "breakout-root-becomes-a-symlink-in-an-upper-layer",
  ChmodNoSymlinkFallback: "breakout-directory-attributes-through-a-lower-symlink",
  ApplyDotDotFile: "names-that-begin-with-dots",
  UntarAbsoluteHardlink: "breakout-hardlink-absolute",
};

describe("the cases of other tools", () => {
  const applied = [...whiteoutCases.values(), ...applyCases.values()].flat();

  it("have unique names", () => {
    expect(new Set(applied.map(({ name }) => name)).size).toBe(applied.length);
    const created = [...createCases.values()].flat();
    expect(new Set(created.map(({ name }) => name)).size).toBe(created.length);
  });

  it.each(Object.entries(BREAKOUTS))("hold %s", (_, name) => {
    expect(applied.map((test) => test.name)).toContain(name);
  });
});

for (const [origin, cases] of tool.apply === undefined ? [] : applyCases) {
  describeWith(["root", "getfattr"], `applied by ${tool.name}: ${origin}`, () => {
    it.each(cases.map((test) => [test.name, test] as const))("%s", async (_, test) => {
      const { kind, note, outcome } = await judgeApplier(test, tool, { times: tool === changesetLibrary });
      expect({ kind, note }).toEqual({ kind: "ok", note: "" });
      if (tool !== changesetLibrary || outcome.kind !== "refused" || !("refusal" in test.expected)) return;
      expect(outcome.code).toBe(test.expected.refusal.code);
    });
  });
}

for (const [origin, cases] of tool.create === undefined ? [] : createCases) {
  describeWith(["root", "getfattr"], `created by ${tool.name}: ${origin}`, () => {
    it.each(cases.map((test) => [test.name, test] as const))("%s", async (_, test) => {
      const outcome = await runOnCreator(test, tool, tool.apply === undefined ? changesetLibrary : tool);
      expect(judgeCreated(test, outcome)).toEqual({ kind: "ok", note: "" });
    });
  });
}

/** umoci has no command for two directories: an image of the first, unpacked, becomes the second, and is packed again. */
const umociRepack = `
cd "$WORK"
exec 3>&1 >&2
umoci init --layout l
umoci new --image l:x
tar -C "$LOWER" -cf base.tar .
umoci raw add-layer --image l:x base.tar
umoci unpack --image l:x b
rm -rf b/rootfs
cp -a "$UPPER" b/rootfs
umoci repack --image l:y b
layers=$(umoci stat --image l:y --json | grep -o '"digest": *"sha256:[0-9a-f]*"' | grep -o '[0-9a-f]\\{64\\}')
[ "$(echo "$layers" | wc -l)" = 1 ] || gzip -dc "l/blobs/sha256/$(echo "$layers" | tail -n 1)" >&3
`;

/** It sees a change of a directory by its seconds, so that this depends on when the case was made. */
const NO_PARENTS = "leaves out directories above a change, so that they get another time where it is applied";
/** What umoci 0.4.7 writes otherwise. We keep to containerd, which gives all of the upper tree back. */
const UMOCI_DEVIATIONS: Readonly<Record<string, string>> = {
  "hardlink-parent-inclusion": NO_PARENTS,
  "whiteout-includes-parents": NO_PARENTS,
  "symlinks-1": NO_PARENTS,
  "symlinks-2": NO_PARENTS,
  "symlinks-4": NO_PARENTS,
  "simple-diff": NO_PARENTS,
  "docker-new-file-three-directories-deep": NO_PARENTS,
  "hardlink-modified-through-one-name": NO_PARENTS,
  "directory-replace": "writes markers below what is a file now",
  "docker-mutated-directory": "writes markers below what is a file now",
  "source-date-epoch": "knows no SOURCE_DATE_EPOCH",
};

function acceptedOfUmoci(deviation: string | undefined): readonly string[] {
  if (deviation === undefined) return ["ok", "variant"];
  return deviation === NO_PARENTS ? ["differs", "ok"] : ["differs"];
}

describeWith(["umoci", "bwrap", "getfattr", "root", "tar", "gzip"], "umoci", () => {
  const unpack = { name: "umoci", script: 'umoci raw unpack --image "$LAYOUT:$TAG" "$OUT"' };

  it("applies the cases of other tools as we do", { timeout: 120_000 }, () => {
    for (const test of [...applyCases.values()].flat()) {
      const { kind, note } = judge(test, runOnCommand(test, unpack));
      expect(["ok", "variant"], `${test.name}: ${kind}\n${note}`).toContain(kind);
    }
  });

  it("creates what we do, but where it is known to differ", { timeout: 120_000 }, async () => {
    const umoci = changesetCommands({ name: "umoci", create: umociRepack });
    for (const test of [...createCases.values()].flat()) {
      const { kind, note } = judgeCreated(test, await runOnCreator(test, umoci, {}));
      const accepted = acceptedOfUmoci(UMOCI_DEVIATIONS[test.name]);
      expect(accepted, `${test.name}: ${kind}\n${note}`).toContain(kind);
    }
  });
});
