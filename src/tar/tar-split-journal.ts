import { type ByteSource, type ByteString, fromBuffer, fromText, type StrataError } from "../base/index.ts";
import { DEFAULT_TAR_LIMITS } from "./tar-limits.ts";
import { hostileJournal, malformedJournal } from "./tar-split-error.ts";

/** Where the journal's own bytes (headers, padding, what follows the end) go while it is decoded; a scratch file fits. */
export interface SegmentSink {
  /** Appends. One call at a time; the chunk may be reused after it resolves. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the writing. The source belongs to the caller. */
  finish(): Promise<ByteSource>;
}

/** How a journal is decoded. */
export interface DecodeTarSplitOptions {
  /** Names the journal in messages: a path. */
  readonly what: string;
  readonly segments: SegmentSink;
  /** Takes files without checksums, which then are not verified: a journal of our own, of a tar whose digest is known. Default: no. */
  readonly unchecked?: boolean | undefined;
  /** Most entries; that of the tar codec unless given. */
  readonly maxEntries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A decoded journal: columns over the files whose data lies elsewhere, in tar order, and the bytes between them.
 * `dataStart`, `fileBytes` and `nameStart` count from 0; the last two have one element more than there are files.
 */
export interface TarSplitJournal {
  /** Length of the tar in bytes. */
  readonly size: number;
  /** Files with data; entries without are only bytes of their header. */
  readonly count: number;
  /** Offset of a file's data in the tar. */
  readonly dataStart: Float64Array;
  /** Sum of the lengths of the files before. */
  readonly fileBytes: Float64Array;
  /** Two elements for each file: upper and lower half of its CRC-64. Undefined when they were left out. */
  readonly checksums: Uint32Array | undefined;
  /** Offsets into `names`. */
  readonly nameStart: Float64Array;
  readonly names: Uint8Array;
  /** All that is not data of files, in order. It belongs to whoever made the sink. */
  readonly segments: ByteSource;
}

/** The name of file `i`, as the tar spells it. */
export function journalName({ names, nameStart }: TarSplitJournal, i: number): ByteString {
  return fromBuffer(names.subarray(nameStart[i], nameStart[i + 1]));
}

const SEGMENT = 2;
const FILE = 1;
/** A line holds one segment: headers, at most an extension of 1 MiB, or what follows the end of the archive. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
const FLUSH_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * Decodes a tar-split journal (vbatts/tar-split, tar/storage): JSON lines, uncompressed. Type 2 is a run of the tar's own
 * bytes, type 1 a file whose data lies elsewhere, with its length and checksum. Positions must count up from 0.
 *
 * @throws StrataError `tar-split-malformed` with the number of the line in `details.line`, `tar-split-too-large` (hostile)
 */
export async function decodeTarSplit(
  lines: AsyncIterable<Uint8Array>,
  options: DecodeTarSplitOptions,
): Promise<TarSplitJournal> {
  const builder = new JournalBuilder(options);
  let rest: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of lines) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      rest.push(chunk.subarray(start, end));
      builder.line(rest.length === 1 ? (rest[0] as Uint8Array) : Buffer.concat(rest));
      if (builder.isFull) await builder.flush();
      rest = [];
      held = 0;
      start = end + 1;
    }
    held += chunk.length - start;
    if (held > MAX_LINE_BYTES) throw hostileJournal(options.what, `a line is longer than ${MAX_LINE_BYTES} bytes`);
    // Copied: the chunk need not outlive this turn.
    if (start < chunk.length) rest.push(chunk.slice(start));
  }
  if (held > 0) builder.line(Buffer.concat(rest));
  return await builder.finish();
}

interface Line {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly name_raw?: unknown;
  readonly size?: unknown;
  readonly payload?: unknown;
  readonly position?: unknown;
}

/** Collects what the lines say. */
class JournalBuilder {
  readonly #options: DecodeTarSplitOptions;
  readonly #maxEntries: number;
  readonly #dataStart = new Growing(Float64Array);
  readonly #fileBytes = new Growing(Float64Array);
  readonly #checksums = new Growing(Uint32Array);
  readonly #nameStart = new Growing(Float64Array);
  #names = Buffer.allocUnsafe(4096);
  #namesEnd = 0;
  #size = 0;
  #files = 0;
  #lines = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(options: DecodeTarSplitOptions) {
    this.#options = options;
    this.#maxEntries = options.maxEntries ?? DEFAULT_TAR_LIMITS.maxEntries;
  }

  /** Whether so many bytes wait that {@link flush} should write them. */
  get isFull(): boolean {
    return this.#pendingBytes >= FLUSH_BYTES;
  }

  line(bytes: Uint8Array): void {
    const entry = this.#parse(bytes);
    if (entry.position !== this.#lines) throw this.#malformed(`its position is not ${this.#lines}`);
    if (entry.type === SEGMENT) this.#segment(entry);
    else if (entry.type === FILE) this.#file(entry);
    else throw this.#malformed("its type is neither 1 nor 2");
    this.#lines++;
  }

  async flush(): Promise<void> {
    if (this.#pendingBytes > 0) await this.#options.segments.write(Buffer.concat(this.#pending));
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  async finish(): Promise<TarSplitJournal> {
    await this.flush();
    this.#fileBytes.push(this.#files);
    this.#nameStart.push(this.#namesEnd);
    return {
      size: this.#size,
      count: this.#dataStart.length,
      dataStart: this.#dataStart.finish(),
      fileBytes: this.#fileBytes.finish(),
      checksums: this.#options.unchecked === true ? undefined : this.#checksums.finish(),
      nameStart: this.#nameStart.finish(),
      names: Buffer.from(this.#names.subarray(0, this.#namesEnd)),
      segments: await this.#options.segments.finish(),
    };
  }

  #parse(bytes: Uint8Array): Line {
    try {
      const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
      if (typeof value === "object" && value !== null) return value;
    } catch (error) {
      throw this.#malformed("it is not JSON", error);
    }
    throw this.#malformed("it is not a JSON object");
  }

  #segment({ payload }: Line): void {
    const bytes = payload === null || payload === undefined ? Buffer.alloc(0) : this.#base64(payload, "payload");
    this.#grow(bytes.length);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #file(entry: Line): void {
    if (this.#lines > 2 * this.#maxEntries) {
      throw hostileJournal(this.#options.what, `it has more entries than the limit of ${this.#maxEntries}`);
    }
    const { size = 0 } = entry;
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw this.#malformed("its size is no length");
    if (size === 0) return;
    if (this.#options.unchecked !== true) this.#addChecksum(entry);
    this.#dataStart.push(this.#size);
    this.#fileBytes.push(this.#files);
    this.#addName(this.#nameOf(entry));
    this.#files += size as number;
    this.#grow(size as number);
  }

  #addChecksum({ payload }: Line): void {
    const checksum = this.#base64(payload, "payload");
    if (checksum.length !== 8) throw this.#malformed(`its checksum has ${checksum.length} bytes instead of 8`);
    this.#checksums.push(checksum.readUInt32BE(0));
    this.#checksums.push(checksum.readUInt32BE(4));
  }

  #nameOf({ name, name_raw }: Line): Buffer {
    if (typeof name === "string" && name !== "") return Buffer.from(fromText(name), "latin1");
    const raw = this.#base64(name_raw, "name");
    if (raw.length === 0 || raw.includes(0)) throw this.#malformed("its name is no file name");
    return raw;
  }

  #addName(name: Buffer): void {
    const end = this.#namesEnd + name.length;
    if (end > this.#names.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#names.length * 2));
      larger.set(this.#names.subarray(0, this.#namesEnd));
      this.#names = larger;
    }
    this.#nameStart.push(this.#namesEnd);
    this.#names.set(name, this.#namesEnd);
    this.#namesEnd = end;
  }

  /** Node skips over what is no base64; then bytes are missing. */
  #base64(text: unknown, field: string): Buffer {
    if (typeof text !== "string") throw this.#malformed(`its ${field} is missing`);
    const bytes = Buffer.from(text, "base64");
    const padding = Number(text.endsWith("=")) + Number(text.endsWith("=="));
    if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) {
      throw this.#malformed(`its ${field} is not base64`);
    }
    return bytes;
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    if (!Number.isSafeInteger(this.#size)) throw this.#malformed("the archive would be larger than any file");
  }

  #malformed(fault: string, cause?: unknown): StrataError {
    return malformedJournal(this.#options.what, `${fault} (line ${this.#lines + 1})`, { line: this.#lines + 1, cause });
  }
}

/** A column of numbers that grows at its end. */
class Growing<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>> {
  length = 0;
  #values: T;
  readonly #type: new (
    length: number,
  ) => T;

  constructor(type: new (length: number) => T) {
    this.#type = type;
    this.#values = new type(256);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new this.#type(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  finish(): T {
    return this.#values.slice(0, this.length) as T;
  }
}
