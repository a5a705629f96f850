import { StrataError } from "../../base/index.ts";
import type { ImageDestination, OfferedBlob, PutBlobOptions, RawDocument } from "../../image/index.ts";
import {
  type Descriptor,
  type Digest,
  formatReference,
  MAX_DOCUMENT_BYTES,
  mediaKind,
  parseManifest,
  type Reference,
} from "../../oci/index.ts";
import { fetchManifest, statManifest } from "./manifest-request.ts";
import { putManifest } from "./put-manifest.ts";
import { updateReferrersTag } from "./referrers-tag.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { hasBlob } from "./remote-blob.ts";
import { openRepository, type Repository } from "./repository.ts";
import { notFound } from "./resolve-manifest.ts";
import { uploadBlob } from "./upload-blob.ts";

const CONCURRENCY = 4;

/** How a destination is opened. */
export interface RegistryDestinationOptions {
  readonly registry?: RegistryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A repository of a registry into which things are pushed. Its reference gives the tag, `latest` where it has none, and
 * no tag at all where it has a digest: then nothing but what has that digest can be named. Nothing is sent before the first call.
 */
export function openRegistryDestination(
  reference: Reference,
  options: RegistryDestinationOptions = {},
): ImageDestination {
  const repository = openRepository(reference, "pull,push", options.registry ?? {});
  return new RegistryDestination(repository, reference, options.signal);
}

class RegistryDestination implements ImageDestination {
  readonly reference: string;
  readonly transport = "docker";
  readonly concurrency = CONCURRENCY;
  readonly acceptsIndexes = true;
  readonly #repository: Repository;
  readonly #name: Reference;
  readonly #signal: AbortSignal | undefined;
  /** The document that was put last: nearly always the one that will be named. */
  #latest: RawDocument | undefined;
  /** Lists of referrers are read, changed and written: one change after the other. */
  #listing: Promise<void> = Promise.resolve();

  constructor(repository: Repository, name: Reference, signal: AbortSignal | undefined) {
    this.reference = `docker://${formatReference(name)}`;
    this.#repository = repository;
    this.#name = name;
    this.#signal = signal;
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    const kind = mediaKind(descriptor.mediaType);
    if (kind === "manifest" || kind === "index") {
      return (await statManifest(this.#repository, descriptor.digest, this.#signal)) !== undefined;
    }
    return await hasBlob(this.#repository, descriptor, this.#signal);
  }

  async putBlob(blob: OfferedBlob, options: PutBlobOptions = {}): ReturnType<ImageDestination["putBlob"]> {
    return await uploadBlob(this.#repository, blob, { ...options, signal: options.signal ?? this.#signal });
  }

  async putDocument(document: RawDocument): Promise<void> {
    const { digest } = document;
    const { knowsSubject } = await putManifest(this.#repository, digest, { document, signal: this.#signal });
    this.#latest = document;
    if (!knowsSubject) await this.#noteSubject(document);
  }

  async name(root: Descriptor): Promise<void> {
    const { digest, tag } = this.#name;
    if (digest !== undefined && digest !== root.digest) throw wrongRoot(this.reference, root.digest);
    if (tag === undefined && digest !== undefined) return;
    const document = this.#latest?.digest === root.digest ? this.#latest : await this.#fetch(root);
    await putManifest(this.#repository, tag ?? "latest", { document, signal: this.#signal });
  }

  /** Registries show what arrives as it arrives; the name was the last thing. */
  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#repository[Symbol.asyncDispose]();
  }

  async #fetch({ digest, mediaType }: Descriptor): Promise<RawDocument> {
    const asking = { signal: this.#signal, maxBytes: MAX_DOCUMENT_BYTES };
    const sent = await fetchManifest(this.#repository, digest, asking);
    if (sent === undefined) throw notFound(this.#repository, digest);
    return { mediaType, digest, bytes: sent.bytes };
  }

  /** Distribution-spec pushing-manifests-with-subject: a registry that does not know subjects has a tag for the list. */
  async #noteSubject(document: RawDocument): Promise<void> {
    const listed = referrerOf(document);
    if (listed === undefined) return;
    const { subject, descriptor } = listed;
    const change = (list: readonly Descriptor[]): readonly Descriptor[] =>
      list.some(({ digest }) => digest === descriptor.digest) ? list : [...list, descriptor];
    const update = (): Promise<void> =>
      updateReferrersTag(this.#repository, subject, { signal: this.#signal, maxBytes: MAX_DOCUMENT_BYTES, change });
    const mine = this.#listing.then(update);
    this.#listing = mine.catch(() => {});
    await mine;
  }
}

/** How a document stands in the list of what refers to its subject; undefined when it has none. */
function referrerOf({
  bytes,
  mediaType,
  digest,
}: RawDocument): { readonly subject: Digest; readonly descriptor: Descriptor } | undefined {
  const document = parseManifest(bytes, { what: `manifest ${digest}`, mediaType });
  if (document.subject === undefined) return undefined;
  const { annotations } = document;
  const artifactType = document.artifactType ?? (document.kind === "manifest" ? document.config.mediaType : undefined);
  return {
    subject: document.subject.digest,
    descriptor: {
      mediaType,
      digest,
      size: bytes.length,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}

function wrongRoot(reference: string, actual: Digest): StrataError {
  return new StrataError({
    code: "destination-digest-mismatch",
    kind: "failed-precondition",
    message: `Cannot push to ${reference}: what is pushed has the digest ${actual}`,
    details: { digest: actual },
    hint: "Leave the digest out of the destination; to keep that of the source, copy it without changes and with all platforms",
  });
}
