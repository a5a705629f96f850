import type { ByteString } from "../base/index.ts";
import { applyPax, effectivePax, mergeGlobalPax } from "./apply-pax.ts";
import type { SparseRun, TarEntry } from "./entry.ts";
import { badField, decodeHeader, type EntryDraft, readOwnerNames, settleDraft } from "./entry-draft.ts";
import {
  isValidSparseMap,
  parseSparseMap,
  paxSparseVersion,
  readOldExtensionRuns,
  readOldHeaderRuns,
  SparseMapReader,
} from "./gnu-sparse.ts";
import {
  BLOCK_SIZE,
  checkBlock,
  dialectOf,
  GNU,
  paddingOf,
  readNumber,
  readString,
  USTAR,
  viewOf,
} from "./header-block.ts";
import { parseInteger } from "./pax-fields.ts";
import { decodePaxRecords, type PaxRecords } from "./pax-records.ts";
import { PlainEntry } from "./plain-entry.ts";
import { hostileTar, malformedTar } from "./tar-error.ts";
import { DEFAULT_TAR_LIMITS, type TarLimits } from "./tar-limits.ts";
import { isExtension, TYPEFLAG, typeOf } from "./typeflag.ts";

/** Something in the archive that is neither an entry nor an extension we know, and was stepped over. */
export interface SkippedMember {
  /** The type as one character: `V` (volume label), `M` (continued from another volume), `A`–`Z` (vendors'). */
  readonly typeflag: string;
  readonly name: ByteString;
  readonly headerOffset: number;
  /** Bytes of data that were skipped. */
  readonly size: number;
}

/** How an archive is read, whichever way its bytes arrive. */
export interface TarReadOptions {
  readonly limits?: Partial<TarLimits> | undefined;
  /** Go on after end-of-archive markers: several archives one after another. Default: stop at the first, as Go does. */
  readonly concatenated?: boolean | undefined;
  /**
   * `apply` lets global PAX headers set the metadata (never the names and sizes) of the entries after them, as pax says.
   * `ignore` passes over them, as Go and with it every container engine does. Default: `apply`.
   */
  readonly globalHeaders?: "apply" | "ignore" | undefined;
  /** `ignore` leaves `uname` and `gname` of all entries empty, for readers who would not look. Default: `read`. */
  readonly ownerNames?: "read" | "ignore" | undefined;
  readonly onSkipped?: ((member: SkippedMember) => void) | undefined;
  /** Gets what is a {@link PlainEntry}, which `onEntry` then does not: for readers that keep numbers and bytes of millions. */
  readonly onPlain?: ((entry: PlainEntry) => void) | undefined;
}

/** What errors say of an entry. */
type Named = Pick<TarEntry, "name" | "headerOffset">;

/**
 * The one tar parser, free of I/O. A driver repeats: bring the {@link want} bytes that lie at {@link position} and hand
 * them to {@link accept}, until {@link ended}; what lies between is file data. When the input ends first, it calls
 * {@link finish}. Entries are handed out in order, before their data. After an error the parser is unusable.
 */
export class TarParser {
  /** Offset in the archive of the bytes to bring next. Only grows. */
  position = 0;
  /** How many bytes to bring, a multiple of {@link BLOCK_SIZE}, contiguous. */
  want = BLOCK_SIZE;
  /** Whether the end-of-archive marker was met: everything after it is no part of the archive. */
  ended = false;

  readonly #onEntry: (entry: TarEntry) => void;
  readonly #options: TarReadOptions;
  readonly #limits: TarLimits;
  #take: (bytes: Buffer, start: number) => void = this.#takeHeader;
  /** The buffer of the last header, with its view: drivers hand in the same one many times. */
  #bytes: Buffer | undefined;
  #view: DataView | undefined;
  #entries = 0;
  #zeroBlocks = 0;
  /** Where the data of the last entry ends, before its padding, and that entry. */
  #dataEnd = 0;
  #last: Named | undefined;
  readonly #plain = new PlainEntry();

  // Extensions gathered for the next entry.
  #extensionStart = -1;
  #extensionType = 0;
  #extensionSize = 0;
  #longName: ByteString = "";
  #longLink: ByteString = "";
  #local: PaxRecords | undefined;
  #global: PaxRecords | undefined;

  // A sparse entry whose map is being read.
  #draft: EntryDraft | undefined;
  #runs: SparseRun[] = [];
  #map: SparseMapReader | undefined;

  constructor(onEntry: (entry: TarEntry) => void, options: TarReadOptions = {}) {
    this.#onEntry = onEntry;
    this.#options = options;
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...options.limits };
  }

  /** Takes the {@link want} bytes of {@link position}, which begin at `start` in `bytes`. They are not kept. */
  accept(bytes: Buffer, start: number): void {
    this.#take(bytes, start);
  }

  /**
   * Judges an input that ended after `size` bytes without a marker. Fine is an end where a header would start,
   * as Go has it: also when only the padding of the last data is missing.
   *
   * @throws `tar-truncated` for anything else.
   */
  finish(size: number): void {
    if (this.ended) return;
    const between = this.#take === this.#takeHeader && this.#extensionStart < 0;
    if (between && size >= this.#dataEnd && size <= this.position) return;
    const fault = size < this.#dataEnd ? "is cut off in its data" : "ends in the middle of a header";
    const entry = size < this.#dataEnd ? this.#last?.name : undefined;
    throw malformedTar("tar-truncated", fault, { offset: size, entry });
  }

  #takeHeader(bytes: Buffer, start: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    const block = checkBlock(bytes, start, this.#view);
    if (block === "zero") return this.#takeZeroBlock();
    const offset = this.position;
    if (this.#zeroBlocks === 1 && this.#options.concatenated !== true) {
      throw malformedTar("tar-lone-zero-block", "has more data after a single block of zeros", { offset });
    }
    if (block === "invalid") {
      throw malformedTar("tar-bad-checksum", "has a header with a wrong checksum", { offset });
    }
    this.#zeroBlocks = 0;
    this.position += BLOCK_SIZE;
    const typeflag = bytes[start + USTAR.typeflag.at] as number;
    if (isExtension(typeflag)) this.#startExtension(bytes, start, typeflag);
    else if (!this.#takePlain(bytes, start)) this.#startEntry(bytes, start, typeflag);
  }

  /** Hands out the header as a plain entry, if somebody wants those and it is one. */
  #takePlain(bytes: Buffer, start: number): boolean {
    const { onPlain } = this.#options;
    if (onPlain === undefined || this.#extensionStart >= 0 || this.#global !== undefined) return false;
    const plain = this.#plain;
    if (!plain.take(bytes, start, this.position - BLOCK_SIZE)) return false;
    this.#count(plain);
    this.#step(plain, plain.size);
    onPlain(plain);
    return true;
  }

  #takeZeroBlock(): void {
    if (this.#extensionStart >= 0) {
      throw malformedTar("tar-dangling-extension", "has an extension header without an entry", {
        offset: this.#extensionStart,
      });
    }
    this.position += BLOCK_SIZE;
    this.#zeroBlocks++;
    this.ended = this.#zeroBlocks === 2 && this.#options.concatenated !== true;
  }

  #startExtension(bytes: Buffer, start: number, typeflag: number): void {
    const offset = this.position - BLOCK_SIZE;
    const size = readNumber(bytes, start, USTAR.size);
    if (!(size >= 0)) throw badField("size", offset, readString(bytes, start, USTAR.name));
    if (size > this.#limits.maxExtensionBytes) {
      throw hostileTar("tar-extension-too-large", `has an extension header of ${size} bytes`, { offset });
    }
    if (this.#extensionStart < 0 && typeflag !== TYPEFLAG.globalPax) this.#extensionStart = offset;
    this.#extensionType = typeflag;
    this.#extensionSize = size;
    if (size === 0) return this.#takeExtension(bytes, start);
    this.want = size + paddingOf(size);
    this.#take = this.#takeExtension;
  }

  #takeExtension(bytes: Buffer, start: number): void {
    const data = bytes.subarray(start, start + this.#extensionSize);
    switch (this.#extensionType) {
      case TYPEFLAG.longName:
        this.#longName = readString(data, 0, { at: 0, length: data.length });
        break;
      case TYPEFLAG.longLink:
        this.#longLink = readString(data, 0, { at: 0, length: data.length });
        break;
      case TYPEFLAG.globalPax:
        if (this.#options.globalHeaders !== "ignore") {
          this.#global = mergeGlobalPax(this.#global, this.#decodePax(data));
        }
        break;
      default:
        this.#local = this.#decodePax(data);
    }
    this.#expectHeader(this.position + data.length + paddingOf(data.length));
  }

  #decodePax(data: Buffer): PaxRecords {
    const records = decodePaxRecords(data);
    if (typeof records !== "number") return records;
    throw malformedTar("tar-bad-pax-record", "has a broken record in a PAX header", {
      offset: this.position + records,
    });
  }

  #startEntry(bytes: Buffer, start: number, typeflag: number): void {
    const blockOffset = this.position - BLOCK_SIZE;
    const known = typeOf(typeflag);
    const draft = decodeHeader(bytes, start, known ?? "file", blockOffset);
    if (this.#options.ownerNames !== "ignore") readOwnerNames(draft, bytes, start);
    const pax = effectivePax(this.#global, this.#local);
    if (pax !== undefined) applyPax(draft, pax, blockOffset);
    if (this.#longName !== "") draft.name = this.#longName;
    if (this.#longLink !== "") draft.linkName = this.#longLink;
    if (typeflag === 0 && draft.name.endsWith("/")) draft.type = "directory";
    const carriesData = draft.type === "file" || typeflag === TYPEFLAG.dumpDirectory;
    const stored = carriesData ? draft.size : 0;
    if (stored < 0) throw badField("size", blockOffset, draft.name);
    if (known === undefined) return this.#skip(draft, typeflag);
    if (this.#extensionStart >= 0) draft.headerOffset = this.#extensionStart;
    draft.dataOffset = this.position;
    draft.storedSize = draft.type === "file" ? stored : 0;
    if (typeflag === TYPEFLAG.oldSparse) return this.#startOldSparse(draft, bytes, start);
    if (this.#local !== undefined && paxSparseVersion(this.#local) !== undefined) {
      return this.#startPaxSparse(draft, this.#local);
    }
    this.#emit(draft, stored);
  }

  #startOldSparse(draft: EntryDraft, bytes: Buffer, start: number): void {
    const offset = this.position - BLOCK_SIZE;
    // star uses the same typeflag for another layout.
    if (dialectOf(bytes, start) !== "gnu") throw this.#badSparse(draft, offset);
    draft.size = readNumber(bytes, start, GNU.realSize);
    this.#draft = draft;
    this.#runs = [];
    this.#continueOldSparse(readOldHeaderRuns(bytes, start, this.#runs));
  }

  #takeOldSparse(bytes: Buffer, start: number): void {
    this.position += BLOCK_SIZE;
    this.#continueOldSparse(readOldExtensionRuns(bytes, start, this.#runs));
  }

  #continueOldSparse(more: boolean): void {
    this.#assertRunsAllowed(this.#runs.length);
    this.#take = this.#takeOldSparse;
    if (!more) this.#emitSparse(this.#runs);
  }

  #startPaxSparse(draft: EntryDraft, records: PaxRecords): void {
    const offset = this.position - BLOCK_SIZE;
    if (draft.type !== "file") throw this.#badSparse(draft, offset);
    draft.name = records.get("GNU.sparse.name") || draft.name;
    const realSize = records.get("GNU.sparse.size") || records.get("GNU.sparse.realsize");
    if (realSize !== undefined && realSize !== "") draft.size = parseInteger(realSize);
    this.#draft = draft;
    if (paxSparseVersion(records) === "1.0") {
      this.#map = new SparseMapReader(this.#limits.maxSparseRuns);
      this.#take = this.#takeSparseMap;
      return;
    }
    const runs = parseSparseMap(records.get("GNU.sparse.map"));
    if (runs === undefined) throw this.#badSparse(draft, offset);
    this.#assertRunsAllowed(runs.length);
    this.#emitSparse(runs);
  }

  #takeSparseMap(bytes: Buffer, start: number): void {
    const draft = this.#draft as EntryDraft;
    const map = this.#map as SparseMapReader;
    if (draft.storedSize < BLOCK_SIZE) throw this.#badSparse(draft, this.position);
    const outcome = map.takeBlock(bytes, start);
    if (outcome === "broken") throw this.#badSparse(draft, this.position);
    if (outcome === "too-long") this.#assertRunsAllowed(Number.POSITIVE_INFINITY);
    this.position += BLOCK_SIZE;
    draft.storedSize -= BLOCK_SIZE;
    if (outcome === "complete") this.#emitSparse(map.runs);
  }

  #emitSparse(runs: SparseRun[]): void {
    const draft = this.#draft as EntryDraft;
    const stored = draft.storedSize;
    const sum = runs.reduce((total, run) => total + run.length, 0);
    if (!isValidSparseMap(runs, draft.size) || sum > stored) throw this.#badSparse(draft, draft.dataOffset);
    draft.sparse = runs.filter((run) => run.length > 0);
    draft.dataOffset = this.position;
    draft.storedSize = sum;
    this.#draft = undefined;
    this.#map = undefined;
    this.#runs = [];
    this.#emit(draft, stored);
  }

  /** Hands out the entry, whose data takes `occupied` bytes in the archive, and moves on to the header after it. */
  #emit(draft: EntryDraft, occupied: number): void {
    settleDraft(draft, draft.headerOffset);
    this.#count(draft);
    this.#step(draft, occupied);
    this.#onEntry(draft);
  }

  #count(entry: Named): void {
    if (++this.#entries <= this.#limits.maxEntries) return;
    const fault = `is one more than the limit of ${this.#limits.maxEntries} entries`;
    throw hostileTar("tar-too-many-entries", fault, { offset: entry.headerOffset, entry: entry.name });
  }

  #skip(draft: EntryDraft, typeflag: number): void {
    const { name, headerOffset, size } = draft;
    this.#step(draft, size);
    this.#options.onSkipped?.({ typeflag: String.fromCharCode(typeflag), name, headerOffset, size });
  }

  #step(entry: Named, occupied: number): void {
    this.#dataEnd = this.position + occupied;
    if (!Number.isSafeInteger(this.#dataEnd + BLOCK_SIZE)) throw badField("size", entry.headerOffset, entry.name);
    this.#last = entry;
    this.#extensionStart = -1;
    this.#longName = "";
    this.#longLink = "";
    this.#local = undefined;
    this.#expectHeader(this.#dataEnd + paddingOf(occupied));
  }

  #expectHeader(position: number): void {
    this.position = position;
    this.want = BLOCK_SIZE;
    this.#take = this.#takeHeader;
  }

  #assertRunsAllowed(count: number): void {
    if (count <= this.#limits.maxSparseRuns) return;
    const fault = `has more than ${this.#limits.maxSparseRuns} runs of data`;
    throw hostileTar("tar-too-many-sparse-runs", fault, { offset: this.position, entry: this.#draft?.name });
  }

  #badSparse(draft: EntryDraft, offset: number): Error {
    return malformedTar("tar-bad-sparse-map", "has a broken sparse map", { offset, entry: draft.name });
  }
}
