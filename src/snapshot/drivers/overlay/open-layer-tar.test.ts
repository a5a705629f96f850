import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tameLayers } from "../../../../test/property/random-layers.ts";
import { bringIn, stackOf } from "../../../../test/support/layer-stack.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../../test/support/scratch-mount.ts";
import { readAll, StrataError } from "../../../base/index.ts";
import { createMemoryContentStore, createMemoryIndexCache, createMemoryScratch } from "../../../content/index.ts";
import { type DiffId, hexOf } from "../../../oci/index.ts";
import { dir, file, hardlink, opaque, symlink, type TarStep, tarScript, whiteout } from "../../../testing/index.ts";
import { openSnapshotter, snapshotKey } from "../../index.ts";
import { openLayerTar } from "./open-layer-tar.ts";

type Layer = { readonly id: string; readonly directory: string; readonly diffId: DiffId };

describeWith(["root", "mount"], "the tar of a layer that was unpacked for overlayfs", () => {
  let place: ScratchMount;
  beforeAll(() => {
    place = makeScratchMount();
  });
  afterAll(() => place[Symbol.dispose]());

  async function unpacked(tars: readonly Uint8Array[]): Promise<readonly Layer[]> {
    const root = mkdtempSync(join(place.directory, "image-"));
    const [content, indexCache] = [createMemoryContentStore(), createMemoryIndexCache()];
    await using snapshots = await openSnapshotter({ root, driver: "overlay", content, indexCache });
    const stack = stackOf(root, tars);
    const names = await bringIn(snapshots, stack);
    const layers: Layer[] = [];
    for (const [i, name] of names.entries()) {
      // A child's mount tells where its parent lies.
      const key = snapshotKey(`child of ${i}`);
      const [mount] = await snapshots.prepare(key, name);
      const lower = /lowerdir=([^:]*)/.exec(mount?.options.join("\n") ?? "")?.[1] ?? "";
      await snapshots.remove(key);
      layers.push({ id: "", directory: join(lower, ".."), diffId: stack.diffIds[i] as DiffId });
    }
    for (const [i] of tars.entries()) rmSync(join(root, `${i}.tar`));
    return layers;
  }

  async function again(layer: Layer): Promise<Buffer> {
    await using scratch = createMemoryScratch();
    await using tar = await openLayerTar(layer, { diffId: layer.diffId, scratch });
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar.stream()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async function expectSame(tars: readonly Uint8Array[]): Promise<readonly Layer[]> {
    const layers = await unpacked(tars);
    for (const [i, layer] of layers.entries()) {
      const bytes = await again(layer);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(hexOf(layer.diffId));
      expect(bytes.equals(tars[i] as Uint8Array)).toBe(true);
    }
    return layers;
  }

  const large = "x".repeat(300_000);

  it("is there again, bit for bit, with links, attributes, markers and odd names", async () => {
    await expectSame([
      tarScript(
        dir(""),
        dir("./bin/"),
        file("./bin/tool", large, { mode: 0o4755, xattrs: { "user.x": "\x00\xff" } }),
        hardlink("other", "bin/tool"),
        file("/absolute//name", "a"),
        file("name \xff\xfe", "b"),
        symlink("lib", "bin"),
        file("empty"),
        file(`long/${"y".repeat(120)}/${"z".repeat(200)}`, "c"),
      ),
      tarScript(
        whiteout("other"),
        hardlink("third", "bin/tool"),
        file("lib/through", "through a lower link"),
        opaque("long"),
        file("implied/parent", "d"),
      ),
    ]);
  });

  it("is there again where the layer's own later entries took files away", async () => {
    const [layer] = await expectSame([
      tarScript(
        file("twice", `first ${large}`),
        file("twice", "second"),
        dir("d"),
        file("d/inside", "goes with its directory"),
        file("d", "now a file"),
        file("linked", "content"),
        hardlink("kept", "linked"),
        file("linked", "other content"),
      ),
    ]);
    expect(readFileSync(join(layer?.directory ?? "", "fs/twice"), "utf8")).toBe("second");
  });

  it("is there again with what follows its end, and without an end", async () => {
    const tar = tarScript(file("a", "a"));
    const junk = Buffer.from("left by a careless tool");
    await expectSame([Buffer.concat([tar, junk]), tar.subarray(0, tar.length - 1024)]);
  });

  it("is there again for sparse files, whose data stays in the journal", async () => {
    const sparse = gnuSparse("sparse", [{ offset: 4096, data: Buffer.alloc(512, 7) }], 1_000_000);
    const [layer] = await expectSame([Buffer.concat([sparse, tarScript(file("plain", "b"))])]);
    const unpackedSparse = readFileSync(join(layer?.directory ?? "", "fs/sparse"));
    expect([unpackedSparse.length, unpackedSparse.indexOf(7)]).toEqual([1_000_000, 4096]);
  });

  it("is there again for random images", async () => {
    const images = tameLayers({ parents: false, linksToLower: true, markersFirst: false });
    await fc.assert(
      fc.asyncProperty(images, async (layers: readonly (readonly TarStep[])[]) => {
        await expectSame(layers.map((steps) => tarScript(...steps)));
      }),
      { numRuns: 15 },
    );
  });

  it("keeps in the journal only what lies nowhere else", async () => {
    const [layer] = await expectSame([tarScript(...Array.from({ length: 50 }, (_, i) => file(`f${i}`, large)))]);
    const journal = gunzipSync(readFileSync(join(layer?.directory ?? "", "tar-split.json.gz")));
    expect(journal.length).toBeLessThan(100_000);
  });

  it("is refused when somebody changed a file, whether its length tells or not", async () => {
    const [layer] = await expectSame([tarScript(file("a", "text"), file("b", "text"))]);
    const fs = join(layer?.directory ?? "", "fs");
    writeFileSync(join(fs, "a"), "TEXT");
    await expect(again(layer as Layer)).rejects.toMatchObject({ code: "layer-tar-changed", kind: "integrity" });
    truncateSync(join(fs, "a"), 3);
    await expect(again(layer as Layer)).rejects.toMatchObject({ code: "layer-file-changed" });
    rmSync(join(fs, "a"));
    await expect(again(layer as Layer)).rejects.toMatchObject({ code: "layer-file-changed" });
  });

  it("can be read anywhere", async () => {
    const tar = tarScript(file("a", large), file("b", "text"));
    const [layer] = await unpacked([tar]);
    await using scratch = createMemoryScratch();
    await using source = await openLayerTar(layer as Layer, { diffId: (layer as Layer).diffId, scratch });
    for (const [start, end] of [
      [0, 10],
      [500, 600],
      [299_900, 301_000],
    ] as const) {
      expect(Buffer.from(await readAll(source, { start, end }))).toEqual(Buffer.from(tar.subarray(start, end)));
    }
  });
});

it("a snapshot that was no layer has no tar", async () => {
  const directory = mkdtempSync(join(tmpdir(), "no-layer-"));
  try {
    await using scratch = createMemoryScratch();
    const opened = openLayerTar({ id: "a", directory }, { diffId: `sha256:${"0".repeat(64)}` as DiffId, scratch });
    await expect(opened).rejects.toBeInstanceOf(StrataError);
    await expect(opened).rejects.toMatchObject({ code: "layer-tar-not-kept", kind: "not-found" });
    expect(existsSync(directory)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** A sparse file as old GNU tar writes it: runs in the header, data of the runs only. */
function gnuSparse(name: string, runs: readonly { offset: number; data: Buffer }[], size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`;
  const stored = Buffer.concat(runs.map(({ data }) => data));
  header.write(name, 0);
  header.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(stored.length, 12) + octal(1, 12), 100, "latin1");
  header.write("        S", 148, "latin1");
  header.write("ustar  \0", 257, "latin1");
  for (const [i, { offset, data }] of runs.entries()) {
    header.write(octal(offset, 12) + octal(data.length, 12), 386 + 24 * i, "latin1");
  }
  header.write(octal(size, 12), 483, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, stored]);
}
