import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BtrfsPlace, makeBtrfs } from "../../test/support/btrfs-place.ts";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText } from "../base/index.ts";
import {
  createSubvolume,
  destroySubvolume,
  isSubvolumeReadOnly,
  SUBVOLUME_INODE,
  setSubvolumeReadOnly,
  snapshotSubvolume,
} from "./btrfs.ts";

const withCode = (code: string): unknown => expect.objectContaining({ code });

describeWith(["mkfs.btrfs", "mount"], "subvolumes of btrfs", () => {
  let place: BtrfsPlace;
  beforeAll(() => {
    place = makeBtrfs();
  });
  afterAll(() => place[Symbol.dispose]());
  const at = (name: string): string => join(place.directory, name);

  it("are made, with names of any bytes, and know themselves by their inode", () => {
    createSubvolume(fromText(at("größe")));
    expect(lstatSync(at("größe")).ino).toBe(SUBVOLUME_INODE);
    expect(() => createSubvolume(fromText(at("größe")))).toThrow(withCode("EEXIST"));
    expect(() => createSubvolume(at("missing/x"))).toThrow(withCode("ENOENT"));
  });

  it("are copied at once, and go their own ways", () => {
    createSubvolume(at("one"));
    writeFileSync(at("one/file"), "old");
    snapshotSubvolume(at("one"), at("two"));
    writeFileSync(at("two/file"), "new");
    expect([readFileSync(at("one/file"), "utf8"), readFileSync(at("two/file"), "utf8")]).toEqual(["old", "new"]);
    expect(() => snapshotSubvolume(at("one"), at("two"))).toThrow(withCode("EEXIST"));
    mkdirSync(at("plain"));
    expect(() => snapshotSubvolume(at("plain"), at("three"))).toThrow(withCode("EINVAL"));
  });

  it("can be closed to writers and opened again", () => {
    createSubvolume(at("closed"));
    expect(isSubvolumeReadOnly(at("closed"))).toBe(false);
    setSubvolumeReadOnly(at("closed"), true);
    expect(isSubvolumeReadOnly(at("closed"))).toBe(true);
    expect(() => writeFileSync(at("closed/x"), "")).toThrow(withCode("EROFS"));
    setSubvolumeReadOnly(at("closed"), false);
    writeFileSync(at("closed/x"), "");
    snapshotSubvolume(at("closed"), at("copy"), { isReadOnly: true });
    expect(isSubvolumeReadOnly(at("copy"))).toBe(true);
  });

  it("are deleted with what they hold, but not with subvolumes inside", () => {
    createSubvolume(at("outer"));
    writeFileSync(at("outer/file"), "");
    createSubvolume(at("outer/inner"));
    expect(() => destroySubvolume(at("outer"))).toThrow(withCode("ENOTEMPTY"));
    destroySubvolume(at("outer/inner"));
    expect(readdirSync(at("outer"))).toEqual(["file"]);
    destroySubvolume(at("outer"));
    expect(existsSync(at("outer"))).toBe(false);
    expect(() => destroySubvolume(at("outer"))).toThrow(withCode("ENOENT"));
  });

  it("are unknown to other file systems", () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "no-btrfs-"));
    try {
      expect(() => createSubvolume(join(elsewhere, "x"))).toThrow(withCode("ENOTTY"));
      expect(() => isSubvolumeReadOnly(elsewhere)).toThrow(withCode("ENOTTY"));
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});
