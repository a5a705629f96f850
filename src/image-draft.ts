import { assertNotDisposed } from "./assert-not-disposed.ts";
import { type FileTime, fromText, toText } from "./base/index.ts";
import { directoryTar } from "./changeset/index.ts";
import { openFile } from "./content/index.ts";
import { type CopyImageOptions, copyOptions } from "./copy-image.ts";
import { type DraftChain, type Edit, type EditOptions, editInChain, loadFiles } from "./draft-chain.ts";
import {
  appendLayer,
  assertLayersFit,
  type ConfigChange,
  dropLayer,
  type EditFiles,
  type EditStep,
  editConfig,
  editFiles,
  type LoadedFiles,
  type NewStack,
  type NormalTimes,
  normaliseTimes,
  otherNames,
  rebaseImage,
  removePath,
  type SquashOptions,
  squashImage,
} from "./edit/index.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import { artifactOfImage, type PlacedImage } from "./image/index.ts";
import { openNamedDestination } from "./named-places.ts";
import { openBases } from "./open-bases.ts";
import { type ForceOption, type ImageDraft, OpenedImage } from "./opened-image.ts";
import { type CopyResult, copyArtifact, leadsToTree } from "./transport/index.ts";

/** A draft over a chain of edits. */
export class ChainedDraft implements ImageDraft {
  readonly image: PlacedImage;
  readonly #chain: DraftChain;
  #files: Promise<LoadedFiles> | undefined;

  /** @param files of the image, where they are loaded already */
  constructor(chain: DraftChain, image: PlacedImage, files?: LoadedFiles) {
    this.image = image;
    this.#chain = chain;
    this.#files = files && Promise.resolve(files);
  }

  async edit(edit: EditFiles, step?: EditStep): Promise<ImageDraft> {
    return await this.#after((ctx) => editFiles(this.image, this.#load, edit, ctx), step);
  }

  async append(layer: string | AsyncIterable<Uint8Array>, step?: EditStep): Promise<ImageDraft> {
    if (typeof layer !== "string") return await this.#after((ctx) => appendLayer(this.image, layer, ctx), step);
    const { stdin } = this.#chain.options;
    if (layer === "-" && stdin !== undefined) return await this.append(stdin, step);
    if (await leadsToTree(layer)) return await this.append(this.#directory(layer), step);
    const file = await openFile(layer);
    await using _ = file;
    return await this.append(file.stream(), step);
  }

  async configure(change: ConfigChange, step?: EditStep): Promise<ImageDraft> {
    return await this.#after((ctx) => editConfig(this.image, change, ctx), step);
  }

  async rebase(
    newBase: string,
    { oldBase, force }: ForceOption & { readonly oldBase?: string | undefined } = {},
  ): Promise<ImageDraft> {
    return await this.#after(async (ctx) => {
      const bases = await openBases(this.#chain, this.image, { newBase, oldBase });
      const rebased = rebaseImage(this.image, bases, ctx);
      const [above, below] = [bases.newBase.layers.length, bases.oldBase.layers.length];
      const numberBefore = (layer: number): number | undefined => (layer < above ? undefined : layer - above + below);
      if (force !== true) await this.#assertFit(rebased, { change: "on the new base", numberBefore });
      return rebased;
    });
  }

  async squash(options: SquashOptions = {}, step?: EditStep): Promise<ImageDraft> {
    return await this.#after((ctx) => squashImage(this.image, this.#load, options, ctx), step);
  }

  async dropLayer(number: number, { force }: ForceOption = {}): Promise<ImageDraft> {
    return await this.#after(async (ctx) => {
      const dropped = dropLayer(this.image, number, ctx);
      const numberBefore = (layer: number): number => (layer < number ? layer : layer + 1);
      if (force !== true) await this.#assertFit(dropped, { change: `without layer ${number}`, numberBefore });
      return dropped;
    });
  }

  async removePath(path: string, step?: EditStep): Promise<ImageDraft> {
    return await this.#after((ctx) => removePath(this.image, this.#load, fromText(path), ctx), step);
  }

  async otherNames(path: string): Promise<readonly string[]> {
    return (await otherNames(this.#load, fromText(path))).map(toText);
  }

  async normaliseTimes(time: FileTime, { mode }: Pick<NormalTimes, "mode"> = {}): Promise<ImageDraft> {
    return await this.#after((ctx) => normaliseTimes(this.image, this.#load, { time, mode }, ctx));
  }

  async open(): Promise<OpenedImage> {
    const { reference, transport, derived, held } = this.#usable;
    const files = await this.#load();
    const release = async (): Promise<void> => {};
    const source = { ...this.image, reference, transport, [Symbol.asyncDispose]: release };
    const draft = async (_: OpenedImage, options: EditOptions): Promise<ImageDraft> =>
      new ChainedDraft({ ...this.#chain, options: { ...this.#chain.options, ...options } }, this.image, files);
    return new OpenedImage({ source, files, derived, held, release, draft });
  }

  async copyTo(destination: string, options: CopyImageOptions = {}): Promise<CopyResult> {
    const { reference, transport, scratch, options: own } = this.#usable;
    const { store, registry, temporaryDirectory, stdout, signal } = own;
    const common = { store, registry, temporaryDirectory, stdout, signal, ...options, platform: undefined };
    await using held = new Held();
    const target = await openNamedDestination(destination, held, common);
    const dispose = async (): Promise<void> => {};
    const platform = this.image.platform ?? hostPlatform();
    const made = { reference, transport, platform, scratch, expansion: {}, signal: common.signal, dispose };
    const artifact = held.add(await artifactOfImage(this.image, made));
    // It is not the image that has these names.
    return await copyArtifact(artifact, target, { names: [], ...copyOptions(common, scratch) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chain.held[Symbol.asyncDispose]();
  }

  /** The chain, while its bytes are there. */
  get #usable(): DraftChain {
    assertNotDisposed(this.#chain.held, this.#chain.reference);
    return this.#chain;
  }

  readonly #load = async (): Promise<LoadedFiles> => {
    this.#files ??= loadFiles(this.#usable, this.image);
    // Whoever asks again tries again.
    this.#files.catch(() => {
      this.#files = undefined;
    });
    return await this.#files;
  };

  async #assertFit(image: PlacedImage, stack: NewStack): Promise<void> {
    const { layerLibrary, reference } = this.#chain;
    assertLayersFit(await layerLibrary.load({ ...image, reference }), stack);
  }

  #directory(path: string): AsyncIterable<Uint8Array> {
    const { clampTime, signal } = this.#chain.options;
    // The image's root has its own owner and mode.
    return directoryTar(path, { signal }).tar({ clampTime, withoutRoot: true });
  }

  async #after(edit: Edit, step?: EditStep): Promise<ImageDraft> {
    return new ChainedDraft(this.#chain, await editInChain(this.#usable, edit, step));
  }
}
