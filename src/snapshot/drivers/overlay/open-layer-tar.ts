import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type ByteSource, type ByteString, fromText, StrataError, toBuffer } from "../../../base/index.ts";
import { fileError, openFile, type Scratch } from "../../../content/index.ts";
import { type DiffId, hexOf } from "../../../oci/index.ts";
import { decodeTarSplit, decompress, tarSplitSource } from "../../../tar/index.ts";
import { cleanEntryName } from "../../../tree/index.ts";
import type { NewSnapshot } from "../../snapshot-driver.ts";
import { filesOf, journalOf } from "./upper-places.ts";

/** How the tar of a layer is opened again. */
export interface OpenLayerTarOptions {
  /** Of the layer, to check the tar with. */
  readonly diffId: DiffId;
  /** Holds the headers; the caller keeps it as long as the tar. */
  readonly scratch: Scratch;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The uncompressed tar of a layer that this driver staged, byte for byte, out of the files and the journal beside them:
 * the tar itself need not be kept. Whoever streams all of it has it verified: its last chunk comes only when the digest
 * is right. The caller disposes it; the snapshot must not be removed meanwhile.
 *
 * @throws StrataError `layer-tar-not-kept` (not-found) for a snapshot that was no layer, `tar-split-malformed`; when read,
 *   `layer-file-changed`, `layer-tar-changed` (integrity)
 */
export async function openLayerTar(place: NewSnapshot, options: OpenLayerTarOptions): Promise<ByteSource> {
  const segments = await options.scratch.create();
  try {
    const journal = await decodeTarSplit(journalLines(place), {
      what: journalOf(place),
      segments,
      unchecked: true,
      signal: options.signal,
    });
    const source = tarSplitSource(journal, { open: (name) => openStaged(filesOf(place), name) });
    return verified(source, {
      diffId: options.diffId,
      path: place.directory,
      close: async () => await journal.segments[Symbol.asyncDispose](),
    });
  } catch (error) {
    await segments[Symbol.asyncDispose]();
    throw error;
  }
}

async function* journalLines(place: NewSnapshot): AsyncGenerator<Uint8Array, void> {
  try {
    yield* decompress(createReadStream(journalOf(place)), "gzip");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw fileError(error, journalOf(place));
    throw tarNotKept(place.directory, error);
  }
}

async function openStaged(root: string, name: ByteString): Promise<ByteSource | undefined> {
  try {
    return await openFile(toBuffer(`${fromText(root)}/${cleanEntryName(name)}`));
  } catch (error) {
    if (error instanceof StrataError && (error.kind === "not-found" || error.kind === "invalid-argument"))
      return undefined;
    throw error;
  }
}

interface Verification {
  readonly diffId: DiffId;
  readonly path: string;
  readonly close: () => Promise<void>;
}

function verified(source: ByteSource, { diffId, path, close }: Verification): ByteSource {
  return {
    ...source,
    async *stream(range = {}) {
      const isWhole = (range.start ?? 0) === 0 && (range.end ?? source.size) >= source.size;
      if (!isWhole) {
        yield* source.stream(range);
        return;
      }
      const hash = createHash(diffId.slice(0, diffId.indexOf(":")));
      let done = 0;
      for await (const chunk of source.stream(range)) {
        hash.update(chunk);
        done += chunk.length;
        if (done === source.size && hash.digest("hex") !== hexOf(diffId)) throw tarChanged(diffId, path);
        yield chunk;
      }
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await close();
    },
  };
}

function tarNotKept(path: string, cause: unknown): StrataError {
  return new StrataError({
    code: "layer-tar-not-kept",
    kind: "not-found",
    message: `The tar of ${path} cannot be had again: it was no layer of an image`,
    details: { path },
    cause,
  });
}

function tarChanged(diffId: DiffId, path: string): StrataError {
  return new StrataError({
    code: "layer-tar-changed",
    kind: "integrity",
    message: `The files in ${path} do not give the layer ${diffId} again: they were changed after it was unpacked`,
    details: { path, digest: diffId },
    hint: "Somebody wrote into the directories of the store, or its disk is damaged; get the image anew",
  });
}
