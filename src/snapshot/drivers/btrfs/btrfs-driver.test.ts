import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type BtrfsPlace, makeBtrfs } from "../../../../test/support/btrfs-place.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../../../content/index.ts";
import { createSubvolume, isSubvolumeReadOnly, SUBVOLUME_INODE } from "../../../linux/index.ts";
import { type Mount, openSnapshotter, type Snapshotter, snapshotKey, snapshotName } from "../../index.ts";
import { mountAll, unmountAll } from "../../mount-all.ts";

const open = async (root: string): Promise<Snapshotter> =>
  await openSnapshotter({
    root,
    driver: "btrfs",
    content: createMemoryContentStore(),
    indexCache: createMemoryIndexCache(),
  });

it("a snapshotter of btrfs says so when its root lies on something else", async () => {
  const root = mkdtempSync(join(tmpdir(), "no-btrfs-"));
  try {
    await expect(open(root)).rejects.toMatchObject({ code: "not-on-btrfs", kind: "failed-precondition" });
  } finally {
    rmSync(root, { recursive: true });
  }
});

describeWith(["mkfs.btrfs", "mount"], "snapshots of btrfs", () => {
  let place: BtrfsPlace;
  let root: string;
  let snapshots: Snapshotter;
  beforeAll(() => {
    place = makeBtrfs();
  });
  afterAll(() => place[Symbol.dispose]());
  beforeEach(async () => {
    root = mkdtempSync(join(place.directory, "root-"));
    snapshots = await open(root);
  });
  afterEach(async () => {
    await snapshots[Symbol.asyncDispose]();
  });
  const data = (): string => join(root, "btrfs/data");

  /** Where an active snapshot lies: it can be worked on without mounting it. */
  const sourceOf = (mounts: readonly Mount[]): string => mounts[0]?.source as string;

  async function change(name: string, parent: string | undefined, work: (root: string) => void): Promise<string> {
    const above = parent === undefined ? undefined : snapshotName(parent);
    const source = sourceOf(await snapshots.prepare(snapshotKey(`${name}-key`), above));
    work(source);
    await snapshots.commit(snapshotName(name), snapshotKey(`${name}-key`));
    return source;
  }

  it("are subvolumes into which nobody writes once they are committed, or views", async () => {
    const base = await change("base", undefined, (top) => writeFileSync(join(top, "file"), "base"));
    expect([lstatSync(base).ino, isSubvolumeReadOnly(base)]).toEqual([SUBVOLUME_INODE, true]);
    const view = sourceOf(await snapshots.view(snapshotKey("v"), snapshotName("base")));
    expect(() => writeFileSync(join(view, "file"), "")).toThrow(expect.objectContaining({ code: "EROFS" }));
    const empty = sourceOf(await snapshots.view(snapshotKey("nothing"), undefined));
    expect(() => writeFileSync(join(empty, "file"), "")).toThrow(expect.objectContaining({ code: "EROFS" }));
  });

  it("leave no trace of what was deleted: it is found by comparing with the parent", async () => {
    const base = await change("base", undefined, (top) => {
      mkdirSync(join(top, "directory/deep"), { recursive: true });
      for (const name of ["keep", "change", "delete", "directory/deep/file"]) writeFileSync(join(top, name), "base");
    });
    const next = await change("next", "base", (top) => {
      rmSync(join(top, "delete"));
      rmSync(join(top, "directory"), { recursive: true });
      writeFileSync(join(top, "change"), "next");
      writeFileSync(join(top, "add"), "next");
    });
    expect(readdirSync(next)).toEqual(["add", "change", "keep"]);
    expect(differences(base, next)).toEqual({
      added: ["add"],
      changed: ["change"],
      deleted: ["delete", "directory", "directory/deep", "directory/deep/file"],
    });
    expect(readFileSync(join(base, "change"), "utf8")).toBe("base");
  });

  it("count all that lies where the parent has a symlink, and never look behind that", async () => {
    await change("base", undefined, (top) => {
      symlinkSync("loop", join(top, "loop"));
      symlinkSync("/etc", join(top, "etc"));
    });
    await change("next", "base", (top) => {
      for (const name of ["loop", "etc"]) {
        rmSync(join(top, name));
        mkdirSync(join(top, name));
        writeFileSync(join(top, name, "passwd"), "mine");
      }
    });
    // Two directories, two files, and the root, which changed.
    expect((await snapshots.usage(snapshotName("next"))).inodes).toBe(5);
  });

  it("count what differs from the parent", async () => {
    await change("base", undefined, (top) => {
      writeFileSync(join(top, "large"), Buffer.alloc(1_000_000, 1));
      writeFileSync(join(top, "other"), Buffer.alloc(100_000, 2));
    });
    await change("next", "base", (top) => writeFileSync(join(top, "other"), Buffer.alloc(200_000, 3)));
    const [base, next] = [await snapshots.usage(snapshotName("base")), await snapshots.usage(snapshotName("next"))];
    expect(base.inodes).toBe(3);
    expect(base.bytes).toBeGreaterThanOrEqual(1_100_000);
    expect(next.inodes).toBe(1);
    expect(next.bytes).toBeGreaterThanOrEqual(200_000);
    expect(next.bytes).toBeLessThan(300_000);
  });

  it("go with the subvolumes that somebody made inside", async () => {
    const source = sourceOf(await snapshots.prepare(snapshotKey("a"), undefined));
    mkdirSync(join(source, "directory"));
    for (const inner of ["directory/one", "directory/one/two", "three"]) createSubvolume(join(source, inner));
    writeFileSync(join(source, "directory/one/two/file"), "");
    await snapshots.commit(snapshotName("A"), snapshotKey("a"));
    const child = sourceOf(await snapshots.prepare(snapshotKey("b"), snapshotName("A")));
    expect(readdirSync(join(child, "directory/one"))).toEqual([]);
    await snapshots.remove(snapshotKey("b"));
    await snapshots.remove(snapshotName("A"));
    expect(existsSync(source)).toBe(false);
    expect(readdirSync(data())).toEqual([]);
  });

  it("are mounted by binding them, and not removed meanwhile", async () => {
    await change("base", undefined, (top) => writeFileSync(join(top, "file"), "base"));
    const target = join(root, "target");
    mkdirSync(target);
    await mountAll(await snapshots.view(snapshotKey("v"), snapshotName("base")), target);
    try {
      expect(readFileSync(join(target, "file"), "utf8")).toBe("base");
      await expect(snapshots.remove(snapshotKey("v"))).rejects.toMatchObject({ code: "snapshot-in-use" });
    } finally {
      await unmountAll(target);
    }
    await snapshots.remove(snapshotKey("v"));
    await snapshots.remove(snapshotName("base"));
    expect(readdirSync(data())).toEqual([]);
  });
});

/** Two trees compared name by name: what a layer between them has to say. */
function differences(from: string, to: string): Record<"added" | "changed" | "deleted", string[]> {
  const list = (top: string): string[] => (readdirSync(top, { recursive: true }) as string[]).sort();
  const [before, after] = [new Set(list(from)), new Set(list(to))];
  const isChanged = (name: string): boolean => {
    const [old, now] = [lstatSync(join(from, name)), lstatSync(join(to, name))];
    return !old.isDirectory() && old.ctimeMs !== now.ctimeMs;
  };
  return {
    added: [...after].filter((name) => !before.has(name)),
    changed: [...after].filter((name) => before.has(name) && isChanged(name)),
    deleted: [...before].filter((name) => !after.has(name)),
  };
}
