import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import {
  erofsBytes,
  indexOfTar,
  MountYard,
  mountFacts,
  treeFacts,
  whyNoErofs,
} from "../../test/support/erofs-mounts.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
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

/** Layers of steps: what the kernel shows of their image, and what the merged tree says. */
async function shown(...layers: readonly (readonly TarStep[])[]) {
  const tars = layers.map((steps) => tarScript(...steps));
  const tree = mergeLayers(tars.map(indexOfTar));
  const { bytes, image } = await erofsBytes(tree);
  using yard = new MountYard();
  const devices = image.deviceLayers.map((layer) => yard.file(tars[layer] as Uint8Array));
  const actual = mountFacts(yard.mount(yard.file(bytes), devices));
  return { actual, expected: treeFacts(tree, tars) };
}

const reason = whyNoErofs();
requireOrSkip(
  "the kernel shows",
  reason === undefined,
  reason ?? "",
)(() => {
  it("an empty image", async () => {
    const { actual, expected } = await shown([]);
    expect(actual).toEqual(expected);
  });

  it("the smallest image", () => {
    const sample = sampleErofs();
    expect(sample).toHaveLength(1536);
    using yard = new MountYard();
    expect(readdirSync(yard.mount(yard.file(sample), []))).toEqual([]);
  });

  it("two layers of files of every kind", async () => {
    const { actual, expected } = await shown(
      [dir("etc"), file("etc/motd", "hello\n"), file("etc/gone", "x"), symlink("etc/link", "motd"), file("empty")],
      [
        whiteout("etc/gone"),
        dir("dev"),
        char("dev/null", [1, 3]),
        block("dev/sda", [8, 70_000]),
        fifo("dev/pipe"),
        hardlink("etc/again", "etc/motd"),
        file("large", "y".repeat(10_000), { uid: 4_000_000_000, gid: 3_000_000_000, mode: 0o4755 }),
      ],
    );
    expect(actual).toEqual(expected);
  });
});
