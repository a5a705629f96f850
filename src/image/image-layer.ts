import { type ByteSource, StrataError, toText } from "../base/index.ts";
import { type LayerIndex, ociWhiteouts, type WhiteoutCodec } from "../layer/index.ts";
import type { ChainId, DiffId, Digest } from "../oci/index.ts";
import { entryContent } from "../tar/index.ts";
import type { LayerSource } from "./image-source.ts";

/** What gives the content of a layer's files. */
export type LayerContents =
  | { readonly kind: "tar"; readonly tar: ByteSource }
  | { readonly kind: "listing"; open(entry: number): Promise<ByteSource> }
  | { readonly kind: "absent" };

/** The facts of a layer that its source and its place in the image tell. */
export interface LayerFacts {
  /** Counted from 0 at the base. */
  readonly number: number;
  readonly source: LayerSource;
  readonly diffId: DiffId | undefined;
  readonly chainId: ChainId | undefined;
  /** The instruction that made the layer, from the config's history. */
  readonly createdBy: string | undefined;
}

/** One layer of an opened image: its identity, its table of contents and its files. Lives as long as the image. */
export class ImageLayer {
  readonly number: number;
  /** How the place names the layer's bytes. */
  readonly name: string;
  readonly kind: LayerSource["kind"];
  /** As the format names it; undefined for what is no blob. */
  readonly mediaType: string | undefined;
  /** Over the stored bytes; undefined where the format does not tell it. */
  readonly digest: Digest | undefined;
  /** Bytes stored, perhaps compressed; undefined for what is no blob. */
  readonly size: number | undefined;
  readonly diffId: DiffId | undefined;
  readonly chainId: ChainId | undefined;
  readonly createdBy: string | undefined;
  /** Where a container engine keeps it, in the engine's own words; undefined in all other places. */
  readonly storage: Readonly<Record<string, string>> | undefined;
  /** The raw changeset: every entry of the layer's own tar, whiteouts included. */
  readonly index: LayerIndex;
  /** How this layer writes deletions down. */
  readonly whiteouts: WhiteoutCodec;
  readonly #contents: LayerContents;

  constructor({ number, source, diffId, chainId, createdBy }: LayerFacts, index: LayerIndex, contents: LayerContents) {
    const descriptor = source.kind === "listing" ? undefined : source.descriptor;
    this.number = number;
    this.name = source.name;
    this.kind = source.kind;
    this.mediaType = descriptor?.mediaType;
    this.digest = descriptor?.digest;
    this.size = descriptor?.size;
    this.diffId = diffId;
    this.chainId = chainId;
    this.createdBy = createdBy;
    this.storage = source.storage;
    this.index = index;
    this.whiteouts = source.kind === "listing" ? source.whiteouts : ociWhiteouts;
    this.#contents = contents;
  }

  /** Bytes of the uncompressed tar; 0 for what is no tar. */
  get tarSize(): number {
    return this.index.tarSize;
  }

  /** The uncompressed tar, which stays the layer's and dies with the image; undefined for what is no tar. */
  get tar(): ByteSource | undefined {
    return this.#contents.kind === "tar" ? this.#contents.tar : undefined;
  }

  /**
   * The content of a regular file.
   *
   * @param entry number of a `file` entry in {@link index}
   * @returns a source that the caller disposes; it dies with the image
   */
  async open(entry: number): Promise<ByteSource> {
    this.#assertFile(entry);
    if (this.#contents.kind === "listing") return await this.#contents.open(entry);
    return this.#window(entry);
  }

  /** {@link open} when the bytes can be read without waiting, else undefined. The source has `readSync`. */
  openSync(entry: number): ByteSource | undefined {
    this.#assertFile(entry);
    if (this.#contents.kind !== "tar" || this.#contents.tar.readSync === undefined) return undefined;
    return this.#window(entry);
  }

  #window(entry: number): ByteSource {
    if (this.#contents.kind !== "tar") throw this.#absent(entry);
    const { columns } = this.index;
    const size = columns.size[entry] as number;
    const sparse = this.index.sparse(entry);
    const storedSize = sparse === undefined ? size : sparse.reduce((sum, run) => sum + run.length, 0);
    const dataOffset = columns.dataOffset[entry] as number;
    return entryContent(this.#contents.tar, { dataOffset, storedSize, size, sparse });
  }

  #assertFile(entry: number): void {
    if (this.index.type(entry) === "file") return;
    throw new StrataError({
      code: "not-a-file",
      kind: "invalid-argument",
      message: `The entry "${toText(this.index.name(entry))}" has no content: it is a ${this.index.type(entry)}`,
      details: { layer: this.number, entry: toText(this.index.name(entry)) },
    });
  }

  #absent(entry: number): StrataError {
    return new StrataError({
      code: "layer-absent",
      kind: "not-found",
      message: `The bytes of layer ${this.number} (${this.name}) are not here`,
      details: { layer: this.number, entry: toText(this.index.name(entry)) },
    });
  }
}
