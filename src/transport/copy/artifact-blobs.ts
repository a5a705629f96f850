import { type ByteSource, memorySource, readAll, StrataError } from "../../base/index.ts";
import type { LocatedSource } from "../../content/index.ts";
import type { ArtifactSource, BlobPlace, BlobRole, RawDocument } from "../../image/index.ts";
import {
  assertDocumentSize,
  type Descriptor,
  type DiffId,
  type Digest,
  parseManifest,
  verifyBytes,
} from "../../oci/index.ts";

/** Bytes of documents that one artifact may make us keep: real indexes list at most thousands of manifests of a few KiB. */
const MAX_DOCUMENT_BYTES = 128 * 1024 * 1024;
/** Configurations beyond this are read again when they are needed. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;

/**
 * The blobs of an artifact by their digests alone, as choosing a platform wants them: it knows what the documents that
 * were read through it name. Configurations that were read are kept, so that they need not come twice.
 */
export class ArtifactBlobs implements BlobPlace {
  readonly place: string;
  readonly #source: ArtifactSource;
  readonly #maxDocumentBytes: number;
  readonly #descriptors = new Map<Digest, Descriptor>();
  readonly #documents = new Map<Digest, RawDocument>();
  readonly #blobs = new Map<Digest, Uint8Array>();
  #documentBytes = 0;
  #blobBytes = 0;

  constructor(source: ArtifactSource, maxDocumentBytes: number) {
    this.place = source.reference;
    this.#source = source;
    this.#maxDocumentBytes = maxDocumentBytes;
    this.#documents.set(source.root.digest, source.root);
    this.#learn(source.root);
  }

  async open(digest: Digest, role: BlobRole): Promise<LocatedSource | undefined> {
    const descriptor = this.#descriptors.get(digest);
    if (role === "manifest") {
      const known = this.#documents.get(digest);
      if (known !== undefined) return memorySource(known.bytes);
      return descriptor === undefined ? undefined : memorySource((await this.readDocument(descriptor)).bytes);
    }
    return descriptor === undefined ? undefined : memorySource(await this.readBlob(descriptor, "blob"));
  }

  /** A manifest or index, verified; read once. @throws StrataError `json-too-large`, `too-many-manifests` (hostile) */
  async readDocument(descriptor: Descriptor): Promise<RawDocument> {
    const known = this.#documents.get(descriptor.digest);
    if (known !== undefined) return known;
    assertDocumentSize(descriptor.size, `manifest ${descriptor.digest}`, this.#maxDocumentBytes);
    this.#documentBytes += descriptor.size;
    if (this.#documentBytes > MAX_DOCUMENT_BYTES) throw tooMuch(this.place);
    const document = await this.#source.readDocument(descriptor);
    this.#documents.set(descriptor.digest, document);
    this.#learn(document);
    return document;
  }

  /** A small blob, verified; read once. @throws StrataError `json-too-large` */
  async readBlob(descriptor: Descriptor, what: string): Promise<Uint8Array> {
    const { digest, size } = descriptor;
    const known = this.#blobs.get(digest);
    if (known !== undefined) return known;
    assertDocumentSize(size, `${what} ${digest}`, this.#maxDocumentBytes);
    const source = await this.#openFromSource(descriptor);
    await using _ = source;
    const bytes = verifyBytes(await readAll(source), { digest, size, what: `${what} ${digest}` });
    this.#blobBytes += size;
    if (this.#blobBytes <= MAX_BLOB_BYTES) this.#blobs.set(digest, bytes);
    return bytes;
  }

  /** The stored bytes of a blob, from memory where they were read before. The caller disposes it. */
  async openBlob(descriptor: Descriptor): Promise<ByteSource> {
    const known = this.#blobs.get(descriptor.digest);
    return known === undefined ? await this.#openFromSource(descriptor) : memorySource(known);
  }

  /** As `ArtifactSource.openTar`. */
  async openLayerTar(descriptor: Descriptor, diffId: DiffId): Promise<ByteSource | undefined> {
    return await this.#source.openTar?.(descriptor, diffId);
  }

  /** A descriptor may carry its blob itself (image-spec descriptor.md): then the place need not have it. */
  async #openFromSource(descriptor: Descriptor): Promise<ByteSource> {
    const { data, digest, size } = descriptor;
    if (data === undefined) return await this.#source.openBlob(descriptor);
    return memorySource(verifyBytes(Buffer.from(data, "base64"), { digest, size, what: `blob ${digest}` }));
  }

  #learn({ bytes, digest, mediaType }: RawDocument): void {
    const document = parseManifest(bytes, { what: `manifest ${digest}`, mediaType, maxBytes: this.#maxDocumentBytes });
    const named = document.kind === "index" ? document.manifests : [document.config, ...document.layers];
    for (const descriptor of named) {
      if (!this.#descriptors.has(descriptor.digest)) this.#descriptors.set(descriptor.digest, descriptor);
    }
  }
}

function tooMuch(reference: string): StrataError {
  return new StrataError({
    code: "too-many-manifests",
    kind: "hostile",
    message: `The manifests and indexes of ${reference} have more than ${MAX_DOCUMENT_BYTES} bytes together`,
    details: { limit: MAX_DOCUMENT_BYTES },
  });
}
