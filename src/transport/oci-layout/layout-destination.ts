import { promises as fs } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../../base/index.ts";
import {
  type ContentStore,
  createLocalContentStore,
  fileError,
  lockFile,
  writeFileDurably,
} from "../../content/index.ts";
import {
  type ImageDestination,
  ingestBlob,
  ingestDocument,
  type OfferedBlob,
  type PutBlobOptions,
  type PutBlobResult,
  type RawDocument,
} from "../../image/index.ts";
import { type Descriptor, isDigest } from "../../oci/index.ts";
import { enterRoots, OCI_LAYOUT } from "./layout-index.ts";
import { LayoutRoots } from "./layout-roots.ts";

/** Where a layout is written. */
export interface LayoutDestinationInit {
  readonly reference: string;
  readonly directory: string;
  /** The name to give; undefined: those that the copier knows. */
  readonly name: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files are synced one by one, which others may use to read and to hash. */
const CONCURRENCY = 4;
/** As `writeFileDurably` names what it has not finished. */
const PARTIAL = /^(?:index\.json|oci-layout)\.[0-9a-z]+\.partial$/;

/**
 * Writes into an OCI layout (image-spec image-layout.md), which is made when it is missing. Blobs appear complete, by
 * rename, and stay when the copy fails, for the next attempt; `index.json` is changed last, under a lock of the
 * directory, so that several processes may write into one layout. Nothing is ever removed from it.
 * @throws StrataError `not-an-oci-layout` for a directory with other things in it; as `fileError`
 */
export async function openLayoutDestination(init: LayoutDestinationInit): Promise<ImageDestination> {
  const wasThere = await assertLayout(init.directory);
  const store = await createLocalContentStore({ directory: init.directory });
  return new LayoutDestination(init, store, wasThere);
}

class LayoutDestination implements ImageDestination {
  readonly reference: string;
  readonly transport = "oci";
  readonly concurrency = CONCURRENCY;
  readonly acceptsIndexes = true;
  readonly expectedFormat = "oci";
  readonly #init: LayoutDestinationInit;
  readonly #store: ContentStore;
  readonly #wasThere: boolean;
  readonly #roots = new LayoutRoots();

  constructor(init: LayoutDestinationInit, store: ContentStore, wasThere: boolean) {
    this.reference = init.reference;
    this.#init = init;
    this.#store = store;
    this.#wasThere = wasThere;
  }

  async has({ digest, size }: Descriptor): Promise<boolean> {
    return (await this.#store.stat(digest))?.size === size;
  }

  async putBlob(blob: OfferedBlob, options?: PutBlobOptions): Promise<PutBlobResult> {
    return await ingestBlob(this.#store, blob, options);
  }

  async putDocument(document: RawDocument): Promise<void> {
    await ingestDocument(this.#store, document);
    this.#roots.addDocument(document);
  }

  async name(root: Descriptor, names: readonly string[]): Promise<void> {
    this.#roots.name(root, this.#init.name === undefined ? names : [this.#init.name]);
  }

  async finish(): Promise<void> {
    const { directory, signal } = this.#init;
    await using _ = await lockFile(directory, "exclusive", { shouldWait: true, signal });
    const index = join(directory, "index.json");
    const before = await readIfThere(index);
    const after = enterRoots(before, this.#roots.list());
    if ((await readIfThere(join(directory, "oci-layout"))) === undefined) {
      await writeFileDurably(join(directory, "oci-layout"), OCI_LAYOUT);
    }
    if (before !== after) await writeFileDurably(index, after);
    await this.#dropRemains();
  }

  /**
   * What processes left that died here, as far as nobody will take it up again: a document that was being written, which
   * nobody else does while we hold the lock, and an ingest whose blob was published already.
   */
  async #dropRemains(): Promise<void> {
    const { directory } = this.#init;
    for (const name of await fs.readdir(directory)) {
      if (PARTIAL.test(name)) await fs.rm(join(directory, name), { force: true });
    }
    for await (const { ref, isActive } of this.#store.ingests()) {
      const isDone = !isActive && isDigest(ref) && (await this.#store.stat(ref)) !== undefined;
      // Another process may have taken it up just now.
      if (isDone) await this.#store.abortIngest(ref).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
    if (this.#wasThere) return;
    // Where nothing was kept, nothing was ever here; each is removed only when it is empty.
    const { directory } = this.#init;
    for (const part of ["blobs/sha256", "blobs", ""]) await fs.rmdir(join(directory, part)).catch(() => {});
  }
}

/** Whether the directory is there. One that is empty, or was left by a copy that failed, will do. */
async function assertLayout(directory: string): Promise<boolean> {
  const names = await fs.readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error.code === "ENOTDIR" ? notADirectory(directory) : fileError(error, directory);
  });
  if (names === undefined) return false;
  const isLayout = names.length === 0 || ["oci-layout", "index.json", "blobs"].some((name) => names.includes(name));
  if (isLayout) return true;
  throw new StrataError({
    code: "not-an-oci-layout",
    kind: "malformed",
    message: `Cannot write an image into ${directory}: it is not empty and no OCI layout`,
    details: { path: directory },
    hint: "Name a new directory",
  });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return await fs.readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileError(error, path);
  });
}

function notADirectory(path: string): StrataError {
  return new StrataError({
    code: "not-a-directory",
    kind: "invalid-argument",
    message: `oci: needs a directory, but ${path} is none`,
    details: { path },
    hint: "For an archive of a layout write oci-archive:",
  });
}
