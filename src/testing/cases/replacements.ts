import type { ConformanceCase } from "../conformance-case.ts";
import { block, char, dir, fifo, file, symlink } from "../tar-script.ts";
import { KERNEL_WHITEOUT, OWN_DIRECTORIES } from "./reasons.ts";

const OVER = "image-spec layer.md#changeset-over-existing-files";
const ATTRIBUTES = "image-spec layer.md#file-attributes";

/** Entries over what lower layers have: other types, other attributes. */
export const replacements: readonly ConformanceCase[] = [
  {
    name: "file-over-file",
    layers: [[file("a", "1", { mode: 0o600, uid: 1 })], [file("a", "22")]],
    expected: { tree: [file("a", "22")] },
    because: "The entry is the whole file: nothing of the old one stays, owner and mode included.",
    spec: OVER,
  },
  {
    name: "file-over-directory",
    layers: [[dir("d"), file("d/x", "1"), dir("d/s"), file("d/s/y", "1")], [file("d", "2")]],
    expected: { tree: [file("d", "2")] },
    because: "The directory goes with everything below it, without any marker.",
    spec: OVER,
  },
  {
    name: "directory-over-file",
    layers: [[file("d", "1")], [dir("d", { mode: 0o700 }), file("d/x", "2")]],
    expected: { tree: [dir("d", { mode: 0o700 }), file("d/x", "2")] },
    because: "The file is removed, the directory takes its place.",
    spec: OVER,
  },
  {
    name: "file-to-directory-to-symlink-to-file",
    layers: [[file("a", "1")], [dir("a"), file("a/x", "2")], [symlink("a", "b")], [file("a", "4")]],
    expected: { tree: [file("a", "4")] },
    because: "Each layer replaces the type of the one below; the last wins.",
    spec: OVER,
  },
  {
    name: "symlink-over-directory",
    layers: [[dir("d"), file("d/x", "1"), dir("e"), file("e/y", "1")], [symlink("d", "e")]],
    expected: { tree: [symlink("d", "e"), dir("e"), file("e/y", "1")] },
    because: "The children of the directory are gone, not moved to the symlink's target.",
    spec: OVER,
  },
  {
    name: "directory-over-symlink",
    layers: [
      [dir("t"), file("t/x", "1"), symlink("l", "t")],
      [dir("l", { mode: 0o700 }), file("l/y", "2")],
    ],
    expected: { tree: [dir("l", { mode: 0o700 }), file("l/y", "2"), dir("t"), file("t/x", "1")] },
    because: "A symlink is no directory, also when it points to one: it is removed, its target untouched.",
    spec: OVER,
  },
  {
    name: "file-over-symlink",
    layers: [[file("t", "1"), symlink("l", "t")], [file("l", "2")]],
    expected: { tree: [file("l", "2"), file("t", "1")] },
    because: "The symlink is replaced, nothing is written through it.",
    spec: OVER,
  },
  {
    name: "symlink-over-symlink",
    layers: [[symlink("l", "a")], [symlink("l", "b")]],
    expected: { tree: [symlink("l", "b")] },
    because: "The target is the content of a symlink.",
    spec: OVER,
  },
  {
    name: "devices-and-pipes",
    layers: [[dir("dev"), char("dev/null", [1, 3], { mode: 0o666 }), block("dev/loop0", [7, 0]), fifo("dev/log")]],
    expected: {
      tree: [dir("dev"), block("dev/loop0", [7, 0]), fifo("dev/log"), char("dev/null", [1, 3], { mode: 0o666 })],
    },
    because: "All file types of the specification but sockets.",
    spec: "image-spec layer.md#file-types",
  },
  {
    name: "device-over-file-over-device",
    layers: [
      [char("a", [1, 3]), file("b", "1")],
      [file("a", "2"), char("b", [1, 5])],
    ],
    expected: { tree: [file("a", "2"), char("b", [1, 5])] },
    because: "Devices replace and are replaced as any other file.",
    spec: OVER,
  },
  {
    name: "device-zero-zero-is-a-device",
    layers: [[file("a", "1"), file("b", "1")], [char("a", [0, 0])]],
    expected: { tree: [char("a", [0, 0]), file("b", "1")] },
    because: "In a layer only names make markers; 0:0 means deletion only in overlay's own upper directories.",
    spec: "image-spec layer.md#whiteouts",
    variants: [KERNEL_WHITEOUT(file("b", "1"))],
  },
  {
    name: "directory-over-directory-keeps-the-children",
    layers: [[dir("d", { mode: 0o755, uid: 1 }), file("d/x", "1")], [dir("d", { mode: 0o1777, uid: 2, gid: 3 })]],
    expected: { tree: [dir("d", { mode: 0o1777, uid: 2, gid: 3 }), file("d/x", "1")] },
    because: "The attributes are replaced by those of the entry; the children are other paths.",
    spec: OVER,
  },
  {
    name: "directory-over-directory-replaces-all-xattrs",
    layers: [
      [dir("d", { xattrs: { "user.one": "1" } }), file("d/x", "1")],
      [dir("d", { xattrs: { "user.two": "2" } })],
    ],
    expected: { tree: [dir("d", { xattrs: { "user.two": "2" } }), file("d/x", "1")] },
    because: "Extended attributes are attributes: the entry's replace the old ones, also where it has none.",
    spec: OVER,
    variants: [
      {
        tree: [dir("d", { xattrs: { "user.one": "1", "user.two": "2" } }), file("d/x", "1")],
        because: "Sets attributes and never removes one: the old ones shine through",
      },
    ],
  },
  {
    name: "parent-without-entry-keeps-its-attributes",
    layers: [[dir("d", { mode: 0o700, uid: 7, gid: 8 })], [file("d/x", "2")]],
    expected: { tree: [dir("d", { mode: 0o700, uid: 7, gid: 8 }), file("d/x", "2")] },
    because: "A layer that says nothing about the directory does not change it.",
    spec: OVER,
    variants: [OWN_DIRECTORIES(dir("d"), file("d/x", "2"))],
  },
  {
    name: "parent-without-any-entry-is-implied",
    layers: [[file("a/b/c", "1")]],
    expected: { tree: [file("a/b/c", "1")] },
    because: "Directories that nobody describes are 0755 and owned by root, whatever the umask.",
    spec: "image-spec layer.md#creating",
  },
  {
    name: "parent-entry-after-its-children",
    layers: [[file("d/x", "1"), dir("d", { mode: 0o700, uid: 5 })]],
    expected: { tree: [dir("d", { mode: 0o700, uid: 5 }), file("d/x", "1")] },
    because: "The entry describes the directory, whenever it comes.",
    spec: OVER,
  },
  {
    name: "parent-without-permissions",
    layers: [[dir("d", { mode: 0 }), file("d/x", "1", { mode: 0 })]],
    expected: { tree: [dir("d", { mode: 0 }), file("d/x", "1", { mode: 0 })] },
    because: "Modes are what the image has, not what the extractor needs.",
    spec: ATTRIBUTES,
  },
  {
    name: "setuid-survives-the-change-of-owner",
    layers: [[file("su", "1", { mode: 0o4755, uid: 1000, gid: 1000 }), dir("d", { mode: 0o2775, gid: 50 })]],
    expected: { tree: [dir("d", { mode: 0o2775, gid: 50 }), file("su", "1", { mode: 0o4755, uid: 1000, gid: 1000 })] },
    because: "chown(2) clears these bits: tools must set the mode after the owner.",
    spec: `${ATTRIBUTES}, chown(2)`,
  },
  {
    name: "mode-ignores-the-umask",
    layers: [[file("f", "1", { mode: 0o666 }), dir("d", { mode: 0o777 })]],
    expected: { tree: [dir("d", { mode: 0o777 }), file("f", "1", { mode: 0o666 })] },
    because: "Modes are what the image has, not what the extractor's environment allows.",
    spec: ATTRIBUTES,
  },
  {
    name: "large-owner-ids",
    layers: [[file("a", "1", { uid: 2_097_152, gid: 3_000_000_000 })]],
    expected: { tree: [file("a", "1", { uid: 2_097_152, gid: 3_000_000_000 })] },
    because: "Ids have 32 bits on Linux; ustar's 21 are extended by PAX.",
    spec: ATTRIBUTES,
  },
  {
    name: "capabilities-survive-the-change-of-owner",
    layers: [[file("ping", "1", { uid: 5, xattrs: { "security.capability": CAP_NET_RAW() } })]],
    expected: { tree: [file("ping", "1", { uid: 5, xattrs: { "security.capability": CAP_NET_RAW() } })] },
    because: "chown(2) clears file capabilities: tools must set xattrs after the owner.",
    spec: `${ATTRIBUTES}, capabilities(7)`,
  },
  {
    name: "xattrs-of-files-and-directories",
    layers: [
      [
        file("f", "1", { xattrs: { "user.empty": "", "user.bytes": "\x00\xff=\n" } }),
        dir("d", { xattrs: { "user.k": "v" } }),
      ],
    ],
    expected: {
      tree: [
        dir("d", { xattrs: { "user.k": "v" } }),
        file("f", "1", { xattrs: { "user.empty": "", "user.bytes": "\x00\xff=\n" } }),
      ],
    },
    because: "Values are bytes; an empty value is a value.",
    spec: ATTRIBUTES,
    variants: [
      {
        tree: [dir("d", { xattrs: { "user.k": "v" } }), file("f", "1", { xattrs: { "user.bytes": "\x00\xff=\n" } })],
        because: "In PAX an empty value also means: delete the record (POSIX pax, Go's archive/tar)",
      },
    ],
  },
  {
    name: "attributes-alone-changed",
    layers: [
      [file("f", "1"), dir("d")],
      [file("f", "1", { mode: 0o600, uid: 9 }), dir("d", { gid: 9 })],
    ],
    expected: { tree: [dir("d", { gid: 9 }), file("f", "1", { mode: 0o600, uid: 9 })] },
    because: "A change of metadata is a change: the layer carries the whole entry.",
    spec: "image-spec layer.md#change-types",
  },
  {
    name: "duplicate-file-in-one-layer",
    layers: [[file("a", "1", { mode: 0o600 }), file("b", "2"), file("a", "3")]],
    expected: { tree: [file("a", "3"), file("b", "2")] },
    because: "Applied in order the last entry of a name wins.",
    spec: OVER,
    variants: [{ refusal: "any", because: "The specification forbids duplicates (layer.md#distributable-format)" }],
  },
  {
    name: "duplicate-of-another-type-in-one-layer",
    layers: [[dir("a"), file("a/x", "1"), file("a", "2"), dir("a"), file("a/y", "3")]],
    expected: { tree: [dir("a"), file("a/y", "3")] },
    because: "Applied in order: the file removed the first directory, the second one is new.",
    spec: OVER,
    variants: [{ refusal: "any", because: "Duplicates are not meant to be" }],
  },
  {
    name: "file-below-a-file",
    layers: [[file("f", "1")], [file("f/x", "2")]],
    expected: { tree: [file("f/x", "2")] },
    because: "The entry implies a directory, and a directory replaces the file.",
    spec: OVER,
    variants: [
      {
        refusal: "any",
        because: "A layer without the directory's own entry is malformed to tools that only make missing parents",
      },
    ],
  },
  {
    name: "empty-layers",
    layers: [[], [file("a", "1")], [], [], [file("b", "2")], []],
    expected: { tree: [file("a", "1"), file("b", "2")] },
    because: "A layer may change nothing.",
    spec: "image-spec layer.md#applying-changesets",
  },
  {
    name: "no-entries-at-all",
    layers: [[]],
    expected: { tree: [] },
    because: "The empty image is an empty root directory.",
    spec: "image-spec layer.md#applying-changesets",
  },
  {
    name: "same-layer-twice",
    layers: [
      [dir("d"), file("d/x", "1")],
      [dir("d"), file("d/x", "1")],
    ],
    expected: { tree: [dir("d"), file("d/x", "1")] },
    because: "Applying is idempotent; images do repeat layers.",
    spec: "image-spec layer.md#applying-changesets",
  },
  {
    name: "hundred-layers",
    layers: Array.from({ length: 100 }, (_, i) => [
      dir("d", { mode: 0o700 + (i % 8) }),
      file("d/last", String(i)),
      file(`d/own-${i}`, String(i)),
      ...(i > 0 ? [file(`d/.wh.own-${i - 1}`)] : []),
    ]),
    expected: { tree: [dir("d", { mode: 0o703 }), file("d/last", "99"), file("d/own-99", "99")] },
    because: "The number of layers changes nothing.",
    spec: "image-spec layer.md#applying-changesets",
  },
];

/** cap_net_raw+ep, VFS_CAP_REVISION_2 (linux/capability.h). */
function CAP_NET_RAW(): string {
  return "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
}
