import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tameLayers, wildLayers } from "../../test/property/random-layers.ts";
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
import { StrataError } from "../base/index.ts";
import type { AbsentLayer, PlacedImage } from "../image/index.ts";
import { writeTar } from "../tar/index.ts";
import { dir, file, hardlink, indexOf, opaque, type TarStep, tarScript, treeText, whiteout } from "../testing/index.ts";
import { squashImage } from "./squash-image.ts";

type Layers = readonly (readonly TarStep[])[];

const squash = async (image: PlacedImage, from = 0): Promise<PlacedImage> =>
  await squashImage(image, loaderOf(image), { from }, editContext({ step: { createdBy: "squash" } }));

/** The names in the topmost layer. */
async function topNames(image: PlacedImage): Promise<string[]> {
  const index = indexOf((await tarsOf(image)).at(-1) as Uint8Array);
  return Array.from({ length: index.count }, (_, i) => index.name(i));
}

describe("squashing an image", () => {
  it("from any layer up shows the same tree, for all images that can be read", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(wildLayers, tameLayers({ parents: true, linksToLower: true, markersFirst: false })),
        fc.nat(4),
        async (layers, number) => {
          const from = number % layers.length;
          const image = imageOfSteps(layers);
          let text: string;
          try {
            text = treeText(await filesOf(image));
          } catch (error) {
            expect(error).toBeInstanceOf(StrataError);
            return;
          }
          const squashed = await squash(image, from);
          expect(treeText(await filesOf(squashed))).toBe(text);
          expect(squashed.layers.slice(0, from)).toEqual(image.layers.slice(0, from));
          expect(squashed.layers.length).toBeLessThanOrEqual(from + 1);
          await assertConsistent(squashed);
        },
      ),
      { numRuns: 120 },
    );
  });

  it("has no whiteouts where nothing is below, and the same bytes every time", async () => {
    const layers: Layers = [
      [dir("a"), file("a/x", "1"), file("a/y", "2")],
      [whiteout("a/x"), dir("a"), file("a/z", "3")],
    ];
    const squashed = await squash(imageOfSteps(layers));
    expect(await topNames(squashed)).toEqual(["a/", "a/y", "a/z"]);
    expect((await squash(imageOfSteps(layers))).config.digest).toBe(squashed.config.digest);
  });

  it("keeps a whiteout for what lay below, and an opaque marker where nothing of a directory stayed", async () => {
    const squashed = await squash(
      imageOfSteps([
        [dir("a"), file("a/x"), file("a/y"), dir("b"), file("b/x"), file("b/y")],
        [whiteout("a/x"), opaque("b"), file("b/z")],
        [whiteout("b/z"), file("b/w")],
      ]),
      1,
    );
    expect(await topNames(squashed)).toEqual(["a/", "a/.wh.x", "b/", "b/.wh..wh..opq", "b/w"]);
  });

  it("puts all names of a file there when a layer gave it one more", async () => {
    const squashed = await squash(
      imageOfSteps([
        [dir("a"), file("a/kept", "data"), file("other")],
        [dir("b"), hardlink("b/link", "a/kept")],
      ]),
      1,
    );
    expect(await topNames(squashed)).toEqual(["a/", "a/kept", "b/", "b/link"]);
  });

  it("leaves no layer of layers that come to nothing, and a step that says so", async () => {
    const squashed = await squash(imageOfSteps([[file("a")], [file("b")], [whiteout("b")]]), 1);
    expect(squashed.layers).toHaveLength(1);
    const { history } = squashed.config.value;
    expect(history?.map(({ created_by, empty_layer }) => [created_by, empty_layer])).toEqual([
      ["step 0", undefined],
      ["squash", true],
    ]);
  });

  it("makes one step of those that it squashes, and keeps those below with what nobody here knows of them", async () => {
    const { layers } = imageOfSteps([[file("a")], [file("b")], [file("c")]]);
    const history = [
      { created_by: "one", "x-kept": 1 },
      { created_by: "ENV A=1", empty_layer: true },
      { created_by: "two" },
      { created_by: "CMD x", empty_layer: true },
      { created_by: "three" },
    ];
    const squashed = await squash(placedImage(layers, { history, "x-kept": true }), 1);
    const document = JSON.parse(Buffer.from(squashed.config.bytes).toString());
    expect(document["x-kept"]).toBe(true);
    expect(document.history).toEqual([
      ...history.slice(0, 2),
      { created: "2024-05-06T07:08:09Z", created_by: "squash" },
    ]);
    await assertConsistent(squashed);
  });

  it("refuses layers that are not there, by their number", async () => {
    const image = imageOfSteps([[file("a")]]);
    await expect(squash(image, 1)).rejects.toMatchObject({ code: "no-such-layer", details: { layer: 1 } });
    const [layer] = image.layers;
    const descriptor = {
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      digest: undefined,
      size: 1,
    };
    const absent: AbsentLayer = { kind: "absent", name: "base", diffId: layer?.diffId, descriptor, reason: "foreign" };
    const foreign = placedImage([absent, ...image.layers]);
    await expect(squash(foreign, 1)).rejects.toMatchObject({ code: "layer-absent", details: { layer: 0 } });
  });

  it("keeps holes, and the names that share them", async () => {
    const runs = [{ offset: 4096, length: 3 }];
    const plain = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } } as const;
    const chunks: Uint8Array[] = [];
    const entry = { ...plain, name: "holes", type: "file", size: 1 << 30, sparse: runs } as const;
    const link = { ...plain, name: "a", type: "hardlink", size: 0, linkName: "holes" } as const;
    for await (const chunk of writeTar([{ entry, data: [Buffer.from("end")] }, { entry: link }])) chunks.push(chunk);
    const image = placedImage([layerSourceOf(Buffer.concat(chunks)), layerSourceOf(tarScript(file("b")))]);
    const [tar = new Uint8Array()] = await tarsOf(await squash(image));
    const index = indexOf(tar);
    expect(tar.length).toBeLessThan(10_000);
    expect([index.name(0), index.sparse(0), index.columns.size[0]]).toEqual(["a", runs, 1 << 30]);
    expect([index.type(2), index.linkName(2)]).toEqual(["hardlink", "a"]);
  });
});
