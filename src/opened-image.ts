import { assertNotDisposed } from "./assert-not-disposed.ts";
import { type FileTime, fromText } from "./base/index.ts";
import { blamePath, type PathBlame } from "./blame-path.ts";
import type { CopyImageOptions } from "./copy-image.ts";
import type { DerivedBytes } from "./derived-bytes.ts";
import type { EditOptions } from "./draft-chain.ts";
import {
  type ConfigChange,
  type EditFiles,
  type EditStep,
  filesOf,
  type LoadedFiles,
  loadedFiles,
  type NormalTimes,
  type SquashOptions,
} from "./edit/index.ts";
import { exportTree, type FileContents, ImageFs } from "./fs/index.ts";
import type { Held } from "./held.ts";
import { type HistoryStep, type ImageLayer, type ImageSource, joinHistory, type PlacedImage } from "./image/index.ts";
import { type ResolvedChange, resolveChange } from "./resolve-change.ts";
import type { CopyResult } from "./transport/index.ts";
import type { MergedTree, ProvenanceTree, Slot } from "./union/index.ts";

/** The merged file system after some layer. */
export interface ImageView {
  /** What a container sees. */
  readonly tree: MergedTree;
  /** The same tree with the history of every path. Its slots are other numbers than those of {@link tree}. */
  readonly provenance: ProvenanceTree;
  /** The merged tree, shaped like `node:fs/promises`. */
  readonly fs: ImageFs;
}

/**
 * An image that was edited, or is about to be: documents, and layers that lie where they lay or in temporary space. Each edit
 * gives another draft and changes neither this one nor the image that all began with. Layers are read when an edit needs
 * their files, those that no edit touches never. Nobody else sees anything before {@link copyTo}.
 *
 * All drafts of an image live as long as each other: disposing one of them frees everything that any of them made.
 */
export interface ImageDraft extends AsyncDisposable {
  /** Without a manifest once it was edited: that is made when it is copied. */
  readonly image: PlacedImage;
  /**
   * Changes the files of the image: what the function does to the file system that it gets becomes one layer on top. Where it
   * changes nothing, nothing becomes of it.
   * @throws what the function throws: then nothing of it stays anywhere
   */
  edit(edit: EditFiles, step?: EditStep): Promise<ImageDraft>;
  /**
   * Puts a layer on top: the bytes of a tar, compressed or not, of a file or of a stream; `-` is standard input. Of a
   * directory all that is in it becomes a layer.
   * @throws StrataError of kind malformed or hostile for what is no layer
   */
  append(layer: string | AsyncIterable<Uint8Array>, step?: EditStep): Promise<ImageDraft>;
  /** Changes how containers run. Reads no layer. @throws StrataError `invalid-config-change` */
  configure(change: ConfigChange, step?: EditStep): Promise<ImageDraft>;
  /**
   * Puts the layers above the image's base on another one. Without `oldBase` the image's annotations tell what it was made
   * from. Layers are read to see that they still make a tree, unless `force`. @throws StrataError `base-unknown`, `not-the-base`,
   * `platform-mismatch`, `layers-do-not-fit`
   */
  rebase(newBase: string, options?: ForceOption & { readonly oldBase?: string | undefined }): Promise<ImageDraft>;
  /** Makes one layer of all, or of those from a number up. */
  squash(options?: SquashOptions, step?: EditStep): Promise<ImageDraft>;
  /**
   * Takes one layer out, counted from 0 at the base. Layers are read to see that they still make a tree, unless `force`.
   * @throws StrataError `no-such-layer`, `layers-do-not-fit`
   */
  dropLayer(number: number, options?: ForceOption): Promise<ImageDraft>;
  /**
   * Takes a path and all below it out of every layer, also where other layers hide it: no blob has its bytes any more.
   * @throws StrataError `path-not-found` when no layer has it
   */
  removePath(path: string, step?: EditStep): Promise<ImageDraft>;
  /**
   * Further names, in any layer, of files at a path or below it, from the root without a slash: {@link removePath} leaves these
   * hardlinks, with the bytes.
   */
  otherNames(path: string): Promise<readonly string[]>;
  /** Clamps all times of files, configuration and history that are later to this one, or sets all of them to it. */
  normaliseTimes(time: FileTime, options?: Pick<NormalTimes, "mode">): Promise<ImageDraft>;
  /** The image as it is now, to be looked at; lives as long as the draft. */
  open(): Promise<OpenedImage>;
  /**
   * Writes the image to a place, by a name as {@link copyImage} takes it; of an index only the image that was edited. Layers
   * that are there stay, inside a registry they are mounted. It has no name there but the one that is written or given.
   * @throws StrataError naming the image, and layer and digest where there is one
   */
  copyTo(destination: string, options?: CopyImageOptions): Promise<CopyResult>;
}

/** How sure an edit has to be. */
export interface ForceOption {
  /** Do not read layers to see whether they still fit each other. */
  readonly force?: boolean | undefined;
}

interface OpenedParts {
  readonly source: ImageSource;
  readonly files: LoadedFiles;
  readonly derived: DerivedBytes;
  /** What the bytes of the layers stand on. */
  readonly held: Held;
  release(): Promise<void>;
  draft(image: OpenedImage, options: EditOptions): Promise<ImageDraft>;
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
  readonly #files: LoadedFiles;
  readonly #derived: DerivedBytes;
  readonly #held: Held;
  readonly #views = new Map<number, ImageView>();
  readonly #release: () => Promise<void>;
  readonly #draft: OpenedParts["draft"];

  constructor({ source, files, derived, held, release, draft }: OpenedParts) {
    this.source = source;
    this.layers = files.layers;
    this.history = joinHistory(source.config.value, files.layers.length);
    this.tree = files.tree;
    this.fs = this.#fsOf(files.tree);
    this.#files = files;
    this.#derived = derived;
    this.#held = held;
    this.#release = release;
    this.#draft = draft;
  }

  /** Merged when first asked for, unless it was at hand. */
  get provenance(): ProvenanceTree {
    return this.#files.provenance();
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
    const layers = this.layers.slice(0, layer + 1);
    const { tree, provenance } = loadedFiles(layers, filesOf(layers));
    const view = {
      tree,
      fs: this.#fsOf(tree),
      get provenance(): ProvenanceTree {
        return provenance();
      },
    };
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

  /**
   * A draft of this image, for making others of it. Dispose it before the image, or with it.
   * @throws StrataError `image-disposed`
   */
  async draft(options: EditOptions = {}): Promise<ImageDraft> {
    assertNotDisposed(this.#held, this.source.reference);
    return await this.#draft(this, options);
  }

  /**
   * Another image with other files; see {@link ImageDraft.edit}. This one stays what it is.
   *
   * @example
   * const patched = await image.edit((fs) => fs.writeFile("/etc/motd", "patched\n"));
   * await patched.copyTo("oci:patched:v1");
   */
  async edit(edit: EditFiles, step?: EditStep): Promise<ImageDraft> {
    return await (await this.draft()).edit(edit, step);
  }

  /** Whether {@link remember} keeps anything: there is a cache, and every layer was verified and has a tar. */
  get canRemember(): boolean {
    return this.#derived.canRemember(this.layers);
  }

  /**
   * Keeps bytes that were made of the files of this image alone, in the cache that it was opened with, for
   * `OpenedDocuments.recall`: what takes long to find out is found out once. Does nothing unless
   * {@link canRemember}; the cache may forget them.
   * @param name of what they are, with the version of their maker: `sbom/acme/3`
   */
  async remember(name: string, bytes: Uint8Array): Promise<void> {
    await this.#derived.remember(name, bytes, this.layers);
  }

  /** Closes files and frees temporary space. Everything that came from this image is dead then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }

  get #contents(): FileContents {
    return {
      open: (layer, entry) => this.#layer(layer).open(entry),
      openSync: (layer, entry) => this.#layer(layer).openSync(entry),
    };
  }

  #layer(layer: number): ImageLayer {
    assertNotDisposed(this.#held, this.source.reference);
    return this.layers[layer] as ImageLayer;
  }

  #fsOf(tree: MergedTree): ImageFs {
    return new ImageFs(tree, this.#contents, {
      describeLayer: (layer) => ({ createdBy: this.layers[layer]?.createdBy }),
    });
  }
}
