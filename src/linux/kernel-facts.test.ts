import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { toBuffer } from "../base/index.ts";
import { probeKernel } from "./kernel-facts.ts";
import { isLinux } from "./libc.ts";
import { mountFileSystem } from "./mount.ts";
import { readMounts } from "./mount-table.ts";
import { unmount } from "./unmount.ts";

/** The smallest EROFS there is: an empty root directory, in blocks of 512 bytes. */
function sampleErofs(): Buffer {
  const image = Buffer.alloc(2048);
  const [superblock, root] = [image.subarray(1024, 1152), image.subarray(1536 + 32)];
  superblock.writeUInt32LE(0xe0f5_e1e2, 0);
  superblock.writeUInt8(9, 12);
  superblock.writeUInt16LE(1, 14);
  superblock.writeBigUInt64LE(1n, 16);
  superblock.writeUInt32LE(4, 36);
  superblock.writeUInt32LE(3, 40);
  root.writeUInt16LE(2 << 1, 0);
  root.writeUInt16LE(0o40755, 4);
  root.writeUInt16LE(2, 6);
  root.writeUInt32LE(27, 8);
  for (const [index, nameOffset] of [24, 25].entries()) {
    root.writeBigUInt64LE(1n, 32 + index * 12);
    root.writeUInt16LE(nameOffset, 32 + index * 12 + 8);
    root.writeUInt8(2, 32 + index * 12 + 10);
  }
  root.write("...", 32 + 24, "latin1");
  return image;
}

const WORKS = { works: true };
const works = (why: string | RegExp): unknown => ({ works: false, why: expect.stringMatching(why) });

requireOrSkip(
  "the probe",
  isLinux(),
  "not Linux",
)(() => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "probe-test-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("says what the process, the kernel and the directory are, and leaves nothing", () => {
    const mounts = readMounts().filter(({ mountPoint }) => mountPoint.startsWith(directory));
    const facts = probeKernel({ at: directory });
    expect(facts.process.uid).toBe(process.geteuid?.());
    expect(facts.fileSystem.totalBytes).toBeGreaterThan(0);
    expect(facts.release).toMatch(/^\d+\.\d+/);
    expect(facts.erofsFromFile).toEqual(works(/not tried|may not mount/));
    expect(facts.btrfs).toEqual(facts.fileSystem.type === "btrfs" ? WORKS : works(facts.fileSystem.type));
    expect(mounts).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
    expect(() => probeKernel({ at: `${directory}/none` })).toThrow("ENOENT");
  });

  describeWith(["mount"], "with the right to mount", () => {
    test("finds what a file system can do, at a path of any bytes", () => {
      const at = `${directory}/t:m,p\\f s\xff`;
      mkdirSync(toBuffer(at));
      mountFileSystem({ type: "tmpfs", source: "tmpfs", target: at });
      try {
        const facts = probeKernel({ at, sampleErofs: sampleErofs() });
        expect(facts).toMatchObject({ mount: WORKS, overlay: WORKS, whiteouts: WORKS, trustedXattrs: WORKS });
        expect(facts.fileSystem).toMatchObject({ type: "tmpfs", isReadOnly: false });
        expect(facts.reflink).toEqual(works("cannot share blocks"));
        expect(facts.btrfs).toEqual(works("tmpfs"));
        expect(readdirSync(toBuffer(at))).toEqual([]);
        const knowsErofs = readFileSync("/proc/filesystems", "latin1").includes("\terofs\n");
        if (knowsErofs && facts.loop.works) expect(facts.erofsFromLoop).toEqual(WORKS);
      } finally {
        unmount(at);
      }
    });

    test("an image that is none is told from a kernel that does not know EROFS", () => {
      const { erofsFromFile } = probeKernel({ at: directory, sampleErofs: Buffer.alloc(4096) });
      expect(erofsFromFile).toEqual(works(/EINVAL|ENOTBLK|ENODEV/));
      expect(existsSync(join(directory, "target"))).toBe(false);
    });
  });
});
