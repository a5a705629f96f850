import { availableParallelism } from "node:os";
import { type FileTime, StrataError } from "./base/index.ts";
import {
  type Changeset,
  type ChangesetOutput,
  type CreateChangesetOptions,
  changesetOfDirectories,
  createOverlayChangeset,
  directoryTar,
  type Notice,
} from "./changeset/index.ts";
import { ChunkPool, type CompressionFormat, compress } from "./tar/index.ts";
import { writeFileAtomically } from "./transport/index.ts";

/** How the layer between two directories is made. */
export interface CreateLayerOptions extends Pick<CreateChangesetOptions, "contents"> {
  /**
   * Whether `upper` is an upper directory of overlayfs, and `lower` its `lowerdir`: several with a colon between, the topmost
   * first, `\:` for a colon in a name. Only what is in `upper` is looked at then.
   */
  readonly isOverlay?: boolean | undefined;
  /** Default: `none`. */
  readonly compression?: CompressionFormat | undefined;
  /** For {@link compression}; the codec's own default unless given. The bytes do not depend on the number of processors. */
  readonly compressionLevel?: number | undefined;
  /** Times of files that are later than this become this: SOURCE_DATE_EPOCH. */
  readonly clampTime?: FileTime | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A layer that is ready to be written. */
export interface CreatedLayer {
  /** Nothing differs: no layer is needed. */
  readonly isEmpty: boolean;
  /**
   * Paths that were added, changed or deleted. A layer of everything is written while its directory is listed: of one, these and the
   * {@link notices} are complete when the bytes have been read.
   */
  readonly changeCount: number;
  /** What is in no layer: sockets, files that vanished, what is mounted inside. */
  readonly notices: readonly Notice[];
  /**
   * The same for the same trees. An archive without entries where nothing differs.
   * @throws StrataError while they are read: what {@link createLayer} throws, where it comes to that only now
   */
  bytes(): AsyncIterable<Uint8Array>;
  /** Writes a file that is complete or not there. @returns its size in bytes */
  writeTo(path: string): Promise<number>;
}

/**
 * The layer that makes one directory out of another: what was added and changed whole, whiteouts for what is gone. Where
 * `upper` is a mount of an overlay over `lower`, only what the mount wrote is looked at.
 *
 * @param lower `""` for nothing: then the layer holds everything
 * @throws StrataError `invalid-path` for an empty one; `permission-denied`, `file-changed` for what is written to meanwhile, `name-reserved` …
 */
export async function createLayer(
  lower: string,
  upper: string,
  options: CreateLayerOptions = {},
): Promise<CreatedLayer> {
  const content = await contentBetween(lower, upper, options);
  const bytes = (): AsyncIterable<Uint8Array> => bytesOf(content, options);
  return {
    isEmpty: content.isEmpty,
    get changeCount() {
      return content.changeCount;
    },
    get notices() {
      return content.notices;
    },
    bytes,
    writeTo: async (path) => {
      let size = 0;
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of bytes()) {
          size += chunk.length;
          yield chunk;
        }
      };
      await writeFileAtomically(path, counted());
      return size;
    },
  };
}

/** A layer, not compressed. */
interface LayerContent extends Pick<CreatedLayer, "isEmpty" | "changeCount" | "notices"> {
  tar(options: ChangesetOutput): AsyncIterable<Uint8Array>;
}

async function contentBetween(lower: string, upper: string, options: CreateLayerOptions): Promise<LayerContent> {
  // An empty path would be found to be the root directory: it is what an unset variable of a shell leaves.
  if (upper === "") throw emptyOperand("upper");
  if (lower === "" && options.isOverlay !== true) return everythingIn(upper, options);
  const changeset = await changesetBetween(lower, upper, options);
  const { isEmpty, changes, notices } = changeset;
  return { isEmpty, changeCount: changes.length, notices, tar: (output) => changeset.tar(output) };
}

/** Its root, at least, is in the layer. */
function everythingIn(directory: string, { signal }: CreateLayerOptions): LayerContent {
  const whole = directoryTar(directory, { signal });
  return {
    isEmpty: false,
    get changeCount() {
      return whole.entryCount;
    },
    get notices() {
      return whole.notices;
    },
    tar: (output) => whole.tar(output),
  };
}

async function changesetBetween(
  lower: string,
  upper: string,
  { isOverlay = false, contents, signal }: CreateLayerOptions,
): Promise<Changeset> {
  if (isOverlay && lower === "") throw emptyOperand("lower");
  if (isOverlay) return await createOverlayChangeset({ lowers: splitLowers(lower), upper }, { signal });
  return await changesetOfDirectories(lower, upper, { contents, signal });
}

function emptyOperand(which: "lower" | "upper"): StrataError {
  const directory = which === "lower" ? "lower directory of the overlay" : "upper directory";
  return new StrataError({
    code: "invalid-path",
    kind: "invalid-argument",
    message: `The ${directory} is an empty text`,
    details: { path: "" },
  });
}

/** `lowerdir` as mount(8) takes it. */
function splitLowers(text: string): string[] {
  const parts = text.match(/(?:\\.|[^\\:])+/g) ?? [];
  return parts.map((part) => part.replace(/\\(.)/g, "$1"));
}

function bytesOf(
  content: LayerContent,
  { compression = "none", compressionLevel: level, clampTime, signal }: CreateLayerOptions,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return content.tar({ clampTime });
  const pool = new ChunkPool();
  return compress(content.tar({ clampTime, pool }), compression, {
    concurrency: 2 * availableParallelism(),
    pool,
    ...(level === undefined ? {} : { level }),
    ...(signal === undefined ? {} : { signal }),
  });
}
