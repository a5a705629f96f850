import { availableParallelism } from "node:os";
import { addDetails, StrataError } from "./base/index.ts";
import type { IndexCache, Scratch } from "./content/index.ts";
import type { DerivedBytes } from "./derived-bytes.ts";
import { type DraftChain, type EditOptions, treeOf } from "./draft-chain.ts";
import { loadedFiles, provenanceOf } from "./edit/index.ts";
import { Held } from "./held.ts";
import { type ImageSource, joinHistory, LayerLibrary, type Limits, type LoadEvent } from "./image/index.ts";
import { type ImageDraft, OpenedImage } from "./opened-image.ts";
import type { PlaceOptions } from "./place-options.ts";

/** How the layers of an image are read. */
export interface LoadImageOptions {
  /**
   * Verify digest and diffID of every layer that is read. Default: true. False seeks through uncompressed layers and
   * reads headers only: much faster, and blind to changed bytes.
   */
  readonly verify?: boolean | undefined;
  /**
   * A directory in which the tables of contents of layers are remembered; the local store remembers those of its own
   * images. Default: none are.
   */
  readonly cache?: string | undefined;
  /**
   * When compressed layers are kept uncompressed in temporary files: `lazy` once a second of their files is read,
   * `eager` while they are opened, which makes all reading synchronous and quick. Default: `lazy`.
   */
  readonly spool?: "lazy" | "eager" | undefined;
  /**
   * Whether the history of paths will be asked for (`provenance`, `blame`, `changes`): then layers are merged with it at once. Default:
   * false, they are merged again when somebody asks.
   */
  readonly history?: boolean | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Layers read at once. Default: one for each processor. */
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}

/** An image whose documents are open. */
export interface LoadImageInit {
  /** As the user wrote it. */
  readonly name: string;
  readonly source: ImageSource;
  /** Where tables of contents are remembered, if they are. */
  readonly indexCache: IndexCache | undefined;
  readonly derived: DerivedBytes;
  readonly scratch: Scratch;
  readonly limits: Limits;
  /** All that the image stands on; disposed with the image. */
  readonly held: Held;
}

/** Reads the layers of an image and merges them. @throws StrataError as openImage; then nothing is disposed */
export async function loadImage(init: LoadImageInit, options: LoadImageOptions & PlaceOptions): Promise<OpenedImage> {
  const { name, source, derived, held } = init;
  const chain = chainOf(init, options);
  try {
    const layers = await chain.layerLibrary.load(source);
    const tree = options.history === true ? provenanceOf(layers) : await treeOf(layers, chain.indexCache);
    const files = loadedFiles(layers, tree);
    const draft = async (image: OpenedImage, edits: EditOptions): Promise<ImageDraft> => {
      const { ChainedDraft } = await import("./image-draft.ts");
      // The image goes on when its drafts end.
      const own = { ...chain, options: { ...chain.options, ...edits }, held: held.add(new Held()) };
      return new ChainedDraft(own, image.source, files);
    };
    return new OpenedImage({ source, files, derived, held, release: () => held[Symbol.asyncDispose](), draft });
  } catch (error) {
    throw addDetails(error, { image: name, ...instructionOf(error, source) });
  }
}

/** A draft of an image of which only the documents are open; disposing it disposes all of that. */
export async function draftOf(
  init: LoadImageInit,
  options: LoadImageOptions & PlaceOptions & EditOptions,
): Promise<ImageDraft> {
  const { ChainedDraft } = await import("./image-draft.ts");
  return new ChainedDraft(chainOf(init, options), init.source);
}

function chainOf(init: LoadImageInit, options: LoadImageOptions & PlaceOptions & EditOptions): DraftChain {
  const { source, scratch, limits, indexCache, derived, held } = init;
  const { signal, onProgress, verify = true, spool = "lazy", workers = availableParallelism() } = options;
  const loading = { limits, verify, spool, scratch, cache: indexCache, workers, signal, onProgress };
  const { reference, transport } = source;
  return {
    reference,
    transport,
    layerLibrary: held.add(new LayerLibrary(loading)),
    scratch,
    options,
    indexCache: verify ? indexCache : undefined,
    derived,
    held,
  };
}

/** The instruction that made the layer of which an error tells: a number alone means little to people. */
function instructionOf(error: unknown, source: ImageSource | undefined): { createdBy?: string } {
  if (!(error instanceof StrataError) || source === undefined || error.details.layer === undefined) return {};
  const steps = joinHistory(source.config.value, source.layers.length);
  const createdBy = steps.find(({ layer }) => layer === error.details.layer)?.createdBy;
  return createdBy === undefined ? {} : { createdBy };
}
