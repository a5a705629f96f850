import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assertConsistent,
  editContext,
  imageOfSteps,
  layerSourceOf,
  placedImage,
} from "../../test/support/placed-image.ts";
import { joinHistory, type PlacedImage } from "../image/index.ts";
import { file, tarScript } from "../testing/index.ts";
import { appendLayer } from "./append-layer.ts";
import { dropLayer } from "./drop-layer.ts";
import { editConfig } from "./edit-config.ts";
import { stepsOf, withSteps } from "./image-steps.ts";
import { rebaseImage } from "./rebase-image.ts";

async function* bytesOf(tar: Uint8Array): AsyncGenerator<Uint8Array> {
  yield tar;
}

type Edit = (image: PlacedImage) => PlacedImage | Promise<PlacedImage>;

const context = editContext({ step: { createdBy: "a step" } });
const base = imageOfSteps([[file("base", "0")]]);
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.nat(5).map(
    (n): Edit =>
      (image) =>
        appendLayer(image, bytesOf(tarScript(file(`f${n}`, "x"))), context),
  ),
  fc.constant<Edit>((image) => appendLayer(image, undefined, context)),
  fc.constant<Edit>((image) => appendLayer(image, bytesOf(tarScript()), context)),
  fc.constant<Edit>((image) => editConfig(image, { env: { A: "1" } }, context)),
  fc.nat().map(
    (n): Edit =>
      (image) =>
        image.layers.length === 0 ? image : dropLayer(image, n % image.layers.length, context),
  ),
  fc.constant<Edit>((image) => rebaseImage(image, { oldBase: placedImage([]), newBase: base }, context)),
);

/** Histories as programs write them: too short, too long, absent, with steps that make no layer anywhere. */
const histories = fc.option(
  fc.array(fc.record({ created_by: fc.string(), empty_layer: fc.boolean() }), { maxLength: 6 }),
);

describe("the steps of an image", () => {
  test("have its layers in their order, as its history is read by everybody, whatever it says", () => {
    fc.assert(
      fc.property(histories, fc.nat(4), (history, count) => {
        const layers = Array.from({ length: count }, (_, i) => layerSourceOf(tarScript(file(`f${i}`, "x"))));
        const image = placedImage(layers, { history });
        const steps = stepsOf(image);
        expect(steps.flatMap(({ layer }) => layer ?? [])).toEqual(layers);
        const joined = joinHistory(image.config.value, count).map(({ layer }) =>
          layer === undefined ? undefined : layers[layer],
        );
        expect(steps.map(({ layer }) => layer)).toEqual(joined);
      }),
    );
  });

  test("make a history that tells of each layer once, whatever was edited before", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.array(edits, { maxLength: 8 }), async (history, sequence) => {
        let image = placedImage([layerSourceOf(tarScript(file("a", "1")))], { history });
        for (const edit of sequence) {
          const before = { ...image };
          const bytes = Buffer.from(image.config.bytes);
          const after = await edit(image);
          expect({ ...image }).toEqual(before);
          expect(bytes.equals(Buffer.from(image.config.bytes))).toBe(true);
          image = after;
        }
        image = await appendLayer(image, undefined, context);
        await assertConsistent(image);
        const steps = joinHistory(image.config.value, image.layers.length);
        expect(steps.flatMap(({ layer }) => layer ?? [])).toEqual(image.layers.map((_, i) => i));
        expect(steps.length).toBe(image.config.value.history?.length);
      }),
      { numRuns: 50 },
    );
  });

  test("give the same image again", () => {
    const image = imageOfSteps([[file("a", "1")], [file("b", "2")]]);
    expect(withSteps(image, stepsOf(image)).config.digest).toBe(image.config.digest);
  });

  test("know as many diffIDs as the layers below the first that has none", () => {
    const [known, unknown] = [layerSourceOf(tarScript(file("a", "1"))), layerSourceOf(tarScript(file("b", "1")))];
    const layers = [known, { ...unknown, diffId: undefined }, known];
    const { rootfs } = withSteps(
      placedImage([]),
      layers.map((layer) => ({ entry: {}, layer })),
    ).config.value;
    expect(rootfs.diff_ids).toEqual([known.diffId]);
  });
});

describe("appending to an image", () => {
  test("a layer without entries makes a step without a layer", async () => {
    const image = await appendLayer(base, bytesOf(tarScript()), context);
    expect(image.layers).toEqual(base.layers);
    expect(image.config.value.history?.at(-1)).toMatchObject({ created_by: "a step", empty_layer: true });
  });
});

describe("dropping a layer", () => {
  test("takes its step along and leaves the others, also where the same layer is there twice", async () => {
    const [twice, once] = [layerSourceOf(tarScript(file("a", "1"))), layerSourceOf(tarScript(file("b", "1")))];
    const image = placedImage([twice, once, twice]);
    const dropped = dropLayer(image, 2, context);
    expect(dropped.layers).toEqual([twice, once]);
    expect(dropped.config.value.history?.map((step) => step.created_by)).toEqual(["step 0", "step 1"]);
    await assertConsistent(dropped);
  });

  test("leaves an image without layers where it was the only one", async () => {
    const empty = dropLayer(base, 0, context);
    expect(empty.layers).toEqual([]);
    expect(empty.config.value.rootfs).toEqual({ type: "layers", diff_ids: [] });
    await assertConsistent(empty);
  });

  test.each([-1, 1, 0.5, Number.NaN])("number %d is refused where there is none", (number) => {
    expect(() => dropLayer(base, number, context)).toThrow(
      expect.objectContaining({ code: "no-such-layer", kind: "not-found" }),
    );
  });
});
