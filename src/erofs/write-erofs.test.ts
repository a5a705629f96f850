import { closeSync, ftruncateSync, lstatSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wildLayers } from "../../test/property/random-layers.ts";
import {
  erofsBytes,
  indexOfTar,
  MountYard,
  mountFacts,
  treeFacts,
  whyNoErofs,
} from "../../test/support/erofs-mounts.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { fromText, memorySource, toText } from "../base/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { mountOverlay } from "../linux/index.ts";
import { encodeHeader, type SparseRun } from "../tar/index.ts";
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  symlink,
  type TarStep,
  tarScript,
  whiteout,
} from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { sampleErofs } from "./index.ts";

/** The image of some tars: what the kernel shows of it, and what the merged tree says. */
async function shownTars(tars: readonly Uint8Array[]) {
  const tree = mergeLayers(tars.map(indexOfTar));
  const openTar = async (layer: number) => memorySource(tars[layer] as Uint8Array);
  const { bytes, image } = await erofsBytes(tree, { openTar });
  using yard = new MountYard();
  const devices = image.deviceLayers.map((layer) => yard.file(tars[layer] as Uint8Array));
  const actual = mountFacts(yard.mount(yard.file(bytes), devices));
  return { actual, expected: treeFacts(tree, tars), image, bytes };
}

function shown(...layers: readonly (readonly TarStep[])[]) {
  return shownTars(layers.map((steps) => tarScript(...steps)));
}

async function expectSame(...layers: readonly (readonly TarStep[])[]): Promise<void> {
  const { actual, expected } = await shown(...layers);
  expect(actual).toEqual(expected);
}

/** PAX records before an entry, for what scripts do not write. */
function paxEntry(records: Readonly<Record<string, string>>, step: TarStep, data = step.content): Buffer {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`, "latin1");
    const length = rest + String(rest + String(rest).length).length;
    return `${length} ${key}=${value}\n`;
  });
  const text = Buffer.from(body.join(""), "latin1");
  const pax = { ...file("pax", ""), name: "PaxHeaders/x", size: text.length };
  const head = Buffer.from(encodeHeader(pax));
  head[156] = 0x78;
  head.fill(0x20, 148, 156);
  const sum = head.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([head, padded(text), encodeHeader({ ...step, size: data.length }), padded(data)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, new Uint8Array(-bytes.length & 511)]);
}

/** A sparse file as GNU tar writes it (format 1.0): the map in whole blocks, then the runs. */
function sparseEntry(name: string, size: number, runs: readonly SparseRun[]): Buffer {
  const map = [runs.length, ...runs.flatMap(({ offset, length }) => [offset, length])].map((n) => `${n}\n`).join("");
  const data = runs.map(({ offset, length }) => Buffer.alloc(length, `${name}@${offset};`));
  const records = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": name,
    "GNU.sparse.realsize": String(size),
  };
  return paxEntry(records, file(`GNUSparseFile.0/${name}`), Buffer.concat([padded(Buffer.from(map)), ...data]));
}

function withFile(path: string, flags: string, use: (fd: number) => void): void {
  const fd = openSync(path, flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Overlayfs has its own count of links of directories. */
function withoutLinks(line: string): string {
  return line.replace(/^(\S+ = \S+ 4\d+ \S+ \S* \S+) \d+/, "$1");
}

/** A POSIX ACL as the kernel encodes it: version 2, then tag, permissions and id of each entry. */
function acl(...entries: readonly (readonly [number, number, number])[]): string {
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], i) => {
    bytes.writeUInt16LE(tag, 4 + 8 * i);
    bytes.writeUInt16LE(permissions, 6 + 8 * i);
    bytes.writeUInt32LE(id, 8 + 8 * i);
  });
  return bytes.toString("latin1");
}
const NO_ID = 0xffff_ffff;
const ACL = acl([1, 7, NO_ID], [2, 5, 1000], [4, 5, NO_ID], [16, 5, NO_ID], [32, 1, NO_ID]);
/** VFS_CAP_REVISION_2 with cap_net_raw, effective. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex").toString("latin1");

const reason = whyNoErofs();
requireOrSkip(
  "the kernel shows",
  reason === undefined,
  reason ?? "",
)(() => {
  it("an empty image, and the smallest one", async () => {
    await expectSame([]);
    const sample = sampleErofs();
    expect(sample).toHaveLength(1536);
    using yard = new MountYard();
    expect(readdirSync(yard.mount(yard.file(sample), []))).toEqual([]);
  });

  it("two layers of files of every kind", async () => {
    await expectSame(
      [dir("etc"), file("etc/motd", "hello\n"), file("etc/gone", "x"), symlink("etc/link", "motd"), file("empty")],
      [
        whiteout("etc/gone"),
        dir("dev"),
        char("dev/null", [1, 3]),
        char("dev/far", [4095, 1_048_575]),
        block("dev/sda", [8, 70_000]),
        fifo("dev/pipe"),
        hardlink("etc/again", "etc/motd"),
        hardlink("dev/pipe2", "dev/pipe"),
        hardlink("zero", "dev/null"),
        file("large", "y".repeat(10_000), { uid: 4_000_000_000, gid: 3_000_000_000, mode: 0o4755 }),
        file("blocks", "z".repeat(1024)),
      ],
    );
  });

  it("times to the nanosecond, before 1970 and after 2106 too", async () => {
    const at = (seconds: number, nanoseconds: number) => ({ mtime: { seconds, nanoseconds } });
    await expectSame([
      dir("", at(-1, 1)),
      file("old", "", at(-2_000_000_000, 999_999_999)),
      file("older", "", at(-5_000_000_000, 0)),
      file("new", "", at(5_000_000_000, 123_456_789)),
      symlink("link", "old", at(0, 1)),
    ]);
  });

  it("names of 255 bytes, names that are not UTF-8, and names that sort around the dots", async () => {
    const names = [" ", "!", "-", "+a", ".a", ".-", "..a", "..-", "...", "0", "\xff\xfe", "\x01", "é", "a\nb", ",,"];
    await expectSame([
      ...names.map((name) => file(name, name)),
      ...names.map((name) => file(`all/${name}`, name)),
      file("n".repeat(255), "1"),
      file("ÿ".repeat(255), "2"),
      ...Array.from({ length: 40 }, (_, i) => file(`many/${String(i).padStart(250, "x")}`)),
    ]);
  });

  it("directories of every size around a block", async () => {
    const steps = Array.from({ length: 60 }, (_, i) => [
      ...Array.from({ length: i % 30 }, (_, k) => file(`d${i}/${String(k).padEnd(3 + (i % 17), "f")}`)),
      file(`d${i}/last${"l".repeat(i)}`),
    ]);
    await expectSame(steps.flat());
  });

  it("a directory of 100,000 entries", async () => {
    const builder = new LayerIndexBuilder();
    const { content: _, ...step } = file("");
    for (let i = 0; i < 100_000; i++) {
      builder.add({
        ...step,
        name: `${i % 7}-${i}`,
        uname: "",
        gname: "",
        size: 0,
        headerOffset: 0,
        dataOffset: 0,
        storedSize: 0,
      });
    }
    const tree = mergeLayers([builder.finish()]);
    const { bytes } = await erofsBytes(tree);
    using yard = new MountYard();
    const root = yard.mount(yard.file(bytes), []);
    const names = readdirSync(root).sort();
    expect(names.join("/")).toBe(
      tree
        .children(tree.root)
        .map((slot) => tree.nameOf(slot))
        .join("/"),
    );
    for (const name of ["0-0", "6-99999".replace("6-", `${99_999 % 7}-`), "3-50001".replace("3-", `${50_001 % 7}-`)]) {
      expect(readFileSync(`${root}/${name}`)).toHaveLength(0);
    }
    expect(() => readFileSync(`${root}/0-1`)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("symlinks of every length up to 4095 bytes", async () => {
    const lengths = [1, 2, 100, 383, 384, 385, 447, 448, 449, 511, 512, 513, 900, 960, 961, 1024, 4000, 4095];
    await expectSame(lengths.map((length) => symlink(`link-${length}`, "t".repeat(length))));
  });

  it("extended attributes: many, long, shared, capabilities and ACLs", async () => {
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`user.name-${i}`, `value ${i}`]));
    const several = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`user.shared-${i}`, "s".repeat(20)]));
    const long = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`user.long-${i}`, `${i}`.repeat(65_535)]));
    await expectSame([
      dir("acl", { xattrs: { "system.posix_acl_access": ACL, "system.posix_acl_default": ACL } }),
      file("acl/file", "x", { xattrs: { "system.posix_acl_access": ACL } }),
      file("ping", "elf", { mode: 0o755, xattrs: { "security.capability": CAPABILITY } }),
      file("ping6", "elf", { mode: 0o755, xattrs: { "security.capability": CAPABILITY } }),
      file("trusted", "", { xattrs: { "trusted.k": "v", "user.empty": "", "security.ima": "\x01\x00" } }),
      symlink("link", "ping", { xattrs: { "trusted.on-link": "v" } }),
      file("many", "", { xattrs: many }),
      dir("many-too", { xattrs: { ...many, "user.one-more": "1" } }),
      file("several-1", "", { xattrs: several }),
      file("several-2", "", { xattrs: several }),
      file("long", "data", { xattrs: { "user.max": "x".repeat(65_535) } }),
      file("too-long-for-an-inode", "data", { xattrs: long }),
      file("name", "", { xattrs: { [`user.${"n".repeat(250)}`]: "1" } }),
      symlink("long-link", "q".repeat(300), { xattrs: { "trusted.on-link": "w".repeat(200) } }),
    ]);
  });

  it("sparse files, whether or not their data lie in blocks", async () => {
    const tar = Buffer.concat([
      sparseEntry("aligned", 1_000_000, [
        { offset: 4096, length: 8192 },
        { offset: 65_536, length: 4096 },
        { offset: 999_424, length: 576 },
      ]),
      sparseEntry("odd", 300_000, [
        { offset: 1, length: 7 },
        { offset: 1000, length: 513 },
        { offset: 200_000, length: 99_999 },
      ]),
      sparseEntry("joined", 20_000, [
        { offset: 0, length: 700 },
        { offset: 700, length: 7300 },
        { offset: 12_000, length: 8000 },
      ]),
      sparseEntry("nothing", 5_000_000, []),
      sparseEntry("tail-hole", 70_000, [
        { offset: 0, length: 512 },
        { offset: 70_000, length: 0 },
      ]),
      sparseEntry("whole", 3000, [{ offset: 0, length: 3000 }]),
      encodeHeader({ ...file("after", "x"), size: 1 }),
      padded(Buffer.from("x")),
    ]);
    const { actual, expected } = await shownTars([tarScript(file("below", "b")), tar]);
    expect(actual).toEqual(expected);
    expect(expected.join("\n")).toContain("/odd");
  });

  it("a last file whose tar ends without its padding", async () => {
    const tar = tarScript(file("a", "a".repeat(600)), file("last", "l".repeat(700)));
    const { actual, expected } = await shownTars([tar.subarray(0, 512 + 1024 + 512 + 700)]);
    expect(actual).toEqual(expected);
  });

  it("a file of 5 GiB", async () => {
    const size = 5 * 2 ** 30 + 1;
    const head = encodeHeader({ ...file("large"), size });
    using yard = new MountYard();
    const tar = yard.file(head);
    const end = size - 1;
    const marks = [0, 2 ** 32 - 1, 2 ** 32, end];
    withFile(tar, "r+", (fd) => {
      ftruncateSync(fd, head.length + size + 511);
      for (const at of marks) writeSync(fd, "#", head.length + at);
    });
    const { content: _, ...step } = file("large");
    const builder = new LayerIndexBuilder();
    builder.add({ ...step, uname: "", gname: "", size, headerOffset: 0, dataOffset: head.length, storedSize: size });
    const { bytes } = await erofsBytes(mergeLayers([builder.finish(head.length + size + 511)]));
    const path = `${yard.mount(yard.file(bytes), [tar])}/large`;
    expect(lstatSync(path).size).toBe(size);
    withFile(path, "r", (fd) => {
      const byte = Buffer.alloc(2);
      for (const at of marks) expect([readSync(fd, byte, 0, 1, at), byte.toString("latin1", 0, 1)]).toEqual([1, "#"]);
      expect([readSync(fd, byte, 0, 2, 2 ** 31), byte.toString("hex")]).toEqual([2, "0000"]);
      expect(readSync(fd, byte, 0, 2, end)).toBe(1);
    });
  });

  it("files of 300 devices, whose names take more than a page", async () => {
    const layers = Array.from({ length: 300 }, (_, i) => [file(`f${i}`, `content of ${i}`), file("same", `${i}`)]);
    const { actual, expected, image } = await shown(...layers);
    expect(image.deviceLayers).toHaveLength(300);
    expect(actual).toEqual(expected);
  });

  it("the same through an overlay on top, attributes of other overlays included", async () => {
    const tar = tarScript(
      dir("d", { xattrs: { "trusted.overlay.opaque": "y", "user.k": "v" } }),
      file("d/f", "1", { xattrs: { "trusted.overlay.metacopy": "", "security.capability": CAPABILITY } }),
      file("d/g", "g".repeat(5000)),
    );
    const tree = mergeLayers([indexOfTar(tar)]);
    const { bytes } = await erofsBytes(tree, { escapeOverlay: true });
    using yard = new MountYard();
    const lower = yard.mount(yard.file(bytes), [yard.file(tar)]);
    const [target, other] = [yard.make(), yard.make()].map(fromText) as [string, string];
    mountOverlay({ lowers: [fromText(lower), other], target });
    yard.adopt(toText(target));
    const inOrder = treeFacts(tree, [tar]);
    expect(mountFacts(toText(target)).map(withoutLinks)).toEqual(inOrder.map(withoutLinks));
  });

  it("what random layers make", async () => {
    await fc.assert(
      fc.asyncProperty(wildLayers, async (layers) => {
        let result: Awaited<ReturnType<typeof shown>>;
        try {
          result = await shown(...layers);
        } catch (error) {
          // Some of these layers cannot be merged at all.
          if (error instanceof Error && /^(symlink-|hardlink-)/.test((error as { code?: string }).code ?? "")) return;
          throw error;
        }
        expect(result.actual).toEqual(result.expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe("writeErofs", () => {
  it("gives the same bytes for the same tree", async () => {
    const steps = [
      dir("a"),
      file("a/b", "1", { xattrs: { "user.x": "1" } }),
      symlink("a/c", "b"),
      hardlink("d", "a/b"),
    ];
    const tree = mergeLayers([indexOfTar(tarScript(...steps))]);
    const [one, two] = [await erofsBytes(tree), await erofsBytes(tree.flatten())];
    expect(one.bytes.equals(two.bytes)).toBe(true);
  });
});
