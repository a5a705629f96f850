import { StrataError } from "../../base/index.ts";
import type { ImageDestination, OfferedBlob, PutBlobOptions, PutBlobResult, RawDocument } from "../../image/index.ts";
import { type Descriptor, type Digest, mediaKind, parseManifest } from "../../oci/index.ts";
import { LayoutArchive } from "../archive/layout-archive.ts";
import { openArchiveSink } from "../archive/open-archive-sink.ts";
import type { ArchiveDestinationInit } from "../oci-layout/archive-destination.ts";
import { enterRoots } from "../oci-layout/layout-index.ts";
import { dockerDocuments, type TaggedImage } from "./docker-documents.ts";
import { tagsOf } from "./docker-tags.ts";

/**
 * Writes what `docker load` and `podman load` read, old and new: an OCI layout as one tar, as docker itself writes it
 * since version 25, with the `manifest.json` and `repositories` of before. Manifests and layers stay as they are.
 * A file that is there is replaced when the copy is finished, not before.
 * @throws StrataError as `openArchiveSink`; `invalid-reference` for a name that docker would not take
 */
export async function openDockerArchiveDestination(init: ArchiveDestinationInit): Promise<ImageDestination> {
  const own = init.name === undefined ? undefined : tagsOf([init.name], "latest");
  return new DockerArchiveDestination(
    init.reference,
    own,
    new LayoutArchive(await openArchiveSink(init.path, init.stdout)),
  );
}

class DockerArchiveDestination implements ImageDestination {
  readonly reference: string;
  readonly transport = "docker-archive";
  readonly concurrency = 1;
  readonly acceptsIndexes = false;
  readonly #own: readonly string[] | undefined;
  readonly #archive: LayoutArchive;
  readonly #documents = new Map<Digest, RawDocument>();
  readonly #images = new Map<Digest, TaggedImage>();

  constructor(reference: string, own: readonly string[] | undefined, archive: LayoutArchive) {
    this.reference = reference;
    this.#own = own;
    this.#archive = archive;
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    return this.#archive.has(descriptor);
  }

  async putBlob(blob: OfferedBlob, options?: PutBlobOptions): Promise<PutBlobResult> {
    return await this.#archive.putBlob(blob, options);
  }

  async putDocument(document: RawDocument): Promise<void> {
    await this.#archive.putDocument(document);
    this.#documents.set(document.digest, document);
  }

  /** A tag belongs to the image that was named last. */
  async name(root: Descriptor, names: readonly string[]): Promise<void> {
    const tags = this.#own ?? tagsOf(names, undefined);
    for (const [digest, image] of this.#images) {
      this.#images.set(digest, { ...image, tags: image.tags.filter((tag) => !tags.includes(tag)) });
    }
    const before = this.#images.get(root.digest)?.tags ?? [];
    this.#images.set(root.digest, { descriptor: root, manifest: this.#imageAt(root), tags: [...before, ...tags] });
  }

  async finish(): Promise<void> {
    const { roots, manifestJson, repositories } = dockerDocuments([...this.#images.values()]);
    await this.#archive.addFile("index.json", enterRoots(undefined, roots));
    await this.#archive.addFile("manifest.json", manifestJson);
    await this.#archive.addFile("repositories", repositories);
    await this.#archive.publish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }

  #imageAt({ digest, mediaType }: Descriptor): TaggedImage["manifest"] {
    const bytes = this.#documents.get(digest)?.bytes ?? new Uint8Array();
    const manifest = parseManifest(bytes, { what: `manifest ${digest}`, mediaType });
    if (manifest.kind === "manifest" && mediaKind(manifest.config.mediaType) === "config") return manifest;
    throw new StrataError({
      code: "not-an-image",
      kind: "unsupported",
      message: `${this.reference} takes images only, and ${digest} is none`,
      details: { digest },
      hint: "Write an oci-archive:, which takes anything",
    });
  }
}
