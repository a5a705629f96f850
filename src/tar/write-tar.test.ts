import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText, memorySource, toBuffer, toText } from "../base/index.ts";
import {
  END_OF_ARCHIVE,
  type EntryType,
  encodeHeader,
  scanTarSync,
  type TarEntry,
  type TarHeaderFields,
  type TarMember,
  writeTar,
} from "./index.ts";

const EPOCH = { seconds: 0, nanoseconds: 0 };
const PLAIN: TarHeaderFields = { name: "f", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: EPOCH };

async function archiveOf(members: Iterable<TarMember>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function readBack(bytes: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  scanTarSync(memorySource(bytes), (entry) => entries.push(entry));
  return entries;
}

/** Fields of a file that is written whole. */
type WholeFields = Required<Omit<TarHeaderFields, "sparse">>;

/** The fields alone, absent ones as the reader gives them. */
function fieldsOf(entry: TarEntry): WholeFields {
  const { headerOffset: _h, dataOffset: _d, storedSize: _s, sparse: _r, ...fields } = entry;
  const { atime, ctime, xattrs, ...rest } = fields;
  return { ...rest, atime, ctime, xattrs: xattrs && sortedByName(xattrs) };
}

function sortedByName(xattrs: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...xattrs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function complete(fields: TarHeaderFields): WholeFields {
  const defaults = { uname: "", gname: "", linkName: "", devMajor: 0, devMinor: 0 };
  const { atime, ctime, xattrs, sparse: _, ...rest } = fields;
  const sorted = xattrs?.size ? sortedByName(xattrs) : undefined;
  return { ...defaults, ...rest, atime, ctime, xattrs: sorted };
}

const byteString = (maxLength: number, minLength = 1): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0x2d, max: 0x7a }) }, fc.integer({ min: 1, max: 255 })), {
      minLength,
      maxLength,
    })
    .map((codes) => String.fromCharCode(...codes));
const name = fc.oneof(
  byteString(20),
  byteString(300),
  fc.array(fc.stringMatching(/^[a-z.]{1,60}$/), { minLength: 1, maxLength: 8 }).map((parts) => parts.join("/")),
);
const time = fc.record({
  seconds: fc.oneof(
    fc.integer(),
    fc.maxSafeInteger().filter((seconds) => Math.abs(seconds) < 2 ** 52),
  ),
  nanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
});
const id = fc.oneof(fc.nat({ max: 70_000 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const attributes = fc.dictionary(byteString(30), fc.uint8Array({ maxLength: 40 }), { maxKeys: 4 });
const fields: fc.Arbitrary<TarHeaderFields> = fc
  .record({
    name,
    type: fc.constantFrom<EntryType>("file", "hardlink", "symlink", "char", "block", "directory", "fifo"),
    mode: fc.nat({ max: 0o7777 }),
    uid: id,
    gid: id,
    uname: byteString(40, 0),
    gname: byteString(40, 0),
    size: fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 2 ** 40 })),
    mtime: time,
    atime: fc.option(time, { nil: undefined }),
    ctime: fc.option(time, { nil: undefined }),
    linkName: name,
    devMajor: fc.nat({ max: 0o7777777 }),
    devMinor: fc.nat({ max: 0o7777777 }),
    xattrs: attributes.map((values) => new Map<string, Uint8Array>(Object.entries(values))),
  })
  .map((all) => {
    const isLink = all.type === "hardlink" || all.type === "symlink";
    const isDevice = all.type === "char" || all.type === "block";
    return {
      ...all,
      size: all.type === "file" ? all.size : 0,
      linkName: isLink ? all.linkName : "",
      devMajor: isDevice ? all.devMajor : 0,
      devMinor: isDevice ? all.devMinor : 0,
    };
  });

describe("encodeHeader", () => {
  it("is what the reader reads back, whatever the fields", () => {
    fc.assert(
      fc.property(fields, (entry) => {
        const header = encodeHeader(entry);
        expect(header.length % 512).toBe(0);
        // The data need not exist to be believed.
        const source = { ...memorySource(header), size: header.length + entry.size };
        const entries: TarEntry[] = [];
        scanTarSync(source, (read) => entries.push(read));
        expect(entries.map(fieldsOf).map(withPlainValues)).toEqual([withPlainValues(complete(entry))]);
      }),
      { numRuns: 500 },
    );
  });

  it("needs no PAX header for what ustar holds", () => {
    const fitting: Partial<TarHeaderFields>[] = [
      { name: "n".repeat(100) },
      { name: `${"p".repeat(155)}/${"n".repeat(100)}` },
      { name: "d/".repeat(100), type: "directory" },
      { linkName: "l".repeat(100), type: "symlink" },
      { uid: 0o7777777, gid: 0o7777777, size: 8 ** 11 - 1, mtime: { seconds: 8 ** 11 - 1, nanoseconds: 0 } },
      { uname: "u".repeat(31) },
    ];
    for (const some of fitting) expect(encodeHeader({ ...PLAIN, ...some })).toHaveLength(512);
  });

  it("uses a PAX header for exactly what ustar cannot hold, sorted by keyword", () => {
    const records = (some: Partial<TarHeaderFields>): string[] => {
      const bytes = Buffer.from(encodeHeader({ ...PLAIN, ...some }));
      const length = Number.parseInt(bytes.toString("latin1", 124, 135), 8);
      return bytes
        .toString("latin1", 512, 512 + length)
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/^\d+ /, ""));
    };
    expect(records({ name: "n".repeat(101) })).toEqual([`path=${"n".repeat(101)}`]);
    expect(records({ name: fromText("café") })).toEqual(["path=caf\xc3\xa9"]);
    expect(records({ linkName: `${"d/".repeat(60)}x`, type: "symlink" })).toEqual([`linkpath=${"d/".repeat(60)}x`]);
    expect(records({ uid: 0o10000000, gid: 0xffff_ffff })).toEqual(["gid=4294967295", "uid=2097152"]);
    expect(records({ size: 8 ** 11 })).toEqual(["size=8589934592"]);
    expect(records({ mtime: { seconds: -1, nanoseconds: 0 } })).toEqual(["mtime=-1"]);
    expect(records({ mtime: { seconds: -1, nanoseconds: 999_999_999 } })).toEqual(["mtime=-0.000000001"]);
    expect(records({ mtime: { seconds: 5, nanoseconds: 120_000_000 }, atime: EPOCH })).toEqual([
      "atime=0",
      "mtime=5.12",
    ]);
    const xattrs = new Map([
      ["user.b", Buffer.from("2")],
      ["user.a", Buffer.from("1")],
    ]);
    expect(records({ xattrs })).toEqual(["SCHILY.xattr.user.a=1", "SCHILY.xattr.user.b=2"]);
  });

  it("never changes its bytes", () => {
    const entry = { ...PLAIN, name: fromText("ü".repeat(80)), xattrs: new Map([["user.k", Buffer.from("v")]]) };
    const digest = createHash("sha256").update(encodeHeader(entry)).digest("hex");
    expect(digest).toBe("ff9fbd2a42b13cba4617f9fb78e9a8df38b46c9c2c0a3e8d952d51e5f30364dc");
  });

  it.each<[string, Partial<TarHeaderFields>]>([
    ["a NUL in the name", { name: "a\0b" }],
    ["a mode with type bits", { mode: 0o100644 }],
    ["a negative uid", { uid: -1 }],
    ["a gid of 33 bits", { gid: 2 ** 32 }],
    ["a fractional size", { size: 1.5 }],
    ["a size on a directory", { type: "directory", size: 1 }],
    ["a time that is no number", { mtime: { seconds: Number.NaN, nanoseconds: 0 } }],
    ["a second of nanoseconds", { mtime: { seconds: 0, nanoseconds: 1_000_000_000 } }],
    ["a device number of 22 bits", { type: "char", devMajor: 0o10000000 }],
    ["an attribute without a name", { xattrs: new Map([["", Buffer.alloc(0)]]) }],
  ])("refuses %s", (_, some) => {
    expect(() => encodeHeader({ ...PLAIN, ...some })).toThrow(
      expect.objectContaining({ code: "tar-unencodable", kind: "invalid-argument" }),
    );
  });
});

describe("writeTar", () => {
  it("writes the data between header and padding, and ends the archive", async () => {
    const bytes = await archiveOf([
      { entry: { ...PLAIN, name: "a", size: 5 }, data: [Buffer.from("he"), Buffer.from("llo")] },
      { entry: { ...PLAIN, name: "b", size: 70_000 }, data: [Buffer.alloc(70_000, "b")] },
      { entry: { ...PLAIN, name: "c" } },
    ]);
    const entries = readBack(bytes);
    expect(entries.map((entry) => entry.name)).toEqual(["a", "b", "c"]);
    expect(bytes.toString("latin1", 512, 517)).toBe("hello");
    expect(bytes.subarray(1536, 71_536).every((byte) => byte === 0x62)).toBe(true);
    expect(bytes.subarray(-1024)).toEqual(Buffer.from(END_OF_ARCHIVE));
    expect(bytes.length).toBe(1024 + 512 + 70_144 + 512 + 1024);
  });

  it("gives the same bytes however the data comes, in whole chunks of 1 MiB where nothing has to be waited for", async () => {
    const members = Array.from({ length: 40 }, (_, i) => {
      const data = Buffer.alloc((i * 7919) % 130_000, `${i}`);
      return { entry: { ...PLAIN, name: `f${i}`, size: data.length, mtime: { seconds: i, nanoseconds: i } }, data };
    });
    const chunks: Uint8Array[] = [];
    const shared = Buffer.alloc(130_000);
    const reused = function* (): Generator<TarMember> {
      for (const { entry, data } of members) yield { entry, data: [shared.subarray(0, data.copy(shared))] };
    };
    for await (const chunk of writeTar(reused())) chunks.push(chunk);
    expect(chunks.map(({ length }) => length)).toEqual([...chunks.slice(1).map(() => 1024 * 1024), expect.any(Number)]);
    const slowly = members.map(({ entry, data }) => ({
      entry,
      data: (async function* () {
        yield data.subarray(0, 1000);
        yield data.subarray(1000);
      })(),
    }));
    expect((await archiveOf(slowly)).equals(Buffer.concat(chunks))).toBe(true);
  });

  it("ends an archive without entries too", async () => {
    expect(await archiveOf([])).toEqual(Buffer.from(END_OF_ARCHIVE));
  });

  it.each([
    ["shrank", [Buffer.from("four")]],
    ["grew", [Buffer.from("five5"), Buffer.from("6")]],
    ["vanished", []],
  ])("refuses data of a file that %s", async (_, data) => {
    await expect(archiveOf([{ entry: { ...PLAIN, name: "log", size: 5 }, data }])).rejects.toMatchObject({
      code: "tar-size-mismatch",
      kind: "failed-precondition",
      details: { entry: "log" },
    });
  });
});

describeWith(["tar"], "GNU tar", () => {
  const directory = mkdtempSync(join(tmpdir(), "strata-write-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("extracts from our archives what we put in, names that are not UTF-8 too", async () => {
    const long = `${"deep/".repeat(45)}file`;
    const content = Buffer.alloc(3000, "z");
    const mtime = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };
    const bytes = await archiveOf([
      { entry: { ...PLAIN, name: long, size: 3000, mode: 0o755, mtime }, data: [content] },
      { entry: { ...PLAIN, name: "caf\xe9\xff", mtime: { seconds: -5, nanoseconds: 250_000_000 } } },
      { entry: { ...PLAIN, name: fromText("größe"), mtime } },
      { entry: { ...PLAIN, name: "link", type: "symlink", mode: 0o777, linkName: `${"../".repeat(60)}caf\xe9` } },
      { entry: { ...PLAIN, name: "hard", type: "hardlink", linkName: long, mtime } },
      { entry: { ...PLAIN, name: "pipe", type: "fifo", mtime } },
      { entry: { ...PLAIN, name: "d/", type: "directory", mode: 0o700, mtime } },
    ]);
    const archive = join(directory, "ours.tar");
    writeFileSync(archive, bytes);
    const root = mkdtempSync(join(directory, "root-"));
    const { status, stderr } = spawnSync("tar", ["-xf", archive, "--no-same-owner", "-p", "-C", root], {
      encoding: "utf8",
    });
    expect([status, stderr.replace(/.*implausibly old time stamp.*\n/, "")]).toEqual([0, ""]);
    const path = (entryName: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), toBuffer(entryName)]);
    const mtimeOf = (entryName: string): bigint => lstatSync(path(entryName), { bigint: true }).mtimeNs;
    expect(readFileSync(path(long))).toEqual(content);
    expect(mtimeOf(long)).toBe(1_600_000_000_123_456_789n);
    expect(mtimeOf("caf\xe9\xff")).toBe(-4_750_000_000n);
    expect(lstatSync(path("hard")).ino).toBe(lstatSync(path(long)).ino);
    expect(readlinkSync(path("link"), "buffer")).toEqual(toBuffer(`${"../".repeat(60)}caf\xe9`));
    expect(lstatSync(path("pipe")).isFIFO()).toBe(true);
    expect(lstatSync(path("d")).mode & 0o7777).toBe(0o700);
    const names = readdirSync(root, { encoding: "latin1" }).sort();
    expect(names).toEqual(["caf\xe9\xff", "d", "deep", fromText("größe"), "hard", "link", "pipe"].sort());
  });

  it("lists the same owners, sizes, devices and names for arbitrary entries", async () => {
    const listable = fields
      .filter((entry) => /^[\x2d-\x7a\x80-\xff]+$/.test(entry.name + entry.linkName))
      .filter((entry) => !`${entry.name}${entry.linkName}`.includes("\\") && !entry.name.endsWith("/"))
      .filter((entry) => entry.mtime.seconds < 2 ** 40)
      .map((entry) => ({ ...entry, mode: entry.mode & 0o777, size: Math.min(entry.size, 3000), xattrs: new Map() }));
    await fc.assert(
      fc.asyncProperty(fc.array(listable, { minLength: 1, maxLength: 10 }), async (entries) => {
        const members = entries.map((entry) => ({ entry, data: [Buffer.alloc(entry.size, "d")] }));
        const options = ["--numeric-owner", "--quoting-style=literal", "--show-transformed-names", "-Ptvf", "-"];
        const tar = spawnSync("tar", options, { input: await archiveOf(members), encoding: "latin1" });
        const lines = tar.stdout.split("\n").slice(0, -1);
        expect(lines).toHaveLength(entries.length);
        for (const [i, entry] of entries.entries()) {
          const isDevice = entry.type === "char" || entry.type === "block";
          const size = isDevice ? `${entry.devMajor},${entry.devMinor}` : `${entry.size}`;
          expect(lines[i]).toContain(` ${entry.uid}/${entry.gid} `);
          expect(lines[i]?.split(/ +/)[2]).toBe(size);
          const link = { symlink: ` -> ${entry.linkName}`, hardlink: ` link to ${entry.linkName}` }[
            entry.type as string
          ];
          expect(toText(lines[i] as string).endsWith(toText(`${entry.name}${link ?? ""}`))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });
});

function withPlainValues(entry: WholeFields): unknown {
  return { ...entry, xattrs: entry.xattrs && [...entry.xattrs].map(([key, value]) => [key, [...value]]) };
}
