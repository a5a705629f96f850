import { assertNotAborted, memorySource, now, sleep } from "../../../base/index.ts";
import { algorithmOf, type Digest, digestOf } from "../../../oci/index.ts";
import { blobNotFound, ingestClosed, ingestLocked } from "../../blob-errors.ts";
import type { BlobInfo, ContentStore, ExpectedBlob, Ingest } from "../../content-store.ts";
import { assertExpected, assertFits, mergeExpected } from "../../expected-blob.ts";

const PLACE = "memory";
const WAIT_MS = 2;

interface StoredBlob extends BlobInfo {
  readonly bytes: Uint8Array;
}

/** What is there of a blob that is on its way in. */
interface Partial {
  readonly ref: string;
  expected: ExpectedBlob;
  chunks: Uint8Array[];
  offset: number;
  readonly startedAt: number;
  updatedAt: number;
  isActive: boolean;
}

/** A content store for the life of this object: for tests, and for small things that need not stay. */
export function createMemoryContentStore(): ContentStore {
  const blobs = new Map<Digest, StoredBlob>();
  const partials = new Map<string, Partial>();
  return {
    stat: async (digest) => infoOf(blobs.get(digest)),
    async open(digest) {
      const blob = blobs.get(digest);
      if (blob === undefined) throw blobNotFound(digest, PLACE);
      return memorySource(blob.bytes);
    },
    async *list() {
      for (const blob of blobs.values()) yield { digest: blob.digest, size: blob.size, storedAt: blob.storedAt };
    },
    remove: async (digest) => blobs.delete(digest),
    async ingest(ref, expected = {}, { shouldWait = false, startsOver = false, signal } = {}) {
      while (partials.get(ref)?.isActive === true) {
        if (!shouldWait) throw ingestLocked(ref);
        await sleep(WAIT_MS, signal);
      }
      assertNotAborted(signal);
      const partial = resume(startsOver ? undefined : partials.get(ref), ref, expected);
      partials.set(ref, partial);
      return new MemoryIngest(partial, blobs, () => partials.delete(ref));
    },
    async *ingests() {
      for (const partial of partials.values()) {
        const { ref, offset, expected, startedAt, updatedAt, isActive } = partial;
        yield { ref, offset, expected, startedAt, updatedAt, isActive };
      }
    },
    async abortIngest(ref) {
      if (partials.get(ref)?.isActive === true) throw ingestLocked(ref);
      return partials.delete(ref);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function infoOf(blob: StoredBlob | undefined): BlobInfo | undefined {
  return blob === undefined ? undefined : { digest: blob.digest, size: blob.size, storedAt: blob.storedAt };
}

function resume(found: Partial | undefined, ref: string, expected: ExpectedBlob): Partial {
  const merged = found === undefined ? undefined : mergeExpected(found.expected, expected);
  if (found === undefined || merged === undefined || found.offset > (merged.size ?? Number.POSITIVE_INFINITY)) {
    const time = now();
    return { ref, expected, chunks: [], offset: 0, startedAt: time, updatedAt: time, isActive: true };
  }
  found.expected = merged;
  found.isActive = true;
  return found;
}

class MemoryIngest implements Ingest {
  readonly #partial: Partial;
  readonly #blobs: Map<Digest, StoredBlob>;
  readonly #forget: () => void;
  #state: "open" | "committed" | "closed" = "open";

  constructor(partial: Partial, blobs: Map<Digest, StoredBlob>, forget: () => void) {
    this.#partial = partial;
    this.#blobs = blobs;
    this.#forget = forget;
  }

  get ref(): string {
    return this.#partial.ref;
  }

  get offset(): number {
    return this.#partial.offset;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const partial = this.#open();
    assertFits(this.ref, partial.expected, partial.offset + chunk.length);
    partial.chunks.push(Uint8Array.from(chunk));
    partial.offset += chunk.length;
    partial.updatedAt = now();
  }

  async restart(): Promise<void> {
    const partial = this.#open();
    partial.chunks = [];
    partial.offset = 0;
  }

  async commit(): Promise<BlobInfo> {
    const { chunks, expected } = this.#open();
    const bytes = Buffer.concat(chunks);
    const algorithm = expected.digest === undefined ? "sha256" : algorithmOf(expected.digest);
    const blob = { digest: digestOf(bytes, algorithm), size: bytes.length, storedAt: now(), bytes };
    try {
      assertExpected(this.ref, expected, blob);
    } catch (error) {
      await this.restart();
      throw error;
    }
    if (!this.#blobs.has(blob.digest)) this.#blobs.set(blob.digest, blob);
    this.#end("committed");
    const { digest, size, storedAt } = this.#blobs.get(blob.digest) ?? blob;
    return { digest, size, storedAt };
  }

  async abort(): Promise<void> {
    if (this.#state === "open") this.#end("closed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "open") return;
    if (this.offset === 0) return this.#end("closed");
    this.#partial.isActive = false;
    this.#state = "closed";
  }

  #open(): Partial {
    if (this.#state !== "open") throw ingestClosed(this.ref);
    return this.#partial;
  }

  #end(state: "committed" | "closed"): void {
    this.#partial.isActive = false;
    this.#forget();
    this.#state = state;
  }
}
