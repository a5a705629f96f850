import { fromText } from "./base/index.ts";
import { blamePath, type PathBlame } from "./blame-path.ts";
import { exportTree, type FileContents, ImageFs } from "./fs/index.ts";
import { type HistoryStep, type ImageLayer, type ImageSource, joinHistory } from "./image/index.ts";
import { mergeImageLayers } from "./merged-tree-of.ts";
import { type ResolvedChange, resolveChange } from "./resolve-change.ts";
import { type MergedTree, ProvenanceTree, type Slot } from "./union/index.ts";

/** The merged file system after some layer. */
export interface ImageView {
  /** What a container sees. */
  readonly tree: MergedTree;
  /** The same tree with the history of every path. Its slots are other numbers than those of {@link tree}. */
  readonly provenance: ProvenanceTree;
  /** The merged tree, shaped like `node:fs/promises`. */
  readonly fs: ImageFs;
}

interface OpenedParts {
  readonly source: ImageSource;
  readonly layers: readonly ImageLayer[];
  readonly tree: MergedTree;
  release(): Promise<void>;
}

/** An image that is open: its documents, its layers, and its files as one tree. Dispose it when done. */
export class OpenedImage implements ImageView, AsyncDisposable {
  /** Where it came from: reference, names, manifest, config, platform, what was skipped. */
  readonly source: ImageSource;
  /** From the base up; each is the raw changeset. */
  readonly layers: readonly ImageLayer[];
  /** The steps that made the image, each with its layer. */
  readonly history: readonly HistoryStep[];
  readonly tree: MergedTree;
  readonly fs: ImageFs;
  #provenance: ProvenanceTree | undefined;
  readonly #views = new Map<number, ImageView>();
  readonly #release: () => Promise<void>;

  constructor({ source, layers, tree, release }: OpenedParts) {
    this.source = source;
    this.layers = layers;
    this.history = joinHistory(source.config.value, layers.length);
    this.tree = tree;
    this.fs = this.#fsOf(tree);
    this.#release = release;
  }

  /** Merged when first asked for, unless it was at hand. */
  get provenance(): ProvenanceTree {
    this.#provenance ??= this.tree instanceof ProvenanceTree ? this.tree : mergeImageLayers(this.layers);
    return this.#provenance;
  }

  /**
   * The image as it was after layer `layer`, counted from 0.
   *
   * @throws RangeError when there is no such layer
   */
  at(layer: number): ImageView {
    if (!(layer in this.layers)) throw new RangeError(`The image has no layer ${layer}: it has ${this.layers.length}`);
    if (layer === this.layers.length - 1) return this;
    const known = this.#views.get(layer);
    if (known !== undefined) return known;
    const tree = mergeImageLayers(this.layers.slice(0, layer + 1));
    const view = { tree, provenance: tree, fs: this.#fsOf(tree) };
    this.#views.set(layer, view);
    return view;
  }

  /**
   * What every layer did to a path, and what lies hidden below it. Symlinks in its parents are followed, the path itself
   * is not; it may be gone.
   *
   * @returns undefined when no layer ever spoke of the path
   */
  async blame(path: string): Promise<PathBlame | undefined> {
    const tree = this.provenance;
    return await blamePath(tree, fromText(path), (change) => resolveChange(tree, this.#contents, change));
  }

  /** What one layer added, modified and deleted. Bytes are compared where the indexes leave it open. */
  async *changes(layer: number): AsyncGenerator<ResolvedChange> {
    const tree = this.provenance;
    for (const change of tree.changes(layer)) yield await resolveChange(tree, this.#contents, change);
  }

  /**
   * The merged tree as one deterministic tar; see {@link exportTree}.
   *
   * @param options `top`: a slot of {@link tree} to begin at instead of the root
   */
  export(options: { readonly top?: Slot; readonly signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    return exportTree(this.tree, this.#contents, options);
  }

  /** Closes files and frees temporary space. Everything that came from this image is dead then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }

  get #contents(): FileContents {
    return {
      open: (layer, entry) => (this.layers[layer] as ImageLayer).open(entry),
      openSync: (layer, entry) => (this.layers[layer] as ImageLayer).openSync(entry),
    };
  }

  #fsOf(tree: MergedTree): ImageFs {
    return new ImageFs(tree, this.#contents, {
      describeLayer: (layer) => ({ createdBy: this.layers[layer]?.createdBy }),
    });
  }
}
