import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  char,
  dir,
  fifo,
  file,
  hardlink,
  opaque,
  readDirectory,
  symlink,
  type TarStep,
  treeText,
  whiteout,
} from "../../src/testing/index.ts";
import { runStrata } from "../cli/run-strata.ts";
import { describeWith } from "../support/oracles.ts";
import { run, withDirectory, writeLayout } from "./oracle-trees.ts";

const LATER = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };
/** CAP_NET_BIND_SERVICE, permitted and effective: struct vfs_cap_data, version 2. */
const CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/** What tells implementations apart: hardlinks over layers, entries through lower links, what is replaced by another type. */
const LAYERS: readonly (readonly TarStep[])[] = [
  [
    dir("a", { mtime: LATER }),
    file("a/gone", "g"),
    dir("op", { mode: 0o700, uid: 5, gid: 6 }),
    file("op/low", "1"),
    dir("usr"),
    dir("usr/lib", { mtime: LATER }),
    file("usr/lib/l0", "lib"),
    symlink("lib", "usr/lib"),
    symlink("chain", "/lib"),
    file("setuid", "s", { mode: 0o4755, uid: 7 }),
    file("able", "c", { mode: 0o755, uid: 3, xattrs: { "security.capability": CAPABILITY } }),
    file("noted", "x", { xattrs: { "user.bin": "\x00\xff", "trusted.t": "t" } }),
    file("one", "hard"),
    hardlink("two", "one"),
    hardlink("three", "/one"),
    char("null", [1, 3], { mode: 0o666 }),
    fifo("pipe", { mode: 0o611 }),
    file("huge", "h", { uid: 4_294_967_294, gid: 3_000_000_000 }),
    file("n".repeat(255), "255"),
    file("bad\xff\xfe\x80", "no UTF-8"),
    symlink("long", "t/".repeat(2000)),
    file("becomes-directory", "f"),
    dir("becomes-file"),
    file("becomes-file/in", "i"),
    dir("closed", { mode: 0 }),
    file("closed/in", "x", { mode: 0 }),
    file("..foo", "dots"),
  ],
  [
    whiteout("a/gone"),
    dir("op", { mode: 0o711, uid: 9 }),
    file("op/up", "u"),
    opaque("op"),
    file("lib/through", "a link"),
    dir("chain/deep"),
    hardlink("four", "one"),
    hardlink("a/five", "three"),
    whiteout("two"),
    dir("becomes-directory"),
    file("becomes-file", "f"),
    hardlink("able2", "able"),
    dir("usr/lib", { mode: 0o750, uid: 77, mtime: LATER }),
    whiteout("not/there"),
  ],
  [whiteout("a"), file("one", "replaced"), whiteout("lib/l0"), hardlink("six", "four"), dir("a", { mode: 0o701 })],
];

describeWith(["umoci", "mount"], "an image that tells implementations apart", () => {
  it("is the same tree by every driver, mounted read-only and writable, unpacked, and by umoci", async () => {
    await withDirectory(async (place) => {
      const at = (name: string): string => join(place, name);
      writeLayout(at("layout"), LAYERS, { gzip: true });
      const image = `oci:${at("layout")}:latest`;
      const strata = async (...words: string[]): Promise<void> => {
        const { code, stderr } = await runStrata(words, { env: { STRATA_ROOT: at("store") } });
        expect({ words, code, stderr: code === 0 ? "" : stderr }).toEqual({ words, code: 0, stderr: "" });
      };
      const tree = (directory: string): string => treeText(readDirectory(directory), { withoutRoot: true });
      run("umoci", ["raw", "unpack", "--image", `${at("layout")}:latest`, at("theirs")]);
      const theirs = tree(at("theirs"));
      await strata("unpack", image, at("ours"));
      expect(tree(at("ours"))).toBe(theirs);
      mkdirSync(at("mnt"));
      for (const driver of ["erofs", "overlay", "vfs"]) {
        for (const how of [[], ["--rw"]]) {
          await strata("mount", "--snapshotter", driver, ...how, image, at("mnt"));
          expect(tree(at("mnt"))).toBe(theirs);
          await strata("umount", at("mnt"));
        }
      }
    });
  });
});
