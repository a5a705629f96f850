import { describe, expect, it } from "vitest";
import { memorySource, StrataError } from "../base/index.ts";
import {
  END_OF_ARCHIVE,
  encodeHeader,
  paddingOf,
  type SkippedMember,
  scanTarSync,
  type TarEntry,
  type TarHeaderFields,
  type TarReadOptions,
} from "./index.ts";
import { encodePaxRecord } from "./pax-records.ts";

const PLAIN: TarHeaderFields = {
  name: "f",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 1, nanoseconds: 0 },
};

/** A header block with bytes written over it, sealed with the checksum that they ask for. */
function block(fields: Partial<TarHeaderFields> = {}, overwrite: Record<number, string> = {}): Buffer {
  const bytes = Buffer.from(encodeHeader({ ...PLAIN, ...fields }));
  for (const [at, text] of Object.entries(overwrite)) bytes.write(text, Number(at), "latin1");
  return seal(bytes, (sum, byte) => sum + byte);
}

function seal(bytes: Buffer, add: (sum: number, byte: number) => number): Buffer {
  bytes.fill(0x20, 148, 156);
  bytes.write(`${bytes.reduce(add, 0).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

function data(text: string): Buffer {
  return Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc(paddingOf(text.length))]);
}

function pax(typeflag: string, records: Record<string, string>): Buffer {
  const text = Object.entries(records)
    .map(([keyword, value]) => encodePaxRecord(keyword, value))
    .join("");
  return Buffer.concat([block({ name: "pax", size: text.length }, { 156: typeflag }), data(text)]);
}

function read(parts: readonly Uint8Array[], options: TarReadOptions = {}): TarEntry[] {
  const entries: TarEntry[] = [];
  scanTarSync(memorySource(Buffer.concat(parts)), (entry) => entries.push(entry), options);
  return entries;
}

function refusal(parts: readonly Uint8Array[], options: TarReadOptions = {}): StrataError {
  try {
    read(parts, options);
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the end of an archive", () => {
  const one = [block({ size: 3 }), data("abc")];

  it("may be two blocks of zeros, one, or none", () => {
    for (const end of [1024, 512, 0]) expect(read([...one, Buffer.alloc(end)])).toHaveLength(1);
    expect(read([])).toEqual([]);
  });

  it("may lack the padding of the last data, as Go has it", () => {
    expect(read([Buffer.concat(one).subarray(0, 515)])).toHaveLength(1);
  });

  it("is followed by nothing that matters", () => {
    expect(read([...one, END_OF_ARCHIVE, Buffer.from("garbage"), ...one])).toHaveLength(1);
  });

  it("is passed over when archives are concatenated", () => {
    const two = [...one, END_OF_ARCHIVE, END_OF_ARCHIVE, ...one, Buffer.alloc(512)];
    expect(read(two, { concatenated: true }).map((entry) => entry.headerOffset)).toEqual([0, 3072]);
  });

  it("is not a single block of zeros before a header, as Go has it", () => {
    expect(refusal([...one, Buffer.alloc(512), ...one])).toMatchObject({
      code: "tar-lone-zero-block",
      details: { offset: 1536 },
    });
  });

  it("is an error in the middle of data, of a header and of an extension", () => {
    const whole = Buffer.concat([pax("x", { path: "long" }), ...one]);
    for (const [size, offset] of [
      [1536 + 2, 1538],
      [1024 + 100, 1124],
      [1024, 1024],
      [600, 600],
      [512, 512],
    ] as const) {
      expect(refusal([whole.subarray(0, size)])).toMatchObject({ code: "tar-truncated", details: { offset } });
    }
    expect(refusal([whole.subarray(0, 1538)]).details.entry).toBe("long");
  });

  it("is an error after an extension header that completes nothing", () => {
    expect(refusal([...one, pax("x", { path: "q" }), END_OF_ARCHIVE])).toMatchObject({
      code: "tar-dangling-extension",
      details: { offset: 1024 },
    });
  });
});

describe("a header block", () => {
  it("may have the checksum of signed bytes", () => {
    const bytes = block({}, { 0: "caf\xe9\xff" });
    seal(bytes, (sum, byte) => sum + (byte > 127 ? byte - 256 : byte));
    expect(read([bytes])[0]?.name).toBe("caf\xe9\xff");
  });

  it("is refused when one bit of it is flipped", () => {
    const bytes = block();
    bytes[5] = 1;
    expect(refusal([bytes])).toMatchObject({ code: "tar-bad-checksum", kind: "malformed", details: { offset: 0 } });
  });

  it("has its name behind the ustar prefix", () => {
    expect(read([block({}, { 345: "usr/share" })])[0]?.name).toBe("usr/share/f");
  });

  it("has no prefix in GNU's dialect, except where Go wrote one (trap 36)", () => {
    const gnu = { 257: "ustar  \0" };
    expect(read([block({}, { ...gnu, 345: "00000000001\0" })])[0]).toMatchObject({
      name: "f",
      atime: { seconds: 1, nanoseconds: 0 },
    });
    expect(read([block({}, { ...gnu, 345: "usr/share" })])[0]).toMatchObject({ name: "usr/share/f", atime: undefined });
  });

  it("may write numbers in base 256, times before the epoch too", () => {
    const size = "\x80\0\0\0\0\0\0\0\0\0\0\x03";
    expect(read([block({}, { 124: size, 136: "\xff".repeat(12) }), data("abc")])[0]).toMatchObject({
      size: 3,
      mtime: { seconds: -1, nanoseconds: 0 },
    });
  });

  it("may pad numbers with spaces and NULs", () => {
    expect(read([block({}, { 100: "  755 \0\0", 108: "     \0\0\0" })])[0]).toMatchObject({ mode: 0o755, uid: 0 });
  });

  it.each([
    ["mode", 100, "0o644  \0"],
    ["uid", 108, "12 34  \0"],
    ["gid", 116, "9999999\0"],
    ["size", 124, "\xff".repeat(12)],
    ["size", 124, `\x80${"\xff".repeat(11)}`],
    ["mtime", 136, "tomorrow"],
    ["uid", 108, "\xff".repeat(8)],
    ["uid", 108, "\x80\0\0\x01\0\0\0\0"],
  ])("is refused when its %s is no number or out of range", (label, at, text) => {
    const error = refusal([block(), block({ name: "bad" }, { [at]: text })]);
    expect(error).toMatchObject({ code: "tar-bad-field", kind: "malformed", details: { entry: "bad", offset: 512 } });
    expect(error.message).toContain(label);
  });

  it("has device numbers only where it is a device", () => {
    const garbage = { 329: "garbage\0" };
    expect(read([block({}, garbage)])[0]).toMatchObject({ devMajor: 0, devMinor: 0 });
    expect(refusal([block({ type: "char" }, garbage)]).code).toBe("tar-bad-field");
  });
});

describe("a typeflag", () => {
  const typed = (typeflag: string, fields: Partial<TarHeaderFields> = {}): Buffer => block(fields, { 156: typeflag });

  it("means a directory for old archives when the name ends in a slash, and only for them", () => {
    expect(read([typed("\0", { name: "d/" }), typed("0", { name: "d/" })]).map((entry) => entry.type)).toEqual([
      "directory",
      "file",
    ]);
  });

  it("means a file when it is contiguous or unassigned", () => {
    expect(read([typed("7", { size: 1 }), data("x"), typed("8"), typed("a")]).map((entry) => entry.type)).toEqual([
      "file",
      "file",
      "file",
    ]);
  });

  it("is skipped with its data and reported when it is a vendor's", () => {
    const skipped: SkippedMember[] = [];
    const onSkipped = (member: SkippedMember): number => skipped.push(member);
    const entries = read([typed("V", { name: "label" }), typed("A", { name: "acl", size: 3 }), data("acl"), block()], {
      onSkipped,
    });
    expect(entries.map((entry) => entry.headerOffset)).toEqual([1536]);
    expect(skipped).toEqual([
      { typeflag: "V", name: "label", headerOffset: 0, size: 0 },
      { typeflag: "A", name: "acl", headerOffset: 512, size: 3 },
    ]);
  });

  it.each(["1", "2", "3", "4", "5", "6"])(
    "carries no data when it is %s, whatever the size says, as Go has it",
    (flag) => {
      const entries = read([typed(flag, { size: 700 }), block({ name: "next" })]);
      expect(entries).toMatchObject([{ size: 0, storedSize: 0 }, { name: "next" }]);
    },
  );

  it("of a dumped directory has a listing for data, which is stepped over", () => {
    expect(read([typed("D", { name: "d/", size: 9 }), data("Yfile\0\0\0"), block({ name: "next" })])).toMatchObject([
      { type: "directory", size: 0, storedSize: 0 },
      { name: "next" },
    ]);
  });
});

describe("a PAX header", () => {
  it("overrides the header, except with empty values", () => {
    const records = { path: "renamed", uid: "3000000", mtime: "-1.5", uname: "" };
    const [entry] = read([pax("x", records), block({ uname: "root", gid: 7 })]);
    expect(entry).toMatchObject({ name: "renamed", uid: 3_000_000, gid: 7, uname: "root", headerOffset: 0 });
    expect(entry?.mtime).toEqual({ seconds: -2, nanoseconds: 500_000_000 });
  });

  it("completes one entry only, and the last of several is the one that counts", () => {
    const entries = read([pax("x", { path: "a" }), pax("x", { uid: "5" }), block(), block()]);
    expect(entries).toMatchObject([
      { name: "f", uid: 5 },
      { name: "f", uid: 0 },
    ]);
  });

  it("says how much data there is, beyond what the header can", () => {
    const entries = read([pax("x", { size: "3" }), block(), data("abc"), block({ name: "next" })]);
    expect(entries).toMatchObject([{ size: 3, storedSize: 3, dataOffset: 1536 }, { name: "next" }]);
    expect(refusal([pax("x", { size: "9007199254740991" }), block()]).code).toBe("tar-bad-field");
    expect(refusal([pax("x", { size: "9000000000000000" }), block()]).code).toBe("tar-truncated");
  });

  it("holds extended attributes of both schools; SCHILY's win", () => {
    const [entry] = read([
      pax("x", {
        "LIBARCHIVE.xattr.user.a%3Db": Buffer.from([0, 255]).toString("base64"),
        "LIBARCHIVE.xattr.user.both": Buffer.from("base64").toString("base64"),
        "SCHILY.xattr.user.both": "bytes",
        "SCHILY.xattr.user.empty": "",
        "SCHILY.fflags": "nodump",
      }),
      block(),
    ]);
    expect([...(entry?.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ["user.a=b", Buffer.from([0, 255])],
      ["user.both", Buffer.from("bytes")],
      ["user.empty", Buffer.alloc(0)],
    ]);
  });

  it("yields to GNU's long names", () => {
    const longName = [block({ name: "././@LongLink", size: 6 }, { 156: "L" }), data("from L")];
    expect(read([...longName, pax("x", { path: "from x" }), block()])[0]?.name).toBe("from L");
  });

  it.each([
    ["no length", "path=x\n"],
    ["a length of 0", "0 path=x\n"],
    ["a length beyond the header", "99 path=x\n"],
    ["no newline", "9 path=xx"],
    ["no equals sign", "7 path\n"],
    ["no keyword", "6 =xx\n"],
    ["a NUL in a name", "10 path=\0\n"],
    ["half a pair of GNU sparse 0.0", "25 GNU.sparse.numbytes=1\n"],
  ])("is refused with %s", (_, text) => {
    const error = refusal([block({ size: text.length }, { 156: "x" }), data(text), block()]);
    expect(error).toMatchObject({ code: "tar-bad-pax-record", kind: "malformed", details: { offset: 512 } });
  });

  it.each(["uid=x", "gid=-1", "size=-1", "mtime=1.5a", "mtime=99999999999999999999", "atime=", "uid=4294967296"])(
    "is refused with %s, unless it is empty",
    (record) => {
      const [keyword = "", value = ""] = record.split("=");
      const parts = [pax("x", { [keyword]: value }), block()];
      if (value === "") expect(read(parts)).toHaveLength(1);
      else expect(refusal(parts)).toMatchObject({ code: "tar-bad-field", details: { entry: "f" } });
    },
  );
});

describe("a global PAX header (trap 35)", () => {
  const global = pax("g", { comment: "commit", path: "every", size: "9", uid: "5", mtime: "7" });

  it("is no entry, and sets metadata but never names and sizes until it is taken back", () => {
    const parts = [global, block(), pax("x", { uid: "6" }), block(), pax("g", { uid: "" }), block()];
    const entries = read(parts);
    expect(entries.map(({ name, size, uid, mtime }) => [name, size, uid, mtime.seconds])).toEqual([
      ["f", 0, 5, 7],
      ["f", 0, 6, 7],
      ["f", 0, 0, 7],
    ]);
    expect(entries[0]?.headerOffset).toBe(1024);
  });

  it("can be ignored, as engines do", () => {
    expect(read([global, block()], { globalHeaders: "ignore" })).toMatchObject([{ uid: 0, mtime: { seconds: 1 } }]);
  });
});

describe("the limits", () => {
  it("bound an extension header", () => {
    const parts = [pax("x", { comment: "x".repeat(2000) }), block()];
    expect(read(parts, { limits: { maxExtensionBytes: 2014 } })).toHaveLength(1);
    expect(refusal(parts, { limits: { maxExtensionBytes: 2013 } })).toMatchObject({
      code: "tar-extension-too-large",
      kind: "hostile",
    });
    expect(refusal([block({ size: 8 ** 11 - 1 }, { 156: "L" })]).code).toBe("tar-extension-too-large");
  });

  it("bound the entries", () => {
    const parts = [block(), block(), block()];
    expect(read(parts, { limits: { maxEntries: 3 } })).toHaveLength(3);
    expect(refusal(parts, { limits: { maxEntries: 2 } })).toMatchObject({
      code: "tar-too-many-entries",
      kind: "hostile",
      details: { offset: 1024 },
    });
  });
});
