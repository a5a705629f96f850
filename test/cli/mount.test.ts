import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/oracles.ts";
import { type RunResult, runStrata, SAMPLE } from "./run-strata.ts";

const scratch = mkdtempSync(join(tmpdir(), "strata-mount-"));
afterAll(() => {
  for (const point of mountsBelow(scratch).reverse()) spawnSync("umount", ["-l", point]);
  rmSync(scratch, { recursive: true, force: true });
});

/** What is mounted below a directory, as the kernel tells it. */
function mountsBelow(directory: string): string[] {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point.startsWith(`${directory}/`));
}

/** Changes the labels of all snapshots that were mounted, as processes leave them that die. */
function changeLabels(records: string, change: (labels: Record<string, string>) => void): void {
  for (const name of readdirSync(records)) {
    const record = JSON.parse(readFileSync(join(records, name), "utf8"));
    for (const { labels } of record.faces) if (labels["strata.mount.target"] !== undefined) change(labels);
    writeFileSync(join(records, name), JSON.stringify(record));
  }
}

/** As if whoever mounted had died before it was written down which mount is theirs. */
function forgetMarks(records: string): void {
  changeLabels(records, (labels) => {
    delete labels["strata.mount.mark"];
  });
}

/** Labels may be anybody's. */
const ODD_LABELS = { "strata.mount.mark": "never ours", "strata.mount.ending": "yes" };

let count = 0;

/** Runs verbs on a store of their own, beside a directory to mount on. */
function scene() {
  const home = join(scratch, String(count++));
  const at = (name: string): string => join(home, name);
  mkdirSync(at("mnt"), { recursive: true });
  const strata = async (line: string, { code } = { code: 0 }): Promise<RunResult> => {
    const result = await runStrata(line.split(" "), { env: { STRATA_ROOT: at("store") } });
    expect({ line, code: result.code, stderr: code === 0 ? "" : result.stderr }).toEqual({
      line,
      code,
      stderr: code === 0 ? "" : result.stderr,
    });
    return result;
  };
  const snapshots = async (): Promise<{ kind: string; name: string; mountedAt?: string; labels: object }[]> =>
    (await strata("snapshots --json")).stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return { home, at, mnt: at("mnt"), strata, snapshots };
}

describeWith(["mount"], "mounting an image", () => {
  describe.each(["erofs", "overlay", "vfs"])("with the driver %s", (driver) => {
    it("shows what the container would see, read-only, and leaves nothing when it ends", async () => {
      const { home, mnt, strata, snapshots } = scene();
      expect((await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`)).stdout).toBe(`${mnt}\n`);
      expect(readFileSync(join(mnt, "etc/motd"))).toEqual((await runStrata(["cat", SAMPLE, "/etc/motd"])).bytes);
      expect(existsSync(join(mnt, "app/deploy.key"))).toBe(false);
      expect(() => writeFileSync(join(mnt, "etc/motd"), "x")).toThrow(/EROFS/);
      expect((await strata("mount")).stdout).toMatch(new RegExp(`^TARGET.*\n${mnt} +${SAMPLE} +${driver} +ro\n$`));
      expect((await snapshots()).filter(({ kind }) => kind === "view")).toMatchObject([{ mountedAt: mnt }]);
      await strata(`umount ${mnt}`);
      expect((await snapshots()).map(({ kind }) => kind)).toEqual(Array(7).fill("committed"));
      expect(mountsBelow(home)).toEqual([]);
    });

    it("takes changes that no other mount sees, and throws them away", async () => {
      const { home, at, mnt, strata } = scene();
      mkdirSync(at("other"));
      await strata(`mount --rw --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      await strata(`mount --rw --snapshotter ${driver} ${SAMPLE} ${at("other")}`);
      writeFileSync(join(mnt, "etc/motd"), "changed\n");
      rmSync(join(mnt, "usr"), { recursive: true });
      expect(readdirSync(at("other"))).toContain("usr");
      expect(readFileSync(at("other/etc/motd"), "utf8")).not.toBe("changed\n");
      await strata("umount --all");
      expect(mountsBelow(home)).toEqual([]);
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      expect(readdirSync(mnt)).toContain("usr");
      await strata(`umount ${mnt}`);
    });

    it("keeps changes under a name, to be mounted again", async () => {
      const { at, mnt, strata, snapshots } = scene();
      await strata(`mount --snapshot work --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      writeFileSync(join(mnt, "new"), "kept");
      await strata(`mount --snapshot work ${mnt}`, { code: 8 });
      await strata(`umount ${mnt}`);
      await strata(`mount --snapshot work --snapshotter ${driver} ${SAMPLE} ${mnt}`, { code: 7 });
      mkdirSync(at("again"));
      await strata(`mount --snapshot work ${at("again")}`);
      expect(readFileSync(at("again/new"), "utf8")).toBe("kept");
      await strata("snapshots --rm work", { code: 8 });
      await strata(`umount ${at("again")}`);
      await strata("snapshots --rm work");
      expect((await snapshots()).some(({ name }) => name === "work")).toBe(false);
    });

    it("notices that somebody else unmounted it", async () => {
      const { home, mnt, strata, snapshots } = scene();
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      expect(spawnSync("umount", [mnt]).status).toBe(0);
      expect((await strata("mount")).stdout).toContain("ro, gone");
      await strata(`umount ${mnt}`, { code: 6 });
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      expect((await snapshots()).filter(({ kind }) => kind === "view")).toHaveLength(1);
      await strata(`umount ${mnt}`);
      expect(mountsBelow(home)).toEqual([]);
    });

    it("neither loses nor unmounts what something else is mounted over", async () => {
      const { home, mnt, strata, snapshots } = scene();
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      expect(spawnSync("mount", ["-t", "tmpfs", "none", mnt]).status).toBe(0);
      expect((await strata("mount")).stdout).toContain("ro, covered");
      expect((await strata(`umount ${mnt}`, { code: 8 })).stderr).toContain("something else is mounted over it");
      expect((await snapshots()).filter(({ kind }) => kind === "view")).toMatchObject([{ mountedAt: mnt }]);
      expect(spawnSync("umount", [mnt]).status).toBe(0);
      await strata(`umount ${mnt}`);
      expect(mountsBelow(home)).toEqual([]);
    });

    it("knows what it mounted although it was killed before it could note it", async () => {
      const { home, at, mnt, strata } = scene();
      for (const how of ["", "--rw "]) {
        await strata(`mount ${how}--snapshotter ${driver} ${SAMPLE} ${mnt}`);
        forgetMarks(at(`store/snapshots/${driver}/records`));
        expect((await strata("mount")).stdout).not.toContain("gone");
        await strata(`umount ${mnt}`);
        expect(mountsBelow(home)).toEqual([]);
      }
    });

    it("takes no mount of others for one that it was killed before", async () => {
      const { at, mnt, strata } = scene();
      await strata(`mount --rw --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      forgetMarks(at(`store/snapshots/${driver}/records`));
      expect(spawnSync("umount", [mnt]).status).toBe(0);
      expect(spawnSync("mount", ["-t", "tmpfs", "none", mnt]).status).toBe(0);
      expect((await strata("mount")).stdout).toContain("gone");
      await strata(`umount ${mnt}`, { code: 6 });
      expect(mountsBelow(mnt.slice(0, -"/mnt".length))).toContain(mnt);
      spawnSync("umount", [mnt]);
    });

    it("removes what it was killed before it had mounted, and what it was killed while unmounting", async () => {
      const { home, at, mnt, strata, snapshots } = scene();
      const records = at(`store/snapshots/${driver}/records`);
      for (const leave of [
        () => forgetMarks(records),
        () => changeLabels(records, (labels) => Object.assign(labels, { "strata.mount.ending": "yes" })),
        () => changeLabels(records, (labels) => Object.assign(labels, ODD_LABELS)),
      ]) {
        await strata(`mount --rw --snapshotter ${driver} ${SAMPLE} ${mnt}`);
        leave();
        expect(spawnSync("umount", [mnt]).status).toBe(0);
        await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
        await strata(`umount ${mnt}`);
        expect((await snapshots()).every(({ kind }) => kind === "committed")).toBe(true);
        expect(mountsBelow(home)).toEqual([]);
      }
    });

    it("frees what whoever was killed had begun to make, with whatever it does next", async () => {
      const { at, mnt, strata } = scene();
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      const left = at(`store/snapshots/${driver}/data/leftbehind`);
      for (const next of [
        "snapshots",
        `umount ${mnt}`,
        `mount --snapshotter ${driver} ${SAMPLE} ${mnt}`,
        "prune --force",
      ]) {
        mkdirSync(join(left, "fs/deep"), { recursive: true });
        await strata(next);
        expect({ next, isThere: existsSync(left) }).toEqual({ next, isThere: false });
      }
      await strata(`umount ${mnt}`);
    });

    it("keeps what was written where somebody else unmounted it", async () => {
      const { mnt, strata, snapshots } = scene();
      await strata(`mount --rw --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      expect(spawnSync("umount", [mnt]).status).toBe(0);
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      await strata(`umount ${mnt}`);
      expect((await snapshots()).filter(({ kind }) => kind === "active")).toHaveLength(1);
      const written = (await snapshots()).find(({ kind }) => kind === "active");
      await strata(`snapshots --rm ${written?.name}`);
    });

    it("works in a store whose path has characters that mount options are made of", async () => {
      const { at, mnt, strata } = scene();
      for (const name of ["com,ma", "co:lon", "back\\slash"]) {
        for (const how of ["", "--rw "]) {
          await strata(`mount ${how}--root ${at(name)} --snapshotter ${driver} ${SAMPLE} ${mnt}`);
          expect(readdirSync(mnt)).toContain("usr");
          await strata(`umount --root ${at(name)} ${mnt}`);
        }
      }
    });

    it("does not unmount what is in use, unless lazily", async () => {
      const { mnt, strata } = scene();
      await strata(`mount --snapshotter ${driver} ${SAMPLE} ${mnt}`);
      const open = openSync(join(mnt, "etc/motd"), "r");
      try {
        expect((await strata(`umount ${mnt}`, { code: 8 })).stderr).toContain("busy");
        await strata(`umount --lazy ${mnt}`);
      } finally {
        closeSync(open);
      }
      expect(readdirSync(mnt)).toEqual([]);
    });
  });

  it("is refused where there is no directory", async () => {
    const { at, strata, snapshots } = scene();
    const missing = await strata(`mount ${SAMPLE} ${at("nowhere")}`, { code: 6 });
    expect(missing.stderr).toContain(`mkdir -p ${at("nowhere")}`);
    writeFileSync(at("file"), "");
    await strata(`mount ${SAMPLE} ${at("file")}`, { code: 2 });
    await strata(`mount ${SAMPLE}`, { code: 2 });
    expect((await snapshots()).every(({ kind }) => kind === "committed")).toBe(true);
  });

  it("finds metadata images whose bytes have changed, and makes them again", async () => {
    const { at, mnt, strata } = scene();
    await strata(`mount --snapshotter erofs ${SAMPLE} ${mnt}`);
    await strata(`umount ${mnt}`);
    await strata("fsck");
    const data = at("store/snapshots/erofs/data");
    const [image = ""] = readdirSync(data, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".erofs"),
    );
    const bytes = readFileSync(join(data, image));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(data, image), bytes);
    expect((await strata("fsck", { code: 1 })).stdout).toContain("snapshot-image-damaged");
    await strata("fsck --repair");
    expect(existsSync(join(data, image))).toBe(false);
    await strata(`mount --snapshotter erofs ${SAMPLE} ${mnt}`);
    expect(readdirSync(mnt)).toContain("usr");
    await strata(`umount ${mnt}`);
    await strata("fsck");
  });

  it("shows what stands on what", async () => {
    const { mnt, strata } = scene();
    await strata(`mount --snapshotter erofs ${SAMPLE} ${mnt}`);
    const lines = (await strata("snapshots --tree --usage")).stdout.trimEnd().split("\n").slice(1);
    expect(lines.map((line) => /^ */.exec(line)?.[0].length)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(lines.at(-1)).toMatch(new RegExp(`view +erofs .* ${mnt}$`));
    await strata(`umount ${mnt}`);
  });
});

describeWith(["root", "tar"], "unpacking an image into a directory", () => {
  it("writes what export tells, with owners, times and links", async () => {
    const { at, strata } = scene();
    const { stdout } = await strata(`unpack --json ${SAMPLE} ${at("root")}`);
    expect(JSON.parse(stdout)).toMatchObject({ skipped: [] });
    const { bytes } = await runStrata(["export", SAMPLE]);
    const { status, stdout: differences } = spawnSync("tar", ["-d", "-C", at("root"), "-f", "-"], { input: bytes });
    expect({ status, differences: differences.toString() }).toEqual({ status: 0, differences: "" });
    expect(existsSync(at("store"))).toBe(false);
  });

  it("heeds the limits that it tells of when it refuses", async () => {
    const { at, strata } = scene();
    const refused = await strata(`unpack --max-entries 1 ${SAMPLE} ${at("root")}`, { code: 5 });
    expect(refused.stderr).toContain("entries");
    expect(existsSync(at("root"))).toBe(false);
    await strata(`unpack --max-entries 1000 ${SAMPLE} ${at("root")}`);
  });

  it("refuses a directory that is not empty, and leaves it alone", async () => {
    const { at, strata } = scene();
    writeFileSync(join(at("mnt"), "mine"), "");
    expect((await strata(`unpack ${SAMPLE} ${at("mnt")}`, { code: 7 })).stderr).toContain("not empty");
    expect(readdirSync(at("mnt"))).toEqual(["mine"]);
  });

  it("only records owners when it shall", async () => {
    const { at, strata } = scene();
    await strata(`unpack --owners record ${SAMPLE} ${at("root")}`);
    const { stdout } = spawnSync("getfattr", ["--only-values", "-n", "user.containers.override_stat", at("root/etc")]);
    expect(stdout.toString()).toMatch(/^0:0:0?755/);
  });
});
