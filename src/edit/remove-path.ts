import { type ByteString, StrataError, toText } from "../base/index.ts";
import type { ImageLayer, LayerSource, PlacedImage } from "../image/index.ts";
import { clampEntryName } from "../tree/index.ts";
import type { ProvenanceTree } from "../union/index.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { entryOf, stepsOf, withSteps } from "./image-steps.ts";
import type { LoadFiles } from "./loaded-files.ts";
import { provenanceOf } from "./provenance-of.ts";
import { planRemoval, type RemovalInit } from "./remove-path-plan.ts";
import { type RemovedPlaces, removedPlaces } from "./remove-path-targets.ts";
import { findDeviation } from "./rewrite-deviation.ts";
import { differenceOfLayers } from "./rewrite-difference.ts";
import { assertPresent, asTars, readable, writeRows } from "./rewrite-layers.ts";
import { type EntryOrigin, originOf } from "./rewrite-rows.ts";
import { spliceTar } from "./rewrite-tar.ts";
import { writeLayer } from "./write-layer.ts";
import type { WrittenLayer } from "./written-layer.ts";

/**
 * Removes a path and all below it from every layer, also where another layer hides it, and whiteouts of it: no blob of the result
 * holds its bytes. The image shows the same tree without it, after every layer. Symlinks in the parents of the path count
 * as each layer sees them; the path itself is not followed. A hardlink elsewhere to a file that goes keeps it, with its bytes.
 *
 * Layers that have nothing of it stay as they are. In the others all else keeps its bytes and order; a layer is written anew
 * only where that cannot be (entries that came through a symlink that goes). A layer that becomes empty is dropped, and its step
 * of the history makes no layer (`empty_layer`). A step of the context that says something is added to the history,
 * as one without a layer.
 *
 * @throws StrataError `path-not-found` when no layer has it; `root-not-removable`; `layer-absent` when the bytes of a layer are not
 *   here; as `writeLayer`
 */
export async function removePath(
  image: PlacedImage,
  files: LoadFiles,
  path: ByteString,
  ctx: EditContext,
): Promise<PlacedImage> {
  const clean = clampEntryName(path);
  if (clean === "") throw rootNotRemovable();
  const { layers, provenance } = await files();
  assertPresent(layers, `remove "${toText(path)}"`);
  const tars = await asTars(layers, ctx);
  const tree = tars === layers ? provenance() : provenanceOf(tars);
  const removal = new PathRemoval({ tree, layers: tars, places: removedPlaces(tree, clean) }, ctx);
  if (!(await removal.removeAll())) throw pathNotFound(path);
  await removal.mend();
  return removal.imageOf(image);
}

/** A layer after the removal. */
interface KeptLayer {
  readonly layer: ImageLayer;
  /** Absent where the layer stays as it is. */
  readonly written?: WrittenLayer;
  readonly origins?: readonly (EntryOrigin | undefined)[];
}

class PathRemoval {
  readonly #init: RemovalInit;
  readonly #ctx: EditContext;
  /** By number; undefined for a layer of which nothing is left. */
  readonly #after: (KeptLayer | undefined)[];

  constructor(init: RemovalInit, ctx: EditContext) {
    this.#init = init;
    this.#ctx = ctx;
    this.#after = init.layers.map((layer) => ({ layer }));
  }

  /** Takes it out of the tars. @returns whether any had it */
  async removeAll(): Promise<boolean> {
    let found = false;
    for (const [number, { tar }] of this.#init.layers.entries()) {
      const plan = planRemoval(this.#init, number);
      if (plan === undefined || tar === undefined) continue;
      found = true;
      const bytes = spliceTar(tar, plan.splices, this.#ctx.signal);
      this.#after[number] = plan.origins.length === 0 ? undefined : await this.#write(number, bytes, plan.origins);
    }
    return found;
  }

  /** Writes layers anew that do not have the same effect any more. */
  async mend(): Promise<void> {
    const { tree: before, places } = this.#init;
    const isRemoved = places.has;
    let mended = -1;
    for (;;) {
      const number = findDeviation({ before, isRemoved, after: this.#after });
      if (number === undefined) return;
      if (number <= mended) throw cannotKeep(number);
      mended = number;
      await this.#writeAnew(number);
    }
  }

  imageOf(image: PlacedImage): PlacedImage {
    let number = 0;
    const steps = stepsOf(image).map(({ entry, layer }) => ({
      entry,
      layer: layer === undefined ? undefined : this.#sourceOf(layer, number++),
    }));
    const says = Object.values(this.#ctx.step ?? {}).some((text) => text !== undefined);
    const own = says ? [{ entry: entryOf(this.#ctx), layer: undefined }] : [];
    return withSteps(image, [...steps, ...own], { created: createdOf(this.#ctx) });
  }

  #sourceOf(source: LayerSource, number: number): LayerSource | undefined {
    const kept = this.#after[number];
    return kept === undefined ? undefined : (kept.written?.source ?? source);
  }

  async #write(
    number: number,
    tar: AsyncIterable<Uint8Array>,
    origins: readonly (EntryOrigin | undefined)[],
  ): Promise<KeptLayer> {
    const written = await writeLayer(tar, this.#ctx);
    return { layer: readable(written, number), written, origins };
  }

  async #writeAnew(number: number): Promise<void> {
    const { layers, places, tree } = this.#init;
    const upTo: ProvenanceTree = provenanceOf(layers.slice(0, number + 1));
    const rows = differenceOfLayers(upTo, { from: number, isLeftOut: leftOut(upTo, tree, places) });
    if (rows.length === 0) {
      this.#after[number] = undefined;
      return;
    }
    const written = await writeRows(rows, layers, { ...this.#ctx, clampTime: undefined });
    this.#after[number] = { layer: readable(written, number), written, origins: rows.map(originOf) };
  }
}

/** Slots have other numbers in another tree. */
function leftOut(part: ProvenanceTree, whole: ProvenanceTree, places: RemovedPlaces): (slot: number) => boolean {
  return (slot) => {
    const same = whole.everAt(part.pathOf(slot));
    return same !== undefined && places.has(same);
  };
}

function rootNotRemovable(): StrataError {
  return new StrataError({
    code: "root-not-removable",
    kind: "invalid-argument",
    message: "The root directory cannot be removed from an image",
  });
}

function pathNotFound(path: ByteString): StrataError {
  return new StrataError({
    code: "path-not-found",
    kind: "not-found",
    message: `No layer has "${toText(path)}"`,
    details: { path: toText(path) },
  });
}

function cannotKeep(layer: number): StrataError {
  return new StrataError({
    code: "rewrite-deviates",
    kind: "internal",
    message: `Layer ${layer} would not have the same effect without the path`,
    details: { layer },
  });
}
