import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bringIn, stackOf } from "../../../../test/support/layer-stack.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../../test/support/scratch-mount.ts";
import { createMemoryContentStore, createMemoryIndexCache } from "../../../content/index.ts";
import { readXattrs, setFileTimes, writeXattr } from "../../../linux/index.ts";
import { char, dir, file, tarScript } from "../../../testing/index.ts";
import { type Mount, openSnapshotter, type Snapshotter, snapshotKey, snapshotName } from "../../index.ts";
import { mountAll, unmountAll } from "../../mount-all.ts";

describeWith(["mount"], "snapshots of overlayfs", () => {
  let place: ScratchMount;
  let snapshots: Snapshotter;
  beforeEach(async () => {
    place = makeScratchMount();
    snapshots = await openSnapshotter({
      root: place.directory,
      driver: "overlay",
      content: createMemoryContentStore(),
      indexCache: createMemoryIndexCache(),
    });
  });
  afterEach(async () => {
    await snapshots[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });

  /** Works on what is mounted, as a container would. */
  async function inside<T>(mounts: readonly Mount[], work: (root: string) => T | Promise<T>): Promise<T> {
    const target = join(place.directory, "target");
    mkdirSync(target, { recursive: true });
    await mountAll(mounts, target);
    try {
      return await work(target);
    } finally {
      await unmountAll(target);
    }
  }

  async function change(name: string, parent: string | undefined, work: (root: string) => void): Promise<void> {
    const above = parent === undefined ? undefined : snapshotName(parent);
    await inside(await snapshots.prepare(snapshotKey(`${name}-key`), above), work);
    await snapshots.commit(snapshotName(name), snapshotKey(`${name}-key`));
  }

  it("hold what containers change, deletions and replaced directories too", async () => {
    await change("base", undefined, (root) => {
      mkdirSync(join(root, "etc"));
      for (const name of ["keep", "change", "delete"]) writeFileSync(join(root, "etc", name), "base");
      mkdirSync(join(root, "gone/deep"), { recursive: true });
      writeFileSync(join(root, "gone/deep/file"), "base");
    });
    await change("next", "base", (root) => {
      writeFileSync(join(root, "etc/change"), "next");
      rmSync(join(root, "etc/delete"));
      rmSync(join(root, "gone"), { recursive: true });
      mkdirSync(join(root, "gone"));
      writeFileSync(join(root, "gone/new"), "next");
    });
    await change("last", "next", (root) => {
      expect(readdirSync(join(root, "gone"))).toEqual(["new"]);
      writeFileSync(join(root, "etc/delete"), "again");
    });
    const show = (root: string): unknown => [
      readdirSync(join(root, "etc")).map((name) => `${name}=${readFileSync(join(root, "etc", name), "utf8")}`),
      readdirSync(join(root, "gone")),
    ];
    const views: unknown[] = [];
    for (const name of ["base", "next", "last"]) {
      const mounts = await snapshots.view(snapshotKey(`view ${name}`), snapshotName(name));
      views.push(await inside(mounts, show));
    }
    expect(views).toEqual([
      [["change=base", "delete=base", "keep=base"], ["deep"]],
      [["change=next", "keep=base"], ["new"]],
      [["change=next", "delete=again", "keep=base"], ["new"]],
    ]);
  });

  it("begin with the root of their parent: owner, mode, attributes and times", async () => {
    await change("base", undefined, (root) => {
      chownSync(root, 12, 34);
      chmodSync(root, 0o1751);
      writeXattr(root, "user.of-root", Buffer.from("x"));
      setFileTimes(root, { seconds: 5, nanoseconds: 6 }, { seconds: -7, nanoseconds: 123_456_789 });
    });
    await inside(await snapshots.prepare(snapshotKey("a"), snapshotName("base")), (root) => {
      const { uid, gid, mode, mtimeNs } = lstatSync(root, { bigint: true });
      expect([uid, gid, mode & 0o7777n, mtimeNs]).toEqual([12n, 34n, 0o1751n, -7_000_000_000n + 123_456_789n]);
      expect(readXattrs(root).get("user.of-root")).toEqual(Uint8Array.from([120]));
    });
  });

  it("let nobody write into a view, whether it is bound or an overlay", async () => {
    await change("one", undefined, (root) => writeFileSync(join(root, "a"), ""));
    await change("two", "one", (root) => writeFileSync(join(root, "b"), ""));
    for (const name of [undefined, "one", "two"]) {
      const mounts = await snapshots.view(snapshotKey(`v${name}`), name === undefined ? name : snapshotName(name));
      await inside(mounts, (root) => {
        expect(() => writeFileSync(join(root, "c"), "")).toThrow(expect.objectContaining({ code: "EROFS" }));
      });
    }
  });

  it("stand alone: what is changed is there as a whole, and nothing points into the parents", async () => {
    await change("base", undefined, (root) => {
      writeFileSync(join(root, "file"), "content");
      mkdirSync(join(root, "directory/inner"), { recursive: true });
    });
    const mounts = await snapshots.prepare(snapshotKey("a"), snapshotName("base"));
    await inside(mounts, (root) => {
      chownSync(join(root, "file"), 7, 7);
      // A rename that the kernel leaves to mv, which copies.
      expect(() => renameSync(join(root, "directory"), join(root, "moved"))).toThrow(
        expect.objectContaining({ code: "EXDEV" }),
      );
    });
    const upper = mounts[0]?.options.find((option) => option.startsWith("upperdir="))?.slice("upperdir=".length) ?? "";
    expect(readFileSync(join(upper, "file"), "utf8")).toBe("content");
    expect([...readXattrs(join(upper, "file")).keys()]).not.toContain("trusted.overlay.metacopy");
  });

  it("show the attributes of an inner overlay as they are in the layer, also of one layer alone", async () => {
    const xattrs = { "trusted.overlay.opaque": "y", "user.plain": "1" };
    const inner = [dir("inner", { xattrs }), file("inner/file", "x", { xattrs: { "trusted.overlay.metacopy": "" } })];
    const stack = stackOf(place.directory, [tarScript(...inner), tarScript(file("inner/other", ""))]);
    for (const [i, name] of (await bringIn(snapshots, stack)).entries()) {
      await inside(await snapshots.view(snapshotKey(`v${i}`), name), (root) => {
        expect(Object.fromEntries(readXattrs(join(root, "inner")))).toEqual({
          "trusted.overlay.opaque": Uint8Array.from([0x79]),
          "user.plain": Uint8Array.from([0x31]),
        });
        expect([...readXattrs(join(root, "inner/file")).keys()]).toEqual(["trusted.overlay.metacopy"]);
        expect(readFileSync(join(root, "inner/file"), "utf8")).toBe("x");
      });
    }
  });

  it("are not removed while a view of several layers is mounted", async () => {
    await change("one", undefined, (root) => writeFileSync(join(root, "a"), ""));
    await change("two", "one", (root) => writeFileSync(join(root, "b"), ""));
    const mounts = await snapshots.view(snapshotKey("v"), snapshotName("two"));
    const removal = await inside(mounts, (root) => {
      expect(readdirSync(root).sort()).toEqual(["a", "b"]);
      return snapshots.remove(snapshotKey("v")).catch((error: unknown) => error);
    });
    expect(removal).toMatchObject({ code: "snapshot-in-use" });
  });

  it("leave nothing when a layer is cut short or somebody loses patience", async () => {
    const data = (): readonly string[] => readdirSync(join(place.directory, "overlay/data"));
    const whole = tarScript(file("a", "x".repeat(10_000)), file("b", "y".repeat(10_000)));
    const stack = stackOf(place.directory, [whole]);
    truncateSync(join(place.directory, "0.tar"), 12_000);
    await expect(snapshots.stage(stack, 0)).rejects.toMatchObject({ code: "tar-truncated" });
    expect(data()).toEqual([]);
    const again = stackOf(place.directory, [whole]);
    await expect(snapshots.stage(again, 0, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: "aborted" });
    expect(data()).toEqual([]);
  });

  it("refuse a layer with a device that overlayfs would take for a whiteout, and say which", async () => {
    const stack = stackOf(place.directory, [tarScript(char("lib/nothing", [0, 0]))]);
    await expect(snapshots.stage(stack, 0)).rejects.toMatchObject({
      code: "layer-has-whiteout-device",
      kind: "unsupported",
      details: { layer: 0, entry: "lib/nothing" },
    });
    expect(readdirSync(join(place.directory, "overlay/data"))).toEqual([]);
  });

  it("know what they take themselves, and lose overlayfs's own directory when they are committed", async () => {
    await change("base", undefined, (root) => writeFileSync(join(root, "large"), Buffer.alloc(100_000)));
    await change("next", "base", (root) => writeFileSync(join(root, "small"), Buffer.alloc(5000)));
    const [base, next] = [await snapshots.usage(snapshotName("base")), await snapshots.usage(snapshotName("next"))];
    expect(base).toMatchObject({ inodes: 2 });
    expect(base.bytes).toBeGreaterThanOrEqual(100_000);
    expect(next).toMatchObject({ inodes: 2 });
    expect(next.bytes).toBeLessThan(50_000);
    const data = join(place.directory, "overlay/data");
    for (const id of readdirSync(data)) expect(existsSync(join(data, id, "work"))).toBe(false);
  });
});
