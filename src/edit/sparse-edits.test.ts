import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editContext, layerSourceOf, loaderOf, placedImage, tarsOf } from "../../test/support/placed-image.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { hostFiles } from "../host-files.ts";
import type { PlacedImage } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { type SparseRun, writeTar } from "../tar/index.ts";
import { indexOf } from "../testing/index.ts";
import { type EditFiles, editFiles } from "./edit-files.ts";
import { applyFileEdits } from "./edit-files-plan.ts";

const GIB = 2 ** 30;
const SMALL = 100_000;

async function sparseImage(gzip: boolean): Promise<PlacedImage> {
  const entry = {
    name: "disk",
    type: "file",
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: { seconds: 1, nanoseconds: 0 },
  } as const;
  const sparse = [
    { offset: 5000, length: 3 },
    { offset: GIB - 8192, length: 4096 },
  ];
  const data = [Buffer.from("abc"), Buffer.alloc(4096)];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar([{ entry: { ...entry, size: GIB, sparse }, data }])) chunks.push(chunk);
  return placedImage([layerSourceOf(Buffer.concat(chunks), { gzip })]);
}

interface TopLayer {
  readonly bytes: number;
  readonly index: LayerIndex;
  runsOf(name: string): readonly SparseRun[] | undefined;
  sizeOf(name: string): number;
}

async function topOf(image: PlacedImage, edit: EditFiles): Promise<TopLayer> {
  const edited = await editFiles(image, loaderOf(image), edit, editContext());
  const tar = (await tarsOf(edited)).at(-1) as Uint8Array;
  const index = indexOf(tar);
  const entryOf = (name: string) => Array.from({ length: index.count }, (_, i) => index.name(i)).indexOf(name);
  return {
    bytes: tar.length,
    index,
    runsOf: (name) => index.sparse(entryOf(name))?.filter(({ length }) => length > 0),
    sizeOf: (name) => index.columns.size[entryOf(name)] as number,
  };
}

describe.each([false, true])(
  "editing an image with a file of 1 GiB that is one hole, its layer compressed: %s",
  (gzip) => {
    it("keeps the holes of a file whose mode alone changes, in blocks that have data", async () => {
      const top = await topOf(await sparseImage(gzip), (fs) => fs.chmod("/disk", 0o644));
      expect(top.runsOf("disk")).toEqual([{ offset: 4096, length: 4096 }]);
      expect([top.sizeOf("disk"), top.bytes < SMALL]).toEqual([GIB, true]);
    });

    it("keeps the holes of a file that is written to, and knows what was written", async () => {
      const top = await topOf(await sparseImage(gzip), async (fs) => {
        await using disk = await fs.open("/disk", "r+");
        await disk.write(Buffer.from("xyz"), 0, 3, 2 ** 29);
        await disk.truncate(2 * GIB);
      });
      expect(top.runsOf("disk")).toEqual([
        { offset: 4096, length: 4096 },
        { offset: 2 ** 29, length: 4096 },
      ]);
      expect([top.sizeOf("disk"), top.bytes < SMALL]).toEqual([2 * GIB, true]);
    });

    it("keeps the holes of a copy", async () => {
      const top = await topOf(await sparseImage(gzip), async (fs) => {
        await fs.copyFile("/disk", "/copy");
        await fs.truncate("/copy", 8192);
        await fs.truncate("/copy", GIB);
      });
      expect(top.runsOf("copy")).toEqual([{ offset: 4096, length: 4096 }]);
      expect([top.sizeOf("copy"), top.bytes < SMALL]).toEqual([GIB, true]);
    });
  },
);

describe("editing files without holes", () => {
  it("leaves zeros that were written as they are", async () => {
    const top = await topOf(await sparseImage(false), (fs) => fs.writeFile("/zeros", Buffer.alloc(200_000)));
    expect([top.runsOf("zeros"), top.bytes > 200_000]).toEqual([undefined, true]);
  });
});

const tellsHoles = requireOrSkip(
  "copying a sparse file of the host into an image",
  process.platform === "linux",
  "only Linux is asked for holes",
);

tellsHoles(() => {
  it("keeps its holes", async () => {
    const place = mkdtempSync(join(tmpdir(), "strata-sparse-"));
    try {
      const source = join(place, "disk");
      writeFileSync(source, "abc");
      truncateSync(source, GIB);
      const from = hostFiles();
      const top = await topOf(await sparseImage(false), (fs) =>
        applyFileEdits(fs, [{ kind: "copy-in", from, source, path: "/copy" }]),
      );
      expect(top.runsOf("copy")).toEqual([{ offset: 0, length: 4096 }]);
      expect([top.sizeOf("copy"), top.bytes < SMALL]).toEqual([GIB, true]);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});
