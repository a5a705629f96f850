import { memorySource, sliceSource } from "../../src/base/index.ts";
import { type FileContents, ImageFs, type ImageFsOptions } from "../../src/fs/index.ts";
import { indexOf, type TarStep, tarScript } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";

/** The file system of layers in memory, base first, each a script. */
export function imageOf(layers: readonly (readonly TarStep[])[], options?: ImageFsOptions): ImageFs {
  const { tree, contents } = mergedScripts(layers);
  return new ImageFs(tree, contents, options);
}

/** The two things that an {@link ImageFs} is made of, from scripts. */
export function mergedScripts(layers: readonly (readonly TarStep[])[]) {
  const tars = layers.map((steps) => tarScript(...steps));
  const indexes = tars.map(indexOf);
  const openSync = (layer: number, entry: number) => {
    const { dataOffset, size } = indexes[layer]!.columns;
    return sliceSource(memorySource(tars[layer]!), dataOffset[entry]!, size[entry]!);
  };
  const contents: FileContents = { open: async (layer, entry) => openSync(layer, entry), openSync };
  return { tree: mergeLayers(indexes), contents };
}
