import { expect, it } from "vitest";
import {
  editContext,
  filesOf,
  imageOfSteps,
  layerSourceOf,
  layersOf,
  loaderOf,
  placedImage,
} from "../../test/support/placed-image.ts";
import type { PlacedImage } from "../image/index.ts";
import { dir, file, hardlink, symlink, tarScript, whiteout } from "../testing/index.ts";
import { assertLayersFit } from "./assert-layers-fit.ts";
import { dropLayer } from "./drop-layer.ts";
import { squashImage } from "./squash-image.ts";

const context = editContext();

/** What dropping a layer comes to, checked. */
async function drop(image: PlacedImage, number: number): Promise<PlacedImage> {
  const dropped = dropLayer(image, number, context);
  const numberBefore = (layer: number): number => (layer < number ? layer : layer + 1);
  assertLayersFit(await layersOf(dropped), { change: `without layer ${number}`, numberBefore });
  return dropped;
}

const linking = imageOfSteps([[file("base")], [file("tool", "x")], [file("other")], [hardlink("copy", "tool")]]);

it("are refused when a hardlink leads to the layer that was dropped, by their number before", async () => {
  await expect(drop(linking, 1)).rejects.toMatchObject({
    code: "layers-do-not-fit",
    kind: "failed-precondition",
    message: expect.stringContaining("Layer 3 does not fit without layer 1"),
    details: { layer: 3, entry: "copy", createdBy: "step 3" },
    hint: expect.stringContaining("squash --from 3"),
  });
});

it("fit once they were squashed, as the hint says", async () => {
  const squashed = await squashImage(linking, loaderOf(linking), { from: 3 }, context);
  const paths = (await filesOf(await drop(squashed, 1))).map(({ path }) => path);
  expect(paths).toEqual(["", "base", "copy", "other", "tool"]);
});

it("fit when whiteouts have nothing to hide, and when directories are only implied", async () => {
  const image = imageOfSteps([
    [file("base")],
    [dir("d", { mode: 0o700 }), file("d/gone")],
    [whiteout("d/gone"), file("d/new")],
  ]);
  expect((await filesOf(await drop(image, 1))).map(({ path }) => path)).toEqual(["", "base", "d", "d/new"]);
});

it("are refused when they lie behind a symlink that leads nowhere by now", async () => {
  const image = imageOfSteps([[symlink("l", "l")], [whiteout("l")], [file("l/x")]]);
  await expect(drop(image, 1)).rejects.toMatchObject({ details: { layer: 2, entry: "l/x" } });
});

it("are not judged where the bytes of one are not here", async () => {
  const absent = { ...layerSourceOf(tarScript()), kind: "absent" } as never;
  const [tool, copy] = [[file("tool", "x")], [hardlink("copy", "tool")]].map((steps) =>
    layerSourceOf(tarScript(...steps)),
  );
  const image = placedImage([absent, tool as never, copy as never]);
  expect((await drop(image, 1)).layers).toHaveLength(2);
});
