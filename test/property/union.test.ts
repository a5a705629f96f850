import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StrataError } from "../../src/base/index.ts";
import { decodeLayerIndex, encodeLayerIndex } from "../../src/layer/index.ts";
import { indexOf, mergedFiles, type TarStep, tarScript, treeText } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";
import { NaiveModel, Refused } from "./naive-model.ts";
import { tameLayers, wildLayers } from "./random-layers.ts";

type Layers = readonly (readonly TarStep[])[];

/** The tree as text, or the code of the refusal. */
function unionOf(layers: Layers): string {
  const tars = layers.map((steps) => tarScript(...steps));
  try {
    return treeText(mergedFiles(mergeLayers(tars.map(indexOf)), tars));
  } catch (error) {
    if (error instanceof StrataError) return error.code;
    throw error;
  }
}

function modelOf(layers: Layers): string {
  const model = new NaiveModel();
  try {
    for (const steps of layers) model.apply(steps);
    return treeText(model.files());
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
}

describe("the union", () => {
  it("of any layers is what applying them one by one to a plain tree gives", () => {
    fc.assert(
      fc.property(wildLayers, (layers) => {
        expect(unionOf(layers)).toBe(modelOf(layers));
      }),
      { numRuns: 3000 },
    );
  });

  it("of layers that tools make is never refused", () => {
    fc.assert(
      fc.property(tameLayers({ parents: true, linksToLower: true, markersFirst: false }), (layers) => {
        expect(unionOf(layers)).toBe(modelOf(layers));
        expect(unionOf(layers)).toMatch(/^directory/);
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on where in a layer its markers stand, nor on their order", () => {
    const isMarker = ({ name }: TarStep): boolean => /(^|\/)\.wh\./.test(name);
    fc.assert(
      fc.property(wildLayers, fc.boolean(), (layers, first) => {
        const moved = layers.map((steps) => {
          const [markers, entries] = [steps.filter(isMarker), steps.filter((step) => !isMarker(step))];
          return first ? [...markers.reverse(), ...entries] : [...entries, ...markers.reverse()];
        });
        expect(unionOf(moved)).toBe(unionOf(layers));
      }),
      { numRuns: 1000 },
    );
  });

  it("of a layer twice is the union of that layer once", () => {
    fc.assert(
      fc.property(tameLayers({ parents: true, linksToLower: false, markersFirst: true }), (layers) => {
        const [first = []] = layers;
        const entries = first.filter(({ type }) => type !== "hardlink");
        expect(unionOf([entries, entries])).toBe(unionOf([entries]));
      }),
      { numRuns: 300 },
    );
  });

  it("is the same when the tables of contents were kept and brought back", () => {
    fc.assert(
      fc.property(wildLayers, (layers) => {
        const tars = layers.map((steps) => tarScript(...steps));
        const again = tars.map((tar) => decodeLayerIndex(encodeLayerIndex(indexOf(tar))));
        let text: string;
        try {
          text = treeText(mergedFiles(mergeLayers(again), tars));
        } catch (error) {
          text = (error as StrataError).code;
        }
        expect(text).toBe(unionOf(layers));
      }),
      { numRuns: 300 },
    );
  });
});
