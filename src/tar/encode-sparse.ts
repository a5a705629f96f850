import type { ByteString } from "../base/index.ts";
import type { SparseRun } from "./entry.ts";
import { paddingOf } from "./header-block.ts";

/** Smaller holes are not worth a run: a page, which no file system undercuts where it counts. */
const SMALLEST_HOLE = 4096;
/** Readers bound the map of a sparse file: Go's archive/tar to 1 MiB. This many runs never come near it. */
const MOST_RUNS = 16_384;

/**
 * The runs of data to write for a file of `size` bytes: within the file, without empty ones, holes only where they save space, and no
 * more than any reader takes. Undefined when there are no such holes: the file is best written whole.
 *
 * @param runs ascending and not overlapping, as a file system tells them
 */
export function sparseRunsToWrite(runs: readonly SparseRun[], size: number): readonly SparseRun[] | undefined {
  const inside = runs
    .map(({ offset, length }) => ({ offset, length: Math.min(length, size - offset) }))
    .filter(({ length }) => length > 0);
  let hole = SMALLEST_HOLE;
  let kept = fillHoles(inside, hole, size);
  while (kept.length > MOST_RUNS) {
    hole *= 2;
    kept = fillHoles(kept, hole, size);
  }
  const [only] = kept;
  return kept.length === 1 && only?.offset === 0 && only.length === size ? undefined : kept;
}

/** Holes below a size become data. */
function fillHoles(runs: readonly SparseRun[], smallest: number, size: number): SparseRun[] {
  const kept: SparseRun[] = [];
  let end = 0;
  for (const { offset, length } of [...runs, { offset: size, length: 0 }]) {
    const last = kept.at(-1);
    const isFilled = offset - end < smallest;
    const start = isFilled ? end : offset;
    if (isFilled && last !== undefined)
      kept[kept.length - 1] = { offset: last.offset, length: offset + length - last.offset };
    else if (offset + length > start) kept.push({ offset: start, length: offset + length - start });
    end = offset + length;
  }
  return kept;
}

/**
 * The map of GNU sparse 1.0 that stands before the data, in whole blocks: count of runs, then offset and length of each. GNU tar gives
 * a file that ends in a hole its length only through an empty run at its end.
 */
export function encodeSparseMap(runs: readonly SparseRun[], size: number): Buffer {
  const last = runs.at(-1);
  const all = last !== undefined && last.offset + last.length === size ? runs : [...runs, { offset: size, length: 0 }];
  const text = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])].join("\n");
  const bytes = Buffer.alloc(text.length + 1 + paddingOf(text.length + 1));
  bytes.write(`${text}\n`, 0, "latin1");
  return bytes;
}

/** The records that announce it. */
export function sparseRecords(name: ByteString, size: number): readonly (readonly [ByteString, ByteString])[] {
  return [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", name],
    ["GNU.sparse.realsize", String(size)],
  ];
}

/** What readers that do not know sparse files shall call what they find, as GNU tar has it. */
export function sparseStandInName(name: ByteString): ByteString {
  const slash = name.lastIndexOf("/") + 1;
  return `${name.slice(0, slash)}GNUSparseFile.0/${name.slice(slash)}`;
}
