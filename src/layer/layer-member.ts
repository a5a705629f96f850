import { type ByteString, type FileTime, isLater } from "../base/index.ts";
import {
  SMALLEST_SPARSE,
  type SparseRun,
  sparseRunsToWrite,
  type TarHeaderFields,
  type TarMember,
} from "../tar/index.ts";
import type { FileContents, FileReader } from "./listed-layer.ts";

/** Where members have their data from. */
export interface MemberContext<Entry, Contents extends FileContents<Entry> = FileContents<Entry>> {
  readonly contents: Contents;
  /** Of the contents, which the caller disposes. */
  readonly reader: FileReader<Entry> | undefined;
}

/** The member of a header, with the data of the entry where it is a file that has some; of one with holes only its runs. */
export function memberOf<Entry>(
  header: TarHeaderFields,
  entry: Entry,
  { contents, reader }: MemberContext<Entry>,
): TarMember {
  const { type, size } = header;
  if (type !== "file" || size === 0) return { entry: header };
  const data = reader?.read(entry);
  if (data !== undefined) return { entry: header, data };
  const runs = size <= SMALLEST_SPARSE ? undefined : contents.dataRuns?.(entry);
  const sparse = runs === undefined ? undefined : sparseRunsToWrite(runs, size);
  if (sparse !== undefined) return { entry: { ...header, sparse }, data: dataOf(contents, entry, sparse) };
  return { entry: header, data: dataOf(contents, entry, [WHOLE]) };
}

const WHOLE: SparseRun = { offset: 0, length: Number.POSITIVE_INFINITY };

async function* dataOf<Entry>(
  contents: FileContents<Entry>,
  entry: Entry,
  runs: readonly SparseRun[],
): AsyncGenerator<Uint8Array> {
  const source = await contents.open(entry);
  await using _ = source;
  for (const { offset, length } of runs) yield* source.stream({ start: offset, end: offset + length });
}

/** The time, or the latest that files may have. */
export function clampedTime(time: FileTime, latest: FileTime | undefined): FileTime {
  return latest !== undefined && isLater(time, latest) ? latest : time;
}

/**
 * Gives hardlinks the capabilities of their files, as the headers of one tar pass through it in order. A link has the attributes
 * of its file, whatever it says; but some programs set the owner with it, which takes this one away.
 */
export function capabilityCarrier(): (header: TarHeaderFields) => TarHeaderFields {
  const known = new Map<ByteString, ReadonlyMap<ByteString, Uint8Array>>();
  return (header) => {
    const { name, type } = header;
    const capability = type === "file" ? header.xattrs?.get(CAPABILITY) : undefined;
    if (capability !== undefined) known.set(name, new Map([[CAPABILITY, capability]]));
    const xattrs = type === "hardlink" ? known.get(header.linkName ?? "") : undefined;
    if (xattrs === undefined) return header;
    known.set(name, xattrs);
    return { ...header, xattrs };
  };
}

const CAPABILITY = "security.capability";
