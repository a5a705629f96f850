import { addDetails, assertNotAborted, fromText } from "../../base/index.ts";
import {
  type OfferedBlob,
  type PutBlobOptions,
  type PutBlobResult,
  type RawDocument,
  streamBlob,
} from "../../image/index.ts";
import { algorithmOf, createVerifier, type Descriptor, type Digest, hexOf } from "../../oci/index.ts";
import { END_OF_ARCHIVE, encodeHeader, paddingOf } from "../../tar/index.ts";
import { OCI_LAYOUT } from "../oci-layout/layout-index.ts";
import type { ArchiveSink } from "./archive-sink.ts";

/** The bytes are known beforehand or not worth a word. */
type MemberInit = { readonly name: string; readonly type: "file" | "directory"; readonly size: number };

/**
 * An OCI layout written as one tar, from front to back: `oci-layout`, the blobs in the order in which they come, then
 * whatever the owner adds. Owners, times and modes are always the same, so that the same calls give the same bytes.
 */
export class LayoutArchive implements AsyncDisposable {
  readonly #sink: ArchiveSink;
  readonly #blobs = new Map<Digest, number>();
  readonly #directories = new Set<string>();

  constructor(sink: ArchiveSink) {
    this.#sink = sink;
  }

  has({ digest, size }: Pick<Descriptor, "digest" | "size">): boolean {
    return this.#blobs.get(digest) === size;
  }

  /** Takes a blob in, verified. One call at a time; one that fails leaves nothing of it. @throws StrataError of kind integrity */
  async putBlob(blob: OfferedBlob, { signal, onProgress }: PutBlobOptions = {}): Promise<PutBlobResult> {
    const { descriptor } = blob;
    if (this.has(descriptor)) return "present";
    const start = this.#sink.size;
    try {
      await this.#beginBlob(descriptor);
      await this.#copy(descriptor, streamBlob(blob, { start: 0, signal }), { signal, onProgress });
    } catch (error) {
      await this.#sink.truncate(start);
      throw addDetails(error, { digest: descriptor.digest });
    }
    this.#blobs.set(descriptor.digest, descriptor.size);
    return "transferred";
  }

  async putDocument({ digest, bytes }: RawDocument): Promise<void> {
    const descriptor = { digest, size: bytes.length };
    if (this.has(descriptor)) return;
    await this.#beginBlob(descriptor);
    await this.#append(bytes);
    this.#blobs.set(digest, bytes.length);
  }

  /** Adds a small file at the top. */
  async addFile(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content);
    await this.#beginMember({ name, type: "file", size: bytes.length });
    await this.#append(bytes);
  }

  /** Ends the archive, and makes it durable and visible. */
  async publish(): Promise<void> {
    await this.#sink.append(END_OF_ARCHIVE);
    await this.#sink.publish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]();
  }

  async #copy(
    { digest, size }: Descriptor,
    chunks: AsyncIterable<Uint8Array>,
    { signal, onProgress }: PutBlobOptions,
  ): Promise<void> {
    const verifier = createVerifier({ digest, size, what: `blob ${digest}` });
    let done = 0;
    for await (const chunk of chunks) {
      assertNotAborted(signal);
      await this.#sink.append(chunk);
      verifier.update(chunk);
      done += chunk.length;
      onProgress?.(done);
    }
    verifier.finish();
    await this.#pad(size);
  }

  async #beginBlob({ digest, size }: Pick<Descriptor, "digest" | "size">): Promise<void> {
    if (this.#directories.size === 0) await this.addFile("oci-layout", OCI_LAYOUT);
    const directory = `blobs/${algorithmOf(digest)}`;
    for (const name of ["blobs", directory]) await this.#addDirectory(name);
    await this.#beginMember({ name: `${directory}/${hexOf(digest)}`, type: "file", size });
  }

  async #addDirectory(name: string): Promise<void> {
    if (this.#directories.has(name)) return;
    this.#directories.add(name);
    await this.#beginMember({ name: `${name}/`, type: "directory", size: 0 });
  }

  async #beginMember({ name, type, size }: MemberInit): Promise<void> {
    const mode = type === "directory" ? 0o755 : 0o644;
    const mtime = { seconds: 0, nanoseconds: 0 };
    await this.#sink.append(encodeHeader({ name: fromText(name), type, mode, uid: 0, gid: 0, size, mtime }));
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#sink.append(bytes);
    await this.#pad(bytes.length);
  }

  async #pad(size: number): Promise<void> {
    const padding = paddingOf(size);
    if (padding > 0) await this.#sink.append(END_OF_ARCHIVE.subarray(0, padding));
  }
}
