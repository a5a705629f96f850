import { spawnSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText, memorySource, readAll } from "../base/index.ts";
import { entryContent, scanTarSync, type TarEntry } from "./index.ts";

const HOLE = 300_000;
const RUNS = 30;
const LONG = `${"directory/".repeat(12)}file`;
const VERY_LONG = `${"directory/".repeat(30)}file`;

describeWith(["tar"], "archives that GNU tar makes", () => {
  let root = "";
  const make = (...options: string[]): Buffer => {
    const tar = spawnSync("tar", ["-C", root, "--sort=name", "--numeric-owner", "-cf", "-", ...options], {
      maxBuffer: 2 ** 28,
      env: { ...process.env, LC_ALL: "C" },
    });
    expect(tar.status, tar.stderr.toString()).toBe(0);
    return tar.stdout;
  };
  const read = (bytes: Buffer): Map<string, TarEntry> => {
    const entries = new Map<string, TarEntry>();
    scanTarSync(memorySource(bytes), (entry) => entries.set(entry.name, entry));
    return entries;
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "strata-gnu-"));
    mkdirSync(join(root, VERY_LONG, ".."), { recursive: true });
    writeFileSync(join(root, "plain"), "hello");
    writeFileSync(join(root, LONG), "long");
    writeFileSync(join(root, VERY_LONG), "very long");
    writeFileSync(Buffer.from(`${root}/caf\xe9`, "latin1"), "");
    symlinkSync("../".repeat(60), join(root, "symlink"));
    linkSync(join(root, "plain"), join(root, "zhardlink"));
    const sparse = openSync(join(root, "sparse"), "w");
    for (let i = 0; i < RUNS; i++) writeSync(sparse, Buffer.alloc(5000, 0x41 + i), 0, 5000, i * HOLE);
    closeSync(sparse);
    truncateSync(join(root, "sparse"), RUNS * HOLE + 12_345);
    for (const file of ["plain", "sparse", LONG, VERY_LONG])
      utimesSync(join(root, file), 1_500_000_000.25, 1_500_000_000.25);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const inAnyFormat = ["plain", "sparse", "zhardlink"];
  it.each<[format: string, members: readonly string[]]>([
    ["v7", inAnyFormat],
    ["ustar", [LONG, ...inAnyFormat]],
    ["oldgnu", ["."]],
    ["gnu", ["."]],
    ["pax", ["."]],
  ])("in format %s", async (format, members) => {
    const bytes = make(`--format=${format}`, "--transform=s,^\\./,,", ...members);
    const entries = read(bytes);
    const nanoseconds = format === "pax" ? 250_000_000 : 0;
    const mtime = { seconds: 1_500_000_000, nanoseconds };
    expect(entries.get("plain")).toMatchObject({ type: "file", size: 5, mtime, uid: process.getuid?.() });
    expect(entries.get("zhardlink")).toMatchObject({ type: "hardlink", linkName: "plain", size: 0 });
    const content = await readAll(entryContent(memorySource(bytes), entries.get("sparse") as TarEntry));
    expect(Buffer.from(content).equals(readFileSync(join(root, "sparse")))).toBe(true);
    if (members.includes(LONG) || members.includes(".")) expect(entries.get(LONG)).toMatchObject({ size: 4, mtime });
    if (!members.includes(".")) return;
    expect(entries.get(VERY_LONG)).toMatchObject({ size: 9, mtime });
    expect(entries.get("caf\xe9")?.type).toBe("file");
    expect(entries.get("symlink")).toMatchObject({ type: "symlink", linkName: "../".repeat(60) });
    expect([...entries.values()].filter((entry) => entry.type === "directory").length).toBeGreaterThan(30);
  });

  it.each([
    ["gnu", []],
    ["oldgnu", []],
    ["pax", ["--sparse-version=0.0"]],
    ["pax", ["--sparse-version=0.1"]],
    ["pax", ["--sparse-version=1.0"]],
  ])("with a sparse file, in format %s %s", async (format, options) => {
    const bytes = make(`--format=${format}`, "--sparse", ...options, "sparse", "plain");
    const entries = read(bytes);
    const entry = entries.get("sparse") as TarEntry;
    expect(entry.size).toBe(RUNS * HOLE + 12_345);
    expect(entry.sparse?.length).toBeGreaterThanOrEqual(RUNS);
    expect(entry.storedSize).toBe(entry.sparse?.reduce((sum, run) => sum + run.length, 0));
    expect(entry.storedSize).toBeLessThan(entry.size / 10);
    expect(entries.get("plain")?.size).toBe(5);
    const archive = memorySource(bytes);
    const content = entryContent(archive, entry);
    const whole = readFileSync(join(root, "sparse"));
    expect(Buffer.from(await readAll(content)).equals(whole)).toBe(true);
    const streamed: Uint8Array[] = [];
    for await (const chunk of content.stream({ start: 4999, end: HOLE + 4 })) streamed.push(chunk);
    expect(Buffer.concat(streamed).equals(whole.subarray(4999, HOLE + 4))).toBe(true);
    const target = Buffer.alloc(100, 0xff);
    expect(content.readSync?.(target, whole.length - 10)).toBe(10);
    expect(target.subarray(0, 10)).toEqual(whole.subarray(-10));
  });

  it("with a label, numbers beyond octal, and incremental directories", () => {
    const incremental = `--listed-incremental=${join(root, "snapshot")}`;
    const members = ["plain", "directory"];
    const bytes = make(
      "--format=gnu",
      "--label=volume",
      "--owner=x:4000000",
      "--mtime=@-1000",
      incremental,
      ...members,
    );
    const entries = read(bytes);
    expect(entries.has("volume")).toBe(false);
    expect(entries.get("plain")).toMatchObject({ uid: 4_000_000, mtime: { seconds: -1000, nanoseconds: 0 } });
    expect(entries.get("directory/")).toMatchObject({ type: "directory", size: 0 });
  });

  it("with names and values of the user's in PAX headers", () => {
    const bytes = make("--format=pax", "--pax-option=comment=built,mtime=1234567890.5,exthdr.name=%d/x/%f", "plain");
    expect(read(bytes).get("plain")?.mtime).toBeDefined();
    const renamed = make("--format=pax", `--transform=s,plain,${fromText("größe")},`, "plain");
    expect([...read(renamed).keys()]).toHaveLength(1);
  });
});

describe("a broken sparse file", () => {
  const sparseHeader = (map: string, realSize: string, stored: number): Buffer => {
    const bytes = Buffer.alloc(512);
    bytes.write("sparse", 0);
    bytes.write("0000644\x000000000\x000000000\0", 100);
    bytes.write(`${stored.toString(8).padStart(11, "0")}\x0000000000000\0`, 124);
    bytes.write("S", 156);
    bytes.write("ustar  \0", 257, "latin1");
    bytes.write(map, 386, "latin1");
    bytes.write(realSize.padStart(11, "0"), 483);
    bytes.fill(0x20, 148, 156);
    bytes.write(
      `${bytes
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    return Buffer.concat([bytes, Buffer.alloc(1024)]);
  };
  const run = (offset: number, length: number): string =>
    [offset, length].map((value) => `${value.toString(8).padStart(11, "0")}\0`).join("");
  const scan = (bytes: Buffer, maxSparseRuns?: number): TarEntry[] => {
    const entries: TarEntry[] = [];
    const limits = maxSparseRuns === undefined ? {} : { maxSparseRuns };
    scanTarSync(memorySource(bytes), (entry) => entries.push(entry), { limits });
    return entries;
  };

  it("is fine as long as its runs ascend and are stored", () => {
    const [entry] = scan(sparseHeader(run(0, 10) + run(100, 5) + run(500, 0), "764", 15));
    expect(entry).toMatchObject({ size: 500, storedSize: 15, dataOffset: 512 });
    expect(entry?.sparse).toEqual([
      { offset: 0, length: 10 },
      { offset: 100, length: 5 },
    ]);
  });

  it.each([
    ["runs that overlap", run(0, 10) + run(5, 5), "764", 15],
    ["runs that descend", run(100, 5) + run(0, 10), "764", 15],
    ["a run beyond the end", run(495, 10), "764", 10],
    ["more in its runs than is stored", run(0, 100), "764", 50],
    ["a length that is no number", `${run(0, 10).slice(0, 12)}xyz`, "764", 10],
    ["a real size that is no number", run(0, 10), "9", 10],
  ])("is refused with %s", (_, map, realSize, stored) => {
    expect(() => scan(sparseHeader(map, realSize, stored))).toThrow(
      expect.objectContaining({ code: "tar-bad-sparse-map", kind: "malformed" }),
    );
  });

  it("is refused when it has more runs than the limit", () => {
    const bytes = sparseHeader(run(0, 1) + run(2, 1) + run(4, 1), "10", 3);
    expect(scan(bytes, 3)).toHaveLength(1);
    expect(() => scan(bytes, 2)).toThrow(
      expect.objectContaining({ code: "tar-too-many-sparse-runs", kind: "hostile" }),
    );
  });
});
