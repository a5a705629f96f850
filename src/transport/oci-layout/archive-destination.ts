import type { ImageDestination, OfferedBlob, PutBlobOptions, PutBlobResult, RawDocument } from "../../image/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { StandardOutput } from "../archive/archive-sink.ts";
import { LayoutArchive } from "../archive/layout-archive.ts";
import { openArchiveSink } from "../archive/open-archive-sink.ts";
import { enterRoots } from "./layout-index.ts";
import { LayoutRoots } from "./layout-roots.ts";

/** Where an archive is written. */
export interface ArchiveDestinationInit {
  readonly reference: string;
  readonly path: string;
  /** The name to give; undefined: those that the copier knows. */
  readonly name: string | undefined;
  /** What the path `-` stands for. */
  readonly stdout?: StandardOutput | undefined;
}

/**
 * Writes an OCI layout as one tar. A file that is there is replaced when the copy is finished, not before.
 * @throws StrataError as `openArchiveSink`
 */
export async function openOciArchiveDestination(init: ArchiveDestinationInit): Promise<ImageDestination> {
  return new OciArchiveDestination(init, new LayoutArchive(await openArchiveSink(init.path, init.stdout)));
}

class OciArchiveDestination implements ImageDestination {
  readonly reference: string;
  readonly transport = "oci-archive";
  readonly concurrency = 1;
  readonly acceptsIndexes = true;
  readonly expectedFormat = "oci";
  readonly #name: string | undefined;
  readonly #archive: LayoutArchive;
  readonly #roots = new LayoutRoots();

  constructor({ reference, name }: ArchiveDestinationInit, archive: LayoutArchive) {
    this.reference = reference;
    this.#name = name;
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
    this.#roots.addDocument(document);
  }

  async name(root: Descriptor, names: readonly string[]): Promise<void> {
    this.#roots.name(root, this.#name === undefined ? names : [this.#name]);
  }

  async finish(): Promise<void> {
    await this.#archive.addFile("index.json", enterRoots(undefined, this.#roots.list()));
    await this.#archive.publish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}
