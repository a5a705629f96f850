import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Fact, KernelFacts } from "../linux/index.ts";
import { chooseDriver, judgeDrivers } from "./choose-driver.ts";

const directory = mkdtempSync(join(tmpdir(), "choose-driver-"));
afterAll(() => rmSync(directory, { recursive: true }));

const works: Fact = { works: true };
const fails = (why: string): Fact => ({ works: false, why });

const EVERYTHING: KernelFacts = {
  release: "6.18",
  process: { uid: 0, gid: 0, capabilities: (1n << 41n) - 1n, isInUserNamespace: false },
  fileSystem: { type: "btrfs", totalBytes: 1, freeBytes: 1, freeInodes: undefined, isReadOnly: false },
  mount: works,
  loop: works,
  erofsFromFile: works,
  erofsFromLoop: works,
  overlay: works,
  overlayUserxattr: works,
  appendedLowers: works,
  btrfs: works,
  reflink: works,
  userXattrs: works,
  trustedXattrs: works,
  whiteouts: works,
};

const chosen = (change: Partial<KernelFacts>): string => judgeDrivers({ ...EVERYTHING, ...change }).driver;
const reasonFor = (driver: string, change: Partial<KernelFacts>): string | undefined =>
  judgeDrivers({ ...EVERYTHING, ...change }).verdicts.find((verdict) => verdict.driver === driver)?.reason;

describe("the driver that is chosen", () => {
  it("is the best that works", () => {
    const noErofs = { erofsFromFile: fails("old"), erofsFromLoop: fails("no module") };
    const noOverlay = { overlay: fails("no upper here"), overlayUserxattr: fails("no upper here") };
    expect(chosen({})).toBe("erofs");
    expect(chosen({ erofsFromFile: fails("old") })).toBe("erofs");
    expect(chosen(noErofs)).toBe("overlay");
    expect(chosen({ ...noErofs, overlay: fails("not root") })).toBe("overlay");
    expect(chosen({ ...noErofs, overlay: fails("not root"), userXattrs: fails("tmpfs") })).toBe("btrfs");
    expect(chosen(noOverlay)).toBe("btrfs");
    expect(chosen({ ...noOverlay, btrfs: fails("the directory is on ext4") })).toBe("vfs");
  });

  it("comes with what the better ones would need", () => {
    expect(reasonFor("erofs", { overlay: fails("no upper here") })).toContain("no upper here");
    expect(reasonFor("erofs", { erofsFromFile: fails("old") })).toContain("loop devices");
    expect(reasonFor("btrfs", { btrfs: fails("the directory is on ext4") })).toBe("the directory is on ext4");
    expect(reasonFor("vfs", { reflink: fails("no") })).toContain("whole copy");
    expect(judgeDrivers({ ...EVERYTHING, mount: fails("no") }).canMount).toBe(false);
  });

  it("is found by trying, which leaves nothing behind", async () => {
    const root = join(directory, "snapshots");
    const { driver, verdicts } = await chooseDriver({ root });
    expect(verdicts.find(({ works: isWorking }) => isWorking)?.driver).toBe(driver);
    expect(readdirSync(root)).toEqual([]);
  });

  it("is none where nothing can be written", async () => {
    writeFileSync(join(directory, "file"), "");
    await expect(chooseDriver({ root: join(directory, "file") })).rejects.toMatchObject({ code: "file-not-found" });
  });
});
