import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ErrorKind, type OpenImageOptions, openImage, StrataError } from "../../src/index.ts";
import { LayerIndexBuilder } from "../../src/layer/index.ts";
import { char, dir, file, hardlink, layoutScript, symlink, type TarStep, tarScript } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";

/** Images made to harm their reader, by the name of the attack. */
interface Attack {
  readonly name: string;
  readonly upper: readonly TarStep[];
  readonly code: string;
  readonly kind: ErrorKind;
  /** The entry that the error must name, and the offset of its header. */
  readonly entry: string;
  readonly offset: number;
}

const DEEP = Array.from({ length: 10_000 }, () => "d").join("/");

const ATTACKS: readonly Attack[] = [
  {
    name: "a name that climbs above the root",
    upper: [file("b"), file("../../etc/cron.d/x", "* * * * * root x\n")],
    code: "path-escapes-root",
    kind: "hostile",
    entry: "../../etc/cron.d/x",
    offset: 512,
  },
  {
    name: "a whiteout that climbs above the root",
    upper: [file("d/../../.wh.etc")],
    code: "path-escapes-root",
    kind: "hostile",
    entry: "d/../../.wh.etc",
    offset: 0,
  },
  {
    name: "a root that becomes a symlink (CVE-2021-29136)",
    upper: [symlink("/.", "/etc"), file("passwd", "x")],
    code: "root-replaced",
    kind: "hostile",
    entry: "/.",
    offset: 0,
  },
  {
    name: "a whiteout of the directory it lies in",
    upper: [file("d/.wh..")],
    code: "invalid-whiteout",
    kind: "hostile",
    entry: "d/.wh..",
    offset: 0,
  },
  {
    name: "a whiteout of the parent of the root",
    upper: [file("ok"), file(".wh...")],
    code: "invalid-whiteout",
    kind: "hostile",
    entry: ".wh...",
    offset: 512,
  },
  {
    name: "a whiteout of nothing",
    upper: [file(".wh.")],
    code: "invalid-whiteout",
    kind: "hostile",
    entry: ".wh.",
    offset: 0,
  },
  {
    name: "a hardlink to a file of the machine",
    upper: [hardlink("shadow", "../../../../etc/shadow")],
    code: "hardlink-target-missing",
    kind: "malformed",
    entry: "shadow",
    offset: 0,
  },
  {
    name: "a hardlink to a directory",
    upper: [dir("d"), hardlink("e", "d")],
    code: "hardlink-to-directory",
    kind: "malformed",
    entry: "e",
    offset: 512,
  },
  {
    name: "a file behind a symlink to itself",
    upper: [symlink("l", "l"), file("l/x")],
    code: "symlink-loop",
    kind: "hostile",
    entry: "l/x",
    offset: 512,
  },
  {
    name: "a file behind a loop of three symlinks over two directories",
    upper: [symlink("a/x", "../b/y"), symlink("b/y", "/c"), symlink("c", "a/x"), file("c/f")],
    code: "symlink-loop",
    kind: "hostile",
    entry: "c/f",
    offset: 1536,
  },
  {
    name: "a file behind a symlink that grows with each step",
    upper: [symlink("l", "l/l/l/l/l/l/l/l/l/l"), file("l/x")],
    code: "symlink-loop",
    kind: "hostile",
    entry: "l/x",
    offset: 512,
  },
  {
    name: "a file behind a symlink without a target",
    upper: [symlink("l", ""), file("l/x")],
    code: "symlink-empty",
    kind: "hostile",
    entry: "l/x",
    offset: 512,
  },
  {
    name: "a major device number beyond the kernel's",
    upper: [char("c", [0x1000, 0])],
    code: "entry-out-of-range",
    kind: "malformed",
    entry: "c",
    offset: 0,
  },
  {
    name: "a minor device number beyond the kernel's",
    upper: [file("a"), char("c", [1, 0x100000])],
    code: "entry-out-of-range",
    kind: "malformed",
    entry: "c",
    offset: 512,
  },
];

let home: string;
let images = 0;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "hostile-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Packing {
  readonly gzip?: boolean;
  /** Changes the files of the layout after they were named by their digests. */
  readonly change?: (files: Map<string, Uint8Array>, layers: readonly string[]) => void;
}

function writeImage(tars: readonly Uint8Array[], { gzip = false, change }: Packing = {}): string {
  const layout = layoutScript(tars, { gzip });
  const files = new Map(layout.files);
  change?.(files, layout.layers);
  const directory = join(home, String(images++));
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  return `oci:${directory}:latest`;
}

/** Opens and reads everything; the error that this ends with. */
async function errorOf(name: string, options: OpenImageOptions = {}): Promise<StrataError> {
  try {
    await using image = await openImage(name, { temporaryDirectory: home, ...options });
    for await (const chunk of image.export()) expect(chunk.length).toBeGreaterThanOrEqual(0);
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error(`${name} was opened and read as if nothing were wrong`);
}

const base = tarScript(file("a", "1"));
const victim = tarScript(dir("d"), file("d/b", "x".repeat(3000)), file("c", "y"));

describe.each([false, true])("a hostile layer (gzip: %s)", (gzip) => {
  it.each(ATTACKS.map((attack) => [attack.name, attack] as const))("%s is refused, and named", async (_, attack) => {
    const name = writeImage([base, tarScript(...attack.upper)], { gzip });
    const { code, kind, details, message } = await errorOf(name);
    expect({ code, kind }).toEqual({ code: attack.code, kind: attack.kind });
    expect(details).toMatchObject({ image: name, layer: 1, entry: attack.entry, offset: attack.offset });
    expect(message).toContain(attack.entry);
  });
});

describe("an absurd layer", () => {
  it("with a name beyond all limits is refused without repeating the name", async () => {
    const { code, kind, details, message } = await errorOf(writeImage([tarScript(file("n".repeat(70_000)))]));
    expect({ code, kind }).toEqual({ code: "entry-out-of-range", kind: "malformed" });
    expect(message.length).toBeLessThan(1000);
    expect(details.entry?.length).toBeLessThan(1000);
  });

  it("with an extension header of megabytes is refused", async () => {
    const { code, kind, details } = await errorOf(writeImage([base, tarScript(file("n".repeat(2_000_000)))]));
    expect({ code, kind }).toEqual({ code: "tar-extension-too-large", kind: "hostile" });
    expect(details).toMatchObject({ layer: 1, offset: 0 });
  });

  it("with more entries than the limit is refused at the first too many", async () => {
    const name = writeImage([tarScript(file("a"), file("b"), file("c"))]);
    const { code, kind, details } = await errorOf(name, { limits: { maxEntries: 2 } });
    expect({ code, kind }).toEqual({ code: "tar-too-many-entries", kind: "hostile" });
    expect(details).toMatchObject({ entry: "c", offset: 1024 });
  });

  it("with a file ten thousand directories deep is opened, walked and exported", async () => {
    await using image = await openImage(writeImage([tarScript(file(`${DEEP}/f`, "deep"))]));
    const slots = [...image.tree.walk()];
    expect(slots.length).toBe(10_002);
    expect(image.tree.pathOf(slots.at(-1)!.slot)).toBe(`${DEEP}/f`);
    let bytes = 0;
    for await (const chunk of image.export()) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(10_000 * 512);
  });

  it("that removes a tree ten thousand directories deep is opened", async () => {
    const upper = tarScript(file(".wh.d"), file("e", "1"));
    await using image = await openImage(writeImage([tarScript(file(`${DEEP}/f`, "deep")), upper]));
    expect([...image.tree.walk()].map(({ path }) => path)).toEqual(["", "e"]);
  });

  it("with a million entries in one directory is merged and listed in order", () => {
    const builder = new LayerIndexBuilder();
    const entry = {
      type: "file" as const,
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
      dataOffset: 0,
      storedSize: 0,
    };
    for (let i = 0; i < 1_000_000; i++) builder.add({ ...entry, name: `d/${i}`, headerOffset: i * 512 });
    const tree = mergeLayers([builder.finish()]);
    const children = tree.children(tree.find("d", { followLast: true }));
    expect(children.length).toBe(1_000_000);
    expect(tree.nameOf(children[1]!)).toBe("1");
    expect(tree.nameOf(children[2]!)).toBe("10");
    expect(tree.nameOf(children.at(-1)!)).toBe("999999");
  });
});

describe("a decompression bomb", () => {
  const bomb = tarScript(file("zeros", "\0".repeat(3_000_000)));

  it.each([true, false])("is refused at the limit (gzip: %s)", async (gzip) => {
    const { code, kind, details } = await errorOf(writeImage([base, bomb], { gzip }), {
      limits: { maxLayerBytes: 100_000 },
    });
    expect({ code, kind }).toEqual({ code: "decompression-bomb", kind: "hostile" });
    expect(details).toMatchObject({ layer: 1 });
  });
});

describe("a layer that is cut off", () => {
  const gzipped = (bytes: Uint8Array): Packing => ({
    gzip: true,
    change: (files, layers) => files.set(layers[1]!, files.get(layers[1]!)!.subarray(0, bytes.length)),
  });

  it("by its maker is refused at any length, with the layer and the offset", async () => {
    // Behind the last entry's data nothing is missing but padding and the end marker, which many archives lack.
    const ofData = victim.length - 1024 - 511;
    for (const length of [1, 100, 511, 513, 600, 1023, 1025, 1100, 4000, 4097, ofData - 1]) {
      const { code, kind, details } = await errorOf(writeImage([base, victim.subarray(0, length)]));
      expect({ length, code, kind }).toEqual({ length, code: "tar-truncated", kind: "malformed" });
      expect(details).toMatchObject({ layer: 1, offset: length });
    }
  });

  it("by its carrier is an integrity error, whatever is left of it", async () => {
    for (const length of [0, 1, 10, 50, 100]) {
      const { kind } = await errorOf(writeImage([base, victim], gzipped(new Uint8Array(length))));
      expect({ length, kind }).toEqual({ length, kind: "integrity" });
    }
  });
});

describe("a layer with a flipped bit", () => {
  const flipped = (at: number, bit: number, gzip: boolean): Packing => ({
    gzip,
    change: (files, layers) => {
      const bytes = Buffer.from(files.get(layers[1]!)!);
      bytes[at % bytes.length]! ^= 1 << bit;
      files.set(layers[1]!, bytes);
    },
  });

  it.each([true, false])("is refused wherever it is (gzip: %s)", async (gzip) => {
    for (let at = 0; at < 6000; at += 97) {
      const { kind, details } = await errorOf(writeImage([base, victim], flipped(at, at % 8, gzip)));
      expect(["integrity", "malformed", "unsupported"], `byte ${at}: ${kind}`).toContain(kind);
      expect(details).toMatchObject({ layer: 1 });
    }
  });

  it("in its data is an integrity error that names the digest", async () => {
    const name = writeImage([base, victim], flipped(1500, 0, false));
    const { code, kind, details } = await errorOf(name);
    expect({ code, kind }).toEqual({ code: "digest-mismatch", kind: "integrity" });
    expect(details).toMatchObject({ image: name, layer: 1, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  });
});

describe("a layer that is not there", () => {
  it("is named with its digest", async () => {
    const gone = { change: (files: Map<string, Uint8Array>, layers: readonly string[]) => files.delete(layers[1]!) };
    const { code, kind, details, message } = await errorOf(writeImage([base, victim], gone));
    expect({ code, kind }).toEqual({ code: "missing-blob", kind: "not-found" });
    expect(details.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(message).toContain("layer 1");
  });

  it("and is no archive at all is refused", async () => {
    const text = Buffer.from("This is a shopping list, and not an archive.\n".repeat(40));
    const { code, kind, details } = await errorOf(writeImage([base, text]));
    expect({ code, kind }).toEqual({ code: "tar-bad-checksum", kind: "malformed" });
    expect(details).toMatchObject({ layer: 1, offset: 0 });
  });
});
