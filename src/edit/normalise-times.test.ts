import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { tameLayers } from "../../test/property/random-layers.ts";
import { describeWith } from "../../test/support/oracles.ts";
import {
  assertConsistent,
  editContext,
  filesOf,
  imageOfSteps,
  layerSourceOf,
  loaderOf,
  placedImage,
  tarsOf,
} from "../../test/support/placed-image.ts";
import { type FileTime, memorySource } from "../base/index.ts";
import type { PlacedImage } from "../image/index.ts";
import { readTar, type TarEntry } from "../tar/index.ts";
import { file, type TarStep, type TreeFile, treeText } from "../testing/index.ts";
import { type NormalTimes, normaliseTimes } from "./normalise-times.ts";

const seconds = (time: number, nanoseconds = 0): FileTime => ({ seconds: time, nanoseconds });

const normalise = async (image: PlacedImage, times: NormalTimes): Promise<PlacedImage> =>
  await normaliseTimes(image, loaderOf(image), times, editContext());

async function entriesOf(tar: Uint8Array): Promise<(TarEntry & { readonly data: string })[]> {
  const entries: (TarEntry & { readonly data: string })[] = [];
  for await (const entry of readTar(memorySource(tar))) {
    const data = Buffer.from(tar.subarray(entry.dataOffset, entry.dataOffset + entry.storedSize)).toString("latin1");
    entries.push({ ...entry, headerOffset: 0, dataOffset: 0, data });
  }
  return entries;
}

function withTime<T extends TarEntry>(entry: T, retime: (time: FileTime) => FileTime): T {
  const { mtime, atime, ctime } = entry;
  return { ...entry, mtime: retime(mtime), atime: atime && retime(atime), ctime: ctime && retime(ctime) };
}

describe("normalising the times of an image", () => {
  it("changes times alone, for all images", async () => {
    const limits = fc.constantFrom(
      seconds(0),
      seconds(1_500_000_000),
      seconds(1_600_000_000, 5),
      seconds(-7, 3),
      seconds(1e11),
    );
    await fc.assert(
      fc.asyncProperty(
        tameLayers({ parents: true, linksToLower: true, markersFirst: false }),
        limits,
        fc.constantFrom("clamp" as const, "set" as const),
        async (layers, time, mode) => {
          const image = imageOfSteps(layers);
          const normal = await normalise(image, { time, mode });
          await assertConsistent(normal);
          const isLater = (a: FileTime): boolean =>
            a.seconds > time.seconds || (a.seconds === time.seconds && a.nanoseconds > time.nanoseconds);
          const retime = (before: FileTime): FileTime => (mode === "set" || isLater(before) ? time : before);
          const [before, after] = [await tarsOf(image), await tarsOf(normal)];
          for (const [i, tar] of before.entries()) {
            const expected = (await entriesOf(tar)).map((entry) => withTime(entry, retime));
            expect(await entriesOf(after[i] as Uint8Array)).toEqual(expected);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("makes images that differ in times alone the same, the documents included", async () => {
    const build = (time: number): PlacedImage => {
      const mtime = seconds(time, time % 2 === 0 ? 0 : 123_456_789);
      const steps: TarStep[] = [
        file("a", "x", { mtime, xattrs: { "user.k": "v" } }),
        file("b".repeat(150), "y", { mtime }),
      ];
      const created = new Date(time * 1000).toISOString();
      const { layers } = imageOfSteps([[file("old", "", { mtime: 1000 })], steps]);
      const image = placedImage(layers, {
        created,
        history: [
          { created, created_by: "a" },
          { created, created_by: "b" },
        ],
      });
      return { ...image, annotations: { "org.opencontainers.image.created": created } };
    };
    const time = seconds(1_500_000_000);
    const [one, two] = [
      await normalise(build(1_600_000_000), { time }),
      await normalise(build(1_700_000_001), { time }),
    ];
    expect(one.config.digest).toBe(two.config.digest);
    expect(one.layers.map(({ name }) => name)).toEqual(two.layers.map(({ name }) => name));
    expect(one.annotations).toEqual({ "org.opencontainers.image.created": "2017-07-14T02:40:00Z" });
    expect(one.config.value.created).toBe("2017-07-14T02:40:00Z");
    expect(one.config.value.history?.[1]?.created).toBe("2017-07-14T02:40:00Z");
  });

  it("leaves layers whose times are early enough, and times that do not change, as they are", async () => {
    const image = imageOfSteps([[file("a", "", { mtime: 1000 })], [file("b", "", { mtime: 3000 })]]);
    const normal = await normalise(image, { time: seconds(2000) });
    expect(normal.layers[0]).toBe(image.layers[0]);
    expect(normal.layers[1]).not.toBe(image.layers[1]);
    const late = await normalise(image, { time: seconds(4_000_000_000) });
    expect(late.layers).toEqual(image.layers);
    expect(late.config.bytes).toEqual(image.config.bytes);
  });
});

describeWith(["tar"], "normalising the times of what GNU tar writes", () => {
  const directory = mkdtempSync(join(tmpdir(), "times-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** The same files twice, at other times and by another process. */
  function archive(format: string, time: number): Uint8Array {
    const root = join(directory, `${format}-${time}`);
    const long = "long".repeat(40);
    mkdirSync(join(root, long), { recursive: true });
    writeFileSync(join(root, long, "file"), "data");
    symlinkSync(`target-${long}`, join(root, "link"));
    const sparse = openSync(join(root, "sparse"), "w");
    ftruncateSync(sparse, 1 << 20);
    closeSync(sparse);
    writeFileSync(join(root, "sparse"), "end", { flag: "a" });
    for (const name of ["sparse", join(long, "file"), long, "."]) utimesSync(join(root, name), time, time);
    const args = ["--sort=name", `--format=${format}`, "--owner=root:0", "--group=root:0", "-S", "-c", "."];
    return execFileSync("tar", args, { cwd: root, maxBuffer: 1 << 26 });
  }

  it.each(["gnu", "posix", "oldgnu"])("gives the same bytes for the same files, in format %s", async (format) => {
    const tars = [archive(format, 1_600_000_000.25), archive(format, 1_700_000_000)];
    const images = tars.map((tar) => placedImage([layerSourceOf(tar)]));
    const options = { time: seconds(1_500_000_000) };
    const normal = await Promise.all(images.map(async (image) => await normalise(image, options)));
    expect(normal[0]?.layers[0]?.diffId).toBe(normal[1]?.layers[0]?.diffId);
    expect(normal[0]?.layers[0]?.diffId).not.toBe(images[0]?.layers[0]?.diffId);
    const text = async (image: PlacedImage): Promise<string> => treeText(await shown(image), { withoutTimes: true });
    expect(await text(normal[0] as PlacedImage)).toBe(await text(images[0] as PlacedImage));
    const [entries] = await Promise.all((await tarsOf(normal[0] as PlacedImage)).map(entriesOf));
    expect(entries?.map(({ mtime }) => mtime)).toEqual(entries?.map(() => options.time));
  });

  /** Without the content of sparse files, which does not lie there in one piece. */
  async function shown(image: PlacedImage): Promise<TreeFile[]> {
    return (await filesOf(image)).map((placed) =>
      placed.path === "sparse" ? { ...placed, content: undefined } : placed,
    );
  }
});
