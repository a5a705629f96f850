import { assertNotAborted, type ByteSource, readAll, StrataError } from "../base/index.ts";
import type { LocatedSource, ScratchFile } from "../content/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../layer/index.ts";
import {
  algorithmOf,
  createHasher,
  createVerifier,
  type DiffId,
  type Digest,
  digestStream,
  verifyStream,
} from "../oci/index.ts";
import {
  type Compression,
  decompress,
  type PlainEntry,
  SNIFF_LENGTH,
  scanTar,
  sniffCompression,
  TarScanner,
} from "../tar/index.ts";
import type { Limits } from "./limits.ts";

/** What a layer must turn out to be, as its image claims. Undefined is: not told. */
export interface LayerClaim {
  readonly diffId: DiffId | undefined;
  readonly digest: Digest | undefined;
  /** Length of the stored bytes. */
  readonly size: number;
}

/** Takes the uncompressed tar of a layer in the pass that indexes it, and judges it. */
export interface TarSink {
  /** The next bytes, which may be overwritten once it resolves. */
  write(chunk: Uint8Array): Promise<void>;
  /** All bytes have come, and are a sound tar. @returns their diffID @throws StrataError when it is not the claimed one */
  finish(): Promise<DiffId>;
}

/** How a layer is read. */
export interface IndexLayerOptions {
  readonly claim: LayerClaim;
  readonly limits: Limits;
  /** False: seek through an uncompressed tar reading headers only, and judge no digest. */
  readonly verify: boolean;
  /** As {@link compressionOf} tells it. */
  readonly compression: Compression;
  /** Keeps the uncompressed tar of a compressed layer in the same pass. */
  readonly spool?: ScratchFile | undefined;
  /** Gets the uncompressed tar, compressed or not before, and hashes it, so that nobody else must. */
  readonly sink?: TarSink | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many stored bytes have been read so far, from time to time. */
  readonly onBytes?: ((done: number) => void) | undefined;
}

/** What became of a layer that was read once. */
export interface IndexedLayer {
  readonly index: LayerIndex;
  readonly compression: Compression;
  /** The claimed diffID, verified unless verification was off; computed where there was no claim and a whole pass. */
  readonly diffId: DiffId | undefined;
  /** The uncompressed tar, when it was spooled. The caller disposes it. */
  readonly tar?: LocatedSource;
}

const BUFFER_BYTES = 512 * 1024;
/** As container engines read layers; an index knows owners by number. */
const READING = { globalHeaders: "ignore", ownerNames: "ignore" } as const;

/**
 * Reads a layer once: while its bytes pass they are verified, decompressed, verified again, spooled and indexed.
 *
 * @throws StrataError of kind `integrity`, `malformed`, `hostile` or `unsupported` (the compression)
 */
export async function indexLayer(stored: ByteSource, options: IndexLayerOptions): Promise<IndexedLayer> {
  const { compression } = options;
  if (compression === "none" && !options.verify && options.sink === undefined) {
    const builder = new LayerIndexBuilder();
    const onPlain = (entry: PlainEntry): void => builder.addPlain(entry);
    const { limits, signal } = options;
    await scanTar(stored, (entry) => builder.add(entry), { ...READING, onPlain, limits, signal });
    return { index: builder.finish(stored.size), compression, diffId: options.claim.diffId };
  }
  try {
    return await indexWholeLayer(stored, options);
  } catch (error) {
    throw await blameBytes(error, stored, options);
  }
}

/**
 * When a layer cannot be read, the first question is whether these are the bytes that the image speaks of: damage shows
 * up as nonsense long before the digest at the end would tell. If they are not, that is the error, and the nonsense its
 * cause.
 */
async function blameBytes(
  error: unknown,
  stored: ByteSource,
  { compression, claim, verify, signal }: IndexLayerOptions,
): Promise<unknown> {
  const digest = (compression === "none" ? claim.diffId : undefined) ?? claim.digest;
  if (!verify || !isNonsense(error) || digest === undefined) return error;
  const actual = await digestStream(stored.stream({ ...(signal && { signal }) }), algorithmOf(digest));
  if (actual.digest === (digest as string)) return error;
  return new StrataError({
    code: "digest-mismatch",
    kind: "integrity",
    message: `The layer blob should have the digest ${digest} but has ${actual.digest}`,
    details: { ...error.details, digest },
    cause: error,
  });
}

/** Whether an error may come from damage: broken structure, a bomb, or bytes taken for a compression that we cannot read. */
function isNonsense(error: unknown): error is StrataError {
  return error instanceof StrataError && ["malformed", "hostile", "unsupported"].includes(error.kind);
}

/** The compression of stored bytes, told by the bytes alone. */
export async function compressionOf(stored: ByteSource): Promise<Compression> {
  return sniffCompression(await readAll(stored, { end: SNIFF_LENGTH }));
}

async function indexWholeLayer(stored: ByteSource, options: IndexLayerOptions): Promise<IndexedLayer> {
  const { compression } = options;
  const builder = new LayerIndexBuilder();
  const { limits } = options;
  const onPlain = (entry: PlainEntry): void => builder.addPlain(entry);
  const scanner = new TarScanner((entry) => builder.add(entry), { ...READING, onPlain, limits });
  const judge = diffIdJudge(options);
  let tarSize = 0;
  for await (const chunk of uncompressed(stored, compression, options)) {
    judge.update(chunk);
    scanner.push(chunk);
    tarSize += chunk.length;
    if (options.spool !== undefined) await options.spool.write(chunk);
    if (options.sink !== undefined) await options.sink.write(chunk);
  }
  scanner.end();
  const diffId = (await options.sink?.finish()) ?? judge.finish();
  const tar = await options.spool?.finish();
  return { index: builder.finish(tarSize), compression, diffId, ...(tar && { tar }) };
}

/**
 * The uncompressed tar of a layer from its beginning; the stored bytes are verified against the claim on the way.
 * A chunk is good until the next one is asked for.
 */
export async function* uncompressed(
  stored: ByteSource,
  compression: Compression,
  { claim, verify, limits, signal, onBytes }: Omit<IndexLayerOptions, "spool" | "sink" | "compression">,
): AsyncGenerator<Uint8Array> {
  const { maxLayerBytes: maxBytes, maxExpansion } = limits;
  let bytes = compression === "none" ? throughOneBuffer(stored, signal) : stored.stream({ ...(signal && { signal }) });
  if (onBytes !== undefined) bytes = countBytes(bytes, onBytes);
  // The digest of an uncompressed blob is its diffID: hashing it once is enough.
  const digest =
    claim.digest === (claim.diffId as string | undefined) && compression === "none" ? undefined : claim.digest;
  if (verify && digest !== undefined) bytes = verifyStream(bytes, { digest, size: claim.size, what: "layer blob" });
  yield* decompress(bytes, compression, { maxBytes, maxExpansion });
}

/**
 * All bytes of a source through one buffer: each chunk is overwritten by the next. Hundreds of megabytes in new buffers
 * would lie around until the collector, which counts them only now and then, has noticed.
 */
async function* throughOneBuffer(source: ByteSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let offset = 0; offset < source.size; offset += BUFFER_BYTES) {
    assertNotAborted(signal);
    yield buffer.subarray(0, await source.read(buffer, offset));
  }
}

async function* countBytes(
  bytes: AsyncIterable<Uint8Array>,
  onBytes: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of bytes) {
    done += chunk.length;
    onBytes(done);
    yield chunk;
  }
}

/** Holds the uncompressed bytes against the claimed diffID, or finds the diffID where none is claimed. */
function diffIdJudge({ claim: { diffId }, verify, sink }: IndexLayerOptions): {
  update(chunk: Uint8Array): void;
  finish(): DiffId | undefined;
} {
  if (!verify || sink !== undefined) return { update() {}, finish: () => diffId };
  if (diffId === undefined) {
    const hasher = createHasher();
    return { update: hasher.update, finish: () => hasher.digest() as string as DiffId };
  }
  const verifier = createVerifier({ digest: diffId, what: "uncompressed layer" });
  return {
    update: verifier.update,
    finish() {
      verifier.finish();
      return diffId;
    },
  };
}
