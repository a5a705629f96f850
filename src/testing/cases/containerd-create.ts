import { chmod, type DirectoryEdit, remove } from "../adapters/edit-directory.ts";
import type { CreateCase } from "../create-case.ts";
import { dir, file, hardlink, SCRIPT_TIME, symlink, type TarStep, whiteout } from "../tar-script.ts";

type Step = TarStep | DirectoryEdit;

const DIFF_TAR = "containerd pkg/archive TestDiffTar";
const SYMLINKS = "containerd pkg/archive TestSymlinks, TestRelativeSymlinks";
const EARLIER = SCRIPT_TIME - 1000;
const LATER = SCRIPT_TIME + 1000;

/** A little of everything. */
const BASE: readonly TarStep[] = [
  dir("etc"),
  file("etc/hosts", "127.0.0.1 localhost"),
  hardlink("etc/hosts.allow", "etc/hosts"),
  dir("usr"),
  dir("usr/local"),
  dir("usr/local/lib"),
  file("usr/local/lib/libnothing.so", "\0\0", { mode: 0o755 }),
  symlink("usr/local/lib/libnothing.so.2", "libnothing.so"),
  dir("home"),
  dir("home/derek", { mode: 0o700 }),
];

/** The changesets that containerd writes. */
export const containerdCreate: readonly CreateCase[] = [
  {
    name: "empty-diff",
    lower: [dir("etc")],
    edits: [],
    entries: [],
    because: "Nothing changed, so nothing is in it.",
    origin: `${DIFF_TAR}/EmptyDiff`,
  },
  {
    name: "base-diff",
    lower: [],
    edits: BASE,
    entries: BASE,
    because: "Out of nothing, all of the tree is the changeset.",
    origin: "containerd pkg/archive TestBaseDiff",
  },
  {
    name: "parent-inclusion",
    lower: [dir("d1"), dir("d2", { mode: 0o770 })],
    edits: [dir("d1/d", { mode: 0o700 }), file("d2/f", "ok")],
    entries: [dir("d1"), dir("d1/d", { mode: 0o700 }), dir("d2", { mode: 0o770 }), file("d2/f", "ok")],
    because: "The directories above stand before what is in them, with their own attributes.",
    origin: `${DIFF_TAR}/ParentInclusion`,
  },
  {
    name: "hardlink-parent-inclusion",
    lower: [
      dir("d1"),
      file("d1/f1", "link me"),
      dir("d2"),
      file("d2/f1", "link me"),
      dir("d3"),
      dir("d4"),
      file("d4/f1", "link me"),
      dir("d6"),
    ],
    edits: [hardlink("d2/l1", "d1/f1"), hardlink("d3/l1", "d4/f1")],
    entries: [
      dir("d1"),
      file("d1/f1", "link me"),
      dir("d2"),
      hardlink("d2/l1", "d1/f1"),
      dir("d3"),
      file("d3/l1", "link me"),
      dir("d4"),
      hardlink("d4/f1", "d3/l1"),
    ],
    because: "All names of a file that got one more are in it, so that they are one file afterwards, too.",
    origin: `${DIFF_TAR}/HardlinkParentInclusion`,
    variants: [
      {
        entries: [
          dir("d2"),
          file("d2/l1", "link me"),
          dir("d1"),
          hardlink("d1/f1", "d2/l1"),
          dir("d3"),
          file("d3/l1", "link me"),
          dir("d4"),
          hardlink("d4/f1", "d3/l1"),
        ],
        because: "Gives the content to the new name: the same file",
      },
    ],
  },
  {
    name: "update-directory-permission",
    lower: [dir("d1"), dir("d2", { mode: 0o770 })],
    edits: [chmod("d1", 0o777), dir("d1/d", { mode: 0o700 }), file("d2/f", "ok")],
    entries: [dir("d1", { mode: 0o777 }), dir("d1/d", { mode: 0o700 }), dir("d2", { mode: 0o770 }), file("d2/f", "ok")],
    because: "A directory's entry has the mode that it has now.",
    origin: `${DIFF_TAR}/UpdateDirectoryPermission`,
  },
  {
    name: "hardlink-updated-parent",
    lower: [dir("d1"), file("d1/f1", "link me"), dir("d2")],
    edits: [chmod("d1", 0o777), hardlink("d2/l1", "d1/f1")],
    entries: [dir("d1", { mode: 0o777 }), file("d1/f1", "link me"), dir("d2"), hardlink("d2/l1", "d1/f1")],
    because: "The target stands before the link, each below its directory.",
    origin: `${DIFF_TAR}/HardlinkUpdatedParent`,
    variants: [
      {
        entries: [dir("d1", { mode: 0o777 }), file("d2/l1", "link me"), dir("d2"), hardlink("d1/f1", "d2/l1")],
        because: "Gives the content to the new name: the same file",
      },
    ],
  },
  {
    name: "whiteout-includes-parents",
    lower: [
      dir("d1"),
      file("d1/f1", "content"),
      dir("d2"),
      file("d2/f1", "content"),
      file("d2/f2", "content"),
      dir("d3"),
      file("d3/f1", "content"),
      dir("d4"),
      file("d4/f1", "content"),
      dir("d5"),
      file("d5/f1", "content"),
    ],
    edits: [
      remove("d1/f1"),
      remove("d2/f1"),
      chmod("d2/f2", 0o777),
      remove("d3/f1"),
      file("d3/f2", "content"),
      remove("d4/f1"),
      file("d4/f0", "content"),
      remove("d5"),
    ],
    entries: [
      dir("d1"),
      whiteout("d1/f1"),
      dir("d2"),
      whiteout("d2/f1"),
      file("d2/f2", "content", { mode: 0o777 }),
      dir("d3"),
      whiteout("d3/f1"),
      file("d3/f2", "content"),
      dir("d4"),
      file("d4/f0", "content"),
      whiteout("d4/f1"),
      whiteout("d5"),
    ],
    because: "A marker too stands below the entry of its directory.",
    origin: `${DIFF_TAR}/WhiteoutIncludesParents`,
  },
  {
    name: "whiteout-parent-removal",
    lower: [dir("d1"), dir("d2"), file("d2/f1", "content")],
    edits: [remove("d1"), remove("d2"), dir("d3")],
    entries: [whiteout("d1"), whiteout("d2"), dir("d3")],
    because: "One marker for all of a directory.",
    origin: `${DIFF_TAR}/WhiteoutParentRemoval`,
  },
  {
    name: "source-date-epoch",
    lower: [file("f1", "content")],
    edits: [remove("f1"), file("f2", "content2", { mtime: EARLIER }), file("f3", "content3", { mtime: LATER })],
    entries: [
      whiteout("f1"),
      file("f2", "content2", { mtime: EARLIER }),
      file("f3", "content3", { mtime: SCRIPT_TIME }),
    ].map((step) => (step.name.startsWith(".wh.") ? { ...step, mtime: { seconds: 0, nanoseconds: 0 } } : step)),
    times: true,
    epoch: SCRIPT_TIME,
    because: "What is later becomes the epoch, what is earlier stays, and a deletion is as old as time.",
    origin: "containerd pkg/archive TestSourceDateEpoch",
  },
  ...[
    [
      [dir("bin"), file("bin/superbinary", "\0\0", { mode: 0o755 }), symlink("bin/other1", "../bin/superbinary")],
      [
        remove("bin/other1"),
        symlink("bin/other1", "/bin/superbinary"),
        symlink("bin/other2", "../bin/superbinary"),
        symlink("bin/other3", "superbinary"),
      ],
      [
        dir("bin"),
        symlink("bin/other1", "/bin/superbinary"),
        symlink("bin/other2", "../bin/superbinary"),
        symlink("bin/other3", "superbinary"),
      ],
    ],
    [
      [dir("bin"), dir("sbin"), file("sbin/x", "\0"), symlink("bin/x", "/sbin/x"), symlink("bin/other1", "../bin/x")],
      [remove("bin/other1"), symlink("bin/other1", "/bin/x"), symlink("bin/other2", "x")],
      [dir("bin"), symlink("bin/other1", "/bin/x"), symlink("bin/other2", "x")],
    ],
    [
      [dir("bin"), file("bin/actualbinary", "\0"), symlink("bin/myapp", "actualbinary")],
      [remove("bin/myapp"), dir("bin/myapp")],
      [dir("bin"), dir("bin/myapp")],
    ],
    [
      BASE,
      [
        symlink("home/derek/updown", "up/../../other"),
        symlink("home/derek/breakout", "../../../breakout"),
        symlink("breakout", "etc/../../upandout"),
        symlink("localetc", "/etc"),
      ],
      [
        dir("home"),
        dir("home/derek", { mode: 0o700 }),
        symlink("home/derek/updown", "up/../../other"),
        symlink("home/derek/breakout", "../../../breakout"),
        symlink("breakout", "etc/../../upandout"),
        symlink("localetc", "/etc"),
      ],
    ],
  ].map(
    ([lower, edits, entries], i): CreateCase => ({
      name: `symlinks-${i + 1}`,
      lower: lower as readonly Step[],
      edits: edits as readonly Step[],
      entries: entries as readonly TarStep[],
      because: "A symlink is what it says, wherever that leads.",
      origin: SYMLINKS,
    }),
  ),
];
