import { describe, expect, it } from "vitest";
import { erofsBytes, indexOfTar } from "../../test/support/erofs-mounts.ts";
import { memorySource } from "../base/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { scanTarSync } from "../tar/index.ts";
import { char, dir, fifo, file, hardlink, symlink, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import { type ErofsFile, readErofs, type WriteErofsOptions } from "./index.ts";

async function imageOf(layers: readonly (readonly TarStep[])[], options: Partial<WriteErofsOptions> = {}) {
  return erofsBytes(mergeLayers(layers.map((steps) => indexOfTar(tarScript(...steps)))), options);
}

/** One line for each name: position, layout, metadata, where the data lie. */
function dump(bytes: Uint8Array): string[] {
  const { superblock, files } = readErofs(bytes);
  const { blocks, inodes, rootNid, xattrBlock, hasChunks, devices, volumeName } = superblock;
  const devicesText = devices.map(({ tag, blocks: n, firstBlock }) => `${tag}:${n}@${firstBlock}`).join(" ");
  return [
    `blocks ${blocks} inodes ${inodes} root ${rootNid} xattrs@${xattrBlock} chunks ${hasChunks} name ${volumeName}`,
    `devices ${devicesText}`,
    ...[...files()].map(line),
  ];
}

function line(file: ErofsFile): string {
  const { path, nid, layout, mode, uid, gid, nlink, size, mtime, value, xattrs, sharedXattrs, target } = file;
  const names = [...xattrs].map(([name, bytes]) => `${name}=${Buffer.from(bytes).toString("latin1")}`);
  const owner = `${uid}:${gid}`;
  const rest = [
    target === "" ? [] : [`-> ${target.slice(0, 9)}`],
    names,
    sharedXattrs === 0 ? [] : [`(${sharedXattrs} shared)`],
  ].flat();
  const time = `${mtime.seconds}.${mtime.nanoseconds}`;
  return [`${nid} ${layout} ${mode.toString(8)} ${owner} x${nlink} ${size} ${time} @${value} /${path}`, ...rest].join(
    " ",
  );
}

describe("an image", () => {
  it("lies on disk like this", async () => {
    const long = "a value that is long enough to be shared";
    const { bytes, image } = await imageOf(
      [
        [dir("", { mtime: 7 }), file("base", "b"), file("gone", "g")],
        [],
        [
          whiteout("gone"),
          dir("d", { mode: 0o700, uid: 70_000, mtime: { seconds: -1, nanoseconds: 5 } }),
          file("d/a", "x".repeat(513), { xattrs: { "user.one": "1", "user.long": long } }),
          file("d/b", "", { xattrs: { "user.long": long } }),
          symlink("d/l", "a"),
          symlink("d/m", "m".repeat(600)),
          hardlink("again", "d/a"),
          char("tty", [5, 1]),
          fifo("pipe"),
        ],
      ],
      { volumeName: "strata", deviceTag: (layer) => `layer-${layer}` },
    );
    expect(image.deviceLayers).toEqual([0, 2]);
    expect(dump(bytes)).toMatchInlineSnapshot(`
      [
        "blocks 8 inodes 9 root 48 xattrs@7 chunks false name strata",
        "devices layer-0:7@8 layer-2:22@15",
        "48 inline 40755 0:0 x3 104 7.0 @0 /",
        "54 plain 100644 0:0 x2 513 1600000000.0 @22 /again user.long=a value that is long enough to be shared user.one=1 (1 shared)",
        "57 plain 100644 0:0 x1 1 1600000000.0 @10 /base",
        "59 inline 40700 70000:0 x2 79 -1.5 @0 /d",
        "54 plain 100644 0:0 x2 513 1600000000.0 @22 /d/a user.long=a value that is long enough to be shared user.one=1 (1 shared)",
        "64 plain 100644 0:0 x1 0 1600000000.0 @0 /d/b user.long=a value that is long enough to be shared (1 shared)",
        "67 inline 120777 0:0 x1 1 1600000000.0 @0 /d/l -> a",
        "70 inline 120777 0:0 x1 600 1600000000.0 @5 /d/m -> mmmmmmmmm",
        "96 plain 10644 0:0 x1 0 1600000000.0 @0 /pipe",
        "98 plain 20644 0:0 x1 0 1600000000.0 @1281 /tty",
      ]
    `);
  });

  it("begins with these bytes", async () => {
    const { bytes } = await imageOf([[file("f", "x", { mtime: 1 })]], {
      uuid: Uint8Array.from({ length: 16 }, (_, i) => i),
    });
    expect(hex(bytes)).toMatchInlineSnapshot(`
      [
        " 1024 e2e1f5e0 f13b639e 03000000 09002800",
        " 1040 02000000 00000000 00000000 00000000",
        " 1056 00000000 03000000 00000000 03000000",
        " 1072 00010203 04050607 08090a0b 0c0d0e0f",
        " 1104 08000000 00000100 09000000 00000000",
        " 1216 04000000 03000000 00000000 00000000",
        " 1280 05000000 ed410000 28000000 00000000",
        " 1296 00000000 01000000 00000000 00000000",
        " 1312 00000000 00000000 00000000 02000000",
        " 1344 28000000 00000000 24000200 28000000",
        " 1360 00000000 25000200 2c000000 00000000",
        " 1376 27000100 2e2e2e66 00000000 00000000",
        " 1408 01000000 a4810000 01000000 00000000",
        " 1424 04000000 02000000 00000000 00000000",
        " 1440 01000000 00000000 00000000 01000000",
      ]
    `);
  });
});

describe("readErofs", () => {
  it("finds what is broken", async () => {
    const { bytes } = await imageOf([[dir("d"), file("d/f", "x"), symlink("l", "d")]]);
    const broken = expect.objectContaining({ code: "erofs-broken" });
    expect(() => readErofs(bytes.subarray(0, 1024))).toThrow(broken);
    expect(() => readErofs(bytes.subarray(0, -512))).toThrow(broken);
    for (let at = 1024; at < 1536; at++) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] as number) ^ 1;
      expect(() => readErofs(other)).toThrow(broken);
    }
  });

  it("finds a directory in itself, and names out of order", async () => {
    const { bytes } = await imageOf([Array.from({ length: 30 }, (_, i) => dir(`directory-${i + 10}`))]);
    const root = readErofs(bytes);
    const { value } = root.files().next().value as ErofsFile;
    for (const change of [
      (data: Buffer) => data.writeUInt32LE(root.superblock.rootNid, 2 * 12),
      (data: Buffer) => data.write("zzzzz", data.readUInt16LE(2 * 12 + 8)),
    ]) {
      const other = Buffer.from(bytes);
      change(other.subarray(512 * value));
      expect(() => [...readErofs(other).files()]).toThrow(expect.objectContaining({ code: "erofs-broken" }));
    }
  });

  it("reads every name of a large tree with what it has", async () => {
    const steps = Array.from({ length: 2000 }, (_, i) => file(`d${i % 37}/${i}`, "x".repeat(i % 3), { mtime: i - 5 }));
    const { bytes } = await imageOf([steps]);
    const files = new Map([...readErofs(bytes).files()].map((one) => [one.path, one]));
    for (const { name, mtime, content } of steps) {
      expect(files.get(name)).toMatchObject({ mtime, size: content.length, nlink: 1 });
    }
  });
});

describe("what an image cannot hold", () => {
  it.each([
    ["a name of 256 bytes", file("n".repeat(256))],
    ["a link target of 4096 bytes", symlink("l", "t".repeat(4096))],
    [
      "too many attributes",
      file("f", "", {
        xattrs: Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`user.${i}${"n".repeat(150)}`, ""])),
      }),
    ],
  ])("%s", async (_, step) => {
    await expect(imageOf([[step]])).rejects.toThrow(expect.objectContaining({ code: "erofs-unrepresentable" }));
  });

  it("data of a layer that is no tar, or of a tar that ends before", async () => {
    const tar = tarScript(file("f", "x".repeat(600)));
    const noTar = expect.objectContaining({ code: "erofs-data-not-in-tar" });
    for (const tarSize of [0, 1000]) {
      const builder = new LayerIndexBuilder();
      scanTarSync(memorySource(tar), (entry) => builder.add(entry));
      await expect(erofsBytes(mergeLayers([builder.finish(tarSize)]))).rejects.toThrow(noTar);
    }
  });

  it("layers of together 2 TiB", async () => {
    const builder = new LayerIndexBuilder();
    scanTarSync(memorySource(tarScript(file("f", "x"))), (entry) => builder.add(entry));
    const tree = mergeLayers([builder.finish(2 ** 41)]);
    await expect(erofsBytes(tree)).rejects.toThrow(expect.objectContaining({ code: "erofs-too-large" }));
  });

  it("an identity of another length", async () => {
    const wrong = expect.objectContaining({ code: "invalid-erofs-name" });
    await expect(imageOf([[]], { uuid: new Uint8Array(8) })).rejects.toThrow(wrong);
    await expect(imageOf([[]], { volumeName: "x".repeat(17) })).rejects.toThrow(wrong);
  });

  it("anything once it is aborted", async () => {
    const signal = AbortSignal.abort();
    await expect(imageOf([[]], { signal })).rejects.toThrow(expect.objectContaining({ code: "aborted" }));
  });
});

describe("what an overlay would take for its own", () => {
  const layer = [
    dir("opaque", { xattrs: { "trusted.overlay.opaque": "y", "user.overlay.opaque": "y" } }),
    char("dev/whiteout", [0, 0]),
    file("plain", "", { xattrs: { "trusted.other": "1" } }),
  ];

  it.each([
    [true, "trusted.overlay.overlay.opaque"],
    [false, "trusted.overlay.opaque"],
  ])("is told, and escaped if wanted: %s", async (escapeOverlay, name) => {
    const { bytes, image } = await imageOf([layer], { escapeOverlay });
    expect(image.overlayMarked).toEqual(["opaque"]);
    expect(image.whiteoutDevices).toEqual(["dev/whiteout"]);
    const marked = [...readErofs(bytes).files()].find(({ path }) => path === "opaque");
    expect([...(marked?.xattrs.keys() ?? [])].sort()).toEqual([name, "user.overlay.opaque"]);
  });

  it("attributes that no kernel would take are left out, and told", async () => {
    const xattrs = { "com.apple.quarantine": "1", "user.": "1", "user.ok": "1", "system.nfs4_acl": "1" };
    const { bytes, image } = await imageOf([
      [file("f", "", { xattrs: { ...xattrs, [`user.${"n".repeat(251)}`]: "1" } })],
    ]);
    expect(image.omittedXattrs.map(({ path, name }) => [path, name.slice(0, 12)])).toEqual([
      ["f", "com.apple.qu"],
      ["f", "system.nfs4_"],
      ["f", "user."],
      ["f", "user.nnnnnnn"],
    ]);
    expect([...readErofs(bytes).files()].at(-1)?.xattrs.size).toBe(1);
  });
});

/** Rows of 16 bytes that are not all zero, with their positions. */
function hex(bytes: Buffer): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    if (row.some((byte) => byte !== 0))
      rows.push(
        `${String(at).padStart(5)} ${row
          .toString("hex")
          .replace(/(.{8})/g, "$1 ")
          .trim()}`,
      );
  }
  return rows;
}
