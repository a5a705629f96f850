import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isRoot } from "../../test/support/oracles.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { attachLoop } from "./loop-device.ts";

/** What the kernel says lies behind a device; undefined when nothing does. */
function backingFile(device: string): string | undefined {
  const path = `/sys/block/${basename(device)}/loop/backing_file`;
  return existsSync(path) ? readFileSync(path, "latin1").trimEnd() : undefined;
}

test("a file that is not there has the error of any file", () => {
  expect(() => attachLoop("/nowhere/file")).toThrow(process.platform === "linux" ? "ENOENT" : "Linux");
});

requireOrSkip(
  "loop devices",
  isRoot && existsSync("/dev/loop-control"),
  isRoot ? "no /dev/loop-control" : "not root",
)(() => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "loop-test-"));
    writeFileSync(join(directory, "image"), Buffer.alloc(4096, "0123456789abcdef"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("a file is a block device until it is detached", () => {
    const path = join(directory, "image");
    const loop = attachLoop(path);
    try {
      expect(backingFile(loop.device)).toBe(path);
      expect(readFileSync(loop.device).equals(readFileSync(path))).toBe(true);
      expect(() => writeFileSync(loop.device, "x", { flag: "r+" })).toThrow(/EACCES|EPERM|EROFS/);
    } finally {
      loop.detach();
    }
    loop.detach();
    expect(backingFile(loop.device)).not.toBe(path);
  });

  test("a writable one writes to the file", () => {
    const path = join(directory, "writable");
    writeFileSync(path, "");
    truncateSync(path, 1024);
    const loop = attachLoop(path, { isReadOnly: false });
    try {
      writeFileSync(loop.device, "written", { flag: "r+" });
    } finally {
      loop[Symbol.dispose]();
    }
    expect(readFileSync(path).toString("latin1", 0, 7)).toBe("written");
  });

  test("several files have several devices, and any name will do", () => {
    mkdirSync(Buffer.from(`${directory}/\xff`, "latin1"));
    const names = ["a b", "\xff/\xfe", "l".repeat(200)].map((name) => `${directory}/${name}`);
    const loops = names.map((name) => {
      writeFileSync(Buffer.from(name, "latin1"), Buffer.alloc(512, name));
      return attachLoop(name);
    });
    try {
      expect(new Set(loops.map(({ device }) => device)).size).toBe(3);
      expect(loops.map(({ device }) => backingFile(device))).toEqual(names);
    } finally {
      for (const loop of loops) loop.detach();
    }
  });
});
