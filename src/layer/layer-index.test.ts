import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TarEntry } from "../tar/index.ts";
import { decodeLayerIndex, encodeLayerIndex } from "./encode-layer-index.ts";
import type { LayerIndex } from "./layer-index.ts";
import { LayerIndexBuilder } from "./layer-index-builder.ts";

const byteString = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const id = fc.integer({ min: 0, max: 0xffff_fffe });
const anyEntry: fc.Arbitrary<TarEntry> = fc.record({
  name: byteString,
  type: fc.constantFrom("file", "hardlink", "symlink", "char", "block", "directory", "fifo"),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  uname: fc.constant(""),
  gname: fc.constant(""),
  size,
  mtime: fc.record({
    seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  linkName: byteString,
  devMajor: fc.integer({ min: 0, max: 0xfff }),
  devMinor: fc.integer({ min: 0, max: 0xf_ffff }),
  xattrs: fc.option(
    fc.uniqueArray(fc.tuple(byteString, fc.uint8Array()), { selector: ([name]) => name }).map((all) => new Map(all)),
    { nil: undefined },
  ),
  sparse: fc.option(fc.array(fc.record({ offset: size, length: size }), { minLength: 1, maxLength: 5 }), {
    nil: undefined,
  }),
  headerOffset: size,
  dataOffset: size,
  storedSize: size,
});

function indexOf(entries: readonly TarEntry[], tarSize = 0): LayerIndex {
  const builder = new LayerIndexBuilder();
  for (const entry of entries) builder.add(entry);
  return builder.finish(tarSize);
}

function contents(index: LayerIndex): unknown[] {
  return Array.from({ length: index.count }, (_, i) => ({
    name: index.name(i),
    type: index.type(i),
    mode: index.columns.mode[i],
    uid: index.columns.uid[i],
    gid: index.columns.gid[i],
    size: index.columns.size[i],
    mtime: index.mtime(i),
    linkName: index.linkName(i),
    devMajor: (index.columns.device[i] as number) >>> 20,
    devMinor: (index.columns.device[i] as number) & 0xf_ffff,
    xattrs: [...index.xattrs(i)].map(([name, value]) => [name, [...value]]),
    sparse: index.sparse(i),
    headerOffset: index.columns.headerOffset[i],
    dataOffset: index.columns.dataOffset[i],
  }));
}

function expected(entry: TarEntry): unknown {
  const { uname: _u, gname: _g, storedSize: _s, ...kept } = entry;
  return { ...kept, xattrs: [...(entry.xattrs ?? [])].map(([name, value]) => [name, [...value]]) };
}

describe("LayerIndex", () => {
  it("gives back every entry that was added, byte for byte", () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 40 }), (entries) => {
        expect(contents(indexOf(entries))).toEqual(entries.map(expected));
      }),
    );
  });

  it("survives being encoded and decoded, at any alignment", () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 40 }), size, fc.nat(9), (entries, tarSize, shift) => {
        const bytes = encodeLayerIndex(indexOf(entries, tarSize));
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        const decoded = decodeLayerIndex(shifted.subarray(shift));
        expect(decoded.tarSize).toBe(tarSize);
        expect(contents(decoded)).toEqual(entries.map(expected));
      }),
    );
  });

  it("keeps a sparse file without any data sparse", () => {
    const index = indexOf([{ ...BLANK, size: 4096, sparse: [] }]);
    expect(index.sparse(0)).toEqual([{ offset: 0, length: 0 }]);
  });

  it("grows past its first columns", () => {
    const entry = { ...BLANK, name: "x".repeat(100) };
    const index = indexOf(Array.from({ length: 3000 }, (_, i) => ({ ...entry, size: i })));
    expect(index.count).toBe(3000);
    expect(index.columns.size[2999]).toBe(2999);
    expect(index.name(2999)).toBe(entry.name);
  });

  it("refuses bytes of another version, cut short or too long", () => {
    const bytes = encodeLayerIndex(indexOf([BLANK]));
    const other = new Uint8Array(bytes);
    other[0] = 0xff;
    for (const wrong of [
      other,
      bytes.subarray(0, -1),
      bytes.subarray(0, 10),
      Buffer.concat([bytes, Buffer.alloc(1)]),
    ]) {
      expect(() => decodeLayerIndex(wrong)).toThrow(expect.objectContaining({ code: "index-unreadable" }));
    }
  });

  it.each([
    ["user id", { uid: 2 ** 32 - 1 }],
    ["group id", { gid: 2 ** 32 }],
    ["negative id", { uid: -1 }],
    ["major device number", { devMajor: 4096 }],
    ["minor device number", { devMinor: 2 ** 20 }],
    ["name", { name: "a".repeat(65_536) }],
  ])("refuses a %s that Linux cannot hold and says where it is", (_what, wrong) => {
    expect(() => indexOf([{ ...BLANK, headerOffset: 1024, ...wrong }])).toThrow(
      expect.objectContaining({
        code: "entry-out-of-range",
        kind: "malformed",
        details: expect.objectContaining({ offset: 1024 }),
      }),
    );
  });
});

const BLANK: TarEntry = {
  name: "a",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  linkName: "",
  devMajor: 0,
  devMinor: 0,
  headerOffset: 0,
  dataOffset: 512,
  storedSize: 0,
};
