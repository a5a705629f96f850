import type { ByteString } from "../base/index.ts";
import type { SparseRun } from "./entry.ts";
import { BLOCK_SIZE, GNU, readNumber } from "./header-block.ts";
import { parseInteger } from "./pax-fields.ts";
import type { PaxRecords } from "./pax-records.ts";

const OLD_RUN_LENGTH = 24;
const OLD_FIELD_LENGTH = 12;
const OLD_EXTENSION_RUNS = 21;
const OLD_EXTENSION_CONTINUES = 504;

/** Which of GNU's ways to store a sparse file in PAX the records announce; undefined for none or an unknown one. */
export function paxSparseVersion(records: PaxRecords): "0.x" | "1.0" | undefined {
  const major = records.get("GNU.sparse.major");
  const minor = records.get("GNU.sparse.minor");
  if (major === undefined && minor === undefined) return records.get("GNU.sparse.map") ? "0.x" : undefined;
  if (major === "0" && (minor === "0" || minor === "1")) return "0.x";
  return major === "1" && minor === "0" ? "1.0" : undefined;
}

/** Parses the comma-separated map of GNU sparse 0.1 (and the gathered one of 0.0). Undefined when it is broken. */
export function parseSparseMap(text: ByteString | undefined): SparseRun[] | undefined {
  if (text === undefined || text === "") return [];
  const numbers = text.split(",").map(parseInteger);
  return numbers.length % 2 === 0 ? pairUp(numbers) : undefined;
}

/** Appends the runs of an old GNU header block; true when an extension block follows. NaN marks broken numbers. */
export function readOldHeaderRuns(bytes: Buffer, start: number, runs: SparseRun[]): boolean {
  readOldRuns(bytes, start + GNU.sparse.at, GNU.sparse.length / OLD_RUN_LENGTH, runs);
  return bytes[start + GNU.isExtended.at] !== 0;
}

/** Appends the runs of an old GNU extension block; true when another one follows. NaN marks broken numbers. */
export function readOldExtensionRuns(bytes: Buffer, start: number, runs: SparseRun[]): boolean {
  readOldRuns(bytes, start, OLD_EXTENSION_RUNS, runs);
  return bytes[start + OLD_EXTENSION_CONTINUES] !== 0;
}

/**
 * Reads the map that GNU sparse 1.0 puts before the data, block by block: a count of runs, then offset and length of
 * each, decimal numbers that each end in a newline, padded to whole blocks.
 */
export class SparseMapReader {
  readonly #maxRuns: number;
  readonly #numbers: number[] = [];
  #count = -1;
  #pending = 0;
  #digits = 0;

  constructor(maxRuns: number) {
    this.#maxRuns = maxRuns;
  }

  /** Takes the next block of the map; tells whether the map is complete, needs more, is broken or too long. */
  takeBlock(bytes: Buffer, start: number): "complete" | "more" | "broken" | "too-long" {
    for (let i = start; i < start + BLOCK_SIZE && !this.#isComplete(); i++) {
      const byte = bytes[i] as number;
      if (byte === 0x0a) {
        if (!this.#takeNumber()) return "broken";
        if (this.#count > this.#maxRuns) return "too-long";
      } else if (byte >= 0x30 && byte <= 0x39 && this.#digits < 16) {
        this.#pending = this.#pending * 10 + byte - 0x30;
        this.#digits++;
      } else return "broken";
    }
    return this.#isComplete() ? "complete" : "more";
  }

  /** The runs, once the map is complete. */
  get runs(): SparseRun[] {
    return pairUp(this.#numbers);
  }

  #isComplete(): boolean {
    return this.#count >= 0 && this.#numbers.length === 2 * this.#count;
  }

  #takeNumber(): boolean {
    if (this.#digits === 0) return false;
    if (this.#count < 0) this.#count = this.#pending;
    else this.#numbers.push(this.#pending);
    this.#pending = 0;
    this.#digits = 0;
    return true;
  }
}

/** Whether the runs are exact numbers, ascend, do not overlap and lie within a file of `size` bytes. */
export function isValidSparseMap(runs: readonly SparseRun[], size: number): boolean {
  let end = 0;
  for (const { offset, length } of runs) {
    // Written so that NaN fails.
    if (!(offset >= end && length >= 0 && offset + length <= size)) return false;
    end = offset + length;
  }
  return true;
}

function readOldRuns(bytes: Buffer, start: number, count: number, runs: SparseRun[]): void {
  for (let i = 0, at = start; i < count && bytes[at] !== 0; i++, at += OLD_RUN_LENGTH) {
    const offset = readNumber(bytes, at, { at: 0, length: OLD_FIELD_LENGTH });
    const length = readNumber(bytes, at, { at: OLD_FIELD_LENGTH, length: OLD_FIELD_LENGTH });
    runs.push({ offset, length });
  }
}

function pairUp(numbers: readonly number[]): SparseRun[] {
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    runs.push({ offset: numbers[i] as number, length: numbers[i + 1] as number });
  }
  return runs;
}
