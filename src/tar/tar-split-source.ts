import { assertNotAborted, type ByteSource, type ByteString } from "../base/index.ts";
import { Crc64 } from "./tar-split-crc.ts";
import { fileChanged } from "./tar-split-error.ts";
import { journalName, type TarSplitJournal } from "./tar-split-journal.ts";

/** The directory in which the files of a journal lie. */
export interface TarSplitFiles {
  /** Opens the regular file of that name, spelled as in the tar; undefined when there is none. The caller disposes it. */
  open(name: ByteString): Promise<ByteSource | undefined>;
}

const CHUNK_BYTES = 256 * 1024;
/** Files kept open between reads, beside those that are being read. */
const KEPT_OPEN = 8;

/**
 * The tar that a journal was made of, byte for byte, out of the journal and the files.
 *
 * Files are opened when their bytes are wanted. Whoever reads a file from its beginning to its end, at whatever pace, has
 * it verified: its last bytes are only handed out when its checksum is right, if the journal has any. Disposing it closes the files; the journal stays.
 *
 * @throws StrataError `layer-file-changed` (integrity) when read, with the file's name in `details.entry`, for a file that
 * is missing, shorter, longer or different
 */
export function tarSplitSource(journal: TarSplitJournal, files: TarSplitFiles): ByteSource {
  const open = new OpenFiles(journal, files);
  const read = async (target: Uint8Array, offset: number): Promise<number> => {
    const wanted = Math.max(0, Math.min(target.length, journal.size - offset));
    for (let done = 0; done < wanted; ) {
      done += await readPiece(journal, open, { target: target.subarray(done, wanted), offset: offset + done });
    }
    return wanted;
  };
  return {
    size: journal.size,
    read,
    async *stream({ start = 0, end = journal.size, signal } = {}) {
      const stop = Math.min(end, journal.size);
      for (let offset = start; offset < stop; offset += CHUNK_BYTES) {
        assertNotAborted(signal);
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stop - offset));
        await read(chunk, offset);
        yield chunk;
      }
    },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  };
}

/** Reads on to the end of the target or of the piece that `offset` lies in, whichever is nearer. */
async function readPiece(
  { dataStart, fileBytes, segments, size, count }: TarSplitJournal,
  files: OpenFiles,
  { target, offset }: { readonly target: Uint8Array; readonly offset: number },
): Promise<number> {
  const file = lastAtOrBefore(dataStart, offset);
  const before = fileBytes[file] ?? 0;
  const length = (fileBytes[file + 1] ?? 0) - before;
  const within = offset - (dataStart[file] ?? 0);
  if (file >= 0 && within < length) {
    const part = target.subarray(0, Math.min(target.length, length - within));
    await files.read(file, part, within);
    return part.length;
  }
  const end = file + 1 < count ? (dataStart[file + 1] as number) : size;
  const part = target.subarray(0, Math.min(target.length, end - offset));
  return await segments.read(part, offset - (fileBytes[file + 1] ?? 0));
}

/** The last element that is not greater; -1 when all are. */
function lastAtOrBefore(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

interface OpenFile {
  readonly source: Promise<ByteSource>;
  readonly checksum: Crc64;
  /** Bytes that the checksum covers. */
  covered: number;
  users: number;
}

/** The files that are open: few, the least recently used are closed first. */
class OpenFiles implements AsyncDisposable {
  readonly #journal: TarSplitJournal;
  readonly #files: TarSplitFiles;
  readonly #open = new Map<number, OpenFile>();

  constructor(journal: TarSplitJournal, files: TarSplitFiles) {
    this.#journal = journal;
    this.#files = files;
  }

  /** Fills the target, which lies inside file `i`, from `offset` in it. */
  async read(i: number, target: Uint8Array, offset: number): Promise<void> {
    const file = this.#take(i);
    try {
      const source = await file.source;
      const count = await source.read(target, offset);
      if (count !== target.length) throw this.#changed(i, "is shorter than it was");
      this.#check(i, file, { bytes: target, offset });
    } catch (error) {
      this.#open.delete(i);
      throw error;
    } finally {
      file.users--;
      await this.#closeUnused();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const { source } of files) await dispose(source);
  }

  #take(i: number): OpenFile {
    const known = this.#open.get(i);
    const file = known ?? { source: this.#openFile(i), checksum: new Crc64(), covered: 0, users: 0 };
    file.users++;
    this.#open.delete(i);
    this.#open.set(i, file);
    return file;
  }

  async #openFile(i: number): Promise<ByteSource> {
    const { fileBytes } = this.#journal;
    const size = (fileBytes[i + 1] as number) - (fileBytes[i] as number);
    const source = await this.#files.open(journalName(this.#journal, i));
    if (source === undefined) throw this.#changed(i, "is missing, or no regular file any more");
    if (source.size === size) return source;
    await source[Symbol.asyncDispose]();
    throw this.#changed(i, `has ${source.size} bytes instead of ${size}`);
  }

  /** Carries the checksum on when these bytes follow the ones before, and judges it at the end. */
  #check(i: number, file: OpenFile, { bytes, offset }: { readonly bytes: Uint8Array; readonly offset: number }): void {
    const { fileBytes, checksums } = this.#journal;
    if (checksums === undefined || offset !== file.covered) return;
    file.checksum.update(bytes);
    file.covered += bytes.length;
    if (file.covered < (fileBytes[i + 1] as number) - (fileBytes[i] as number)) return;
    if (file.checksum.high === checksums[2 * i] && file.checksum.low === checksums[2 * i + 1]) return;
    throw this.#changed(i, "has other bytes than it had");
  }

  async #closeUnused(): Promise<void> {
    for (const [i, file] of this.#open) {
      if (this.#open.size <= KEPT_OPEN) return;
      if (file.users > 0) continue;
      this.#open.delete(i);
      await dispose(file.source);
    }
  }

  #changed(i: number, how: string): Error {
    return fileChanged(journalName(this.#journal, i), how, this.#journal.dataStart[i] as number);
  }
}

/** A file that could not be opened has told so to whoever wanted it. */
async function dispose(source: Promise<ByteSource>): Promise<void> {
  await source.then(
    (opened) => opened[Symbol.asyncDispose](),
    () => {},
  );
}
