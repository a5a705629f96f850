import type { ByteString, FileTime } from "../base/index.ts";
import { badField, type EntryDraft } from "./entry-draft.ts";
import { parseInteger, parsePaxTime, xattrsOf } from "./pax-fields.ts";
import type { PaxRecords } from "./pax-records.ts";

/**
 * Overrides the draft with the records; an empty value leaves the header's. `size` is that of the stored data.
 *
 * @throws `tar-bad-field` for a value that is not what its keyword wants.
 */
export function applyPax(draft: EntryDraft, records: PaxRecords, offset: number): void {
  const text = (keyword: string): ByteString | undefined => records.get(keyword) || undefined;
  draft.name = text("path") ?? draft.name;
  draft.linkName = text("linkpath") ?? draft.linkName;
  draft.uname = text("uname") ?? draft.uname;
  draft.gname = text("gname") ?? draft.gname;
  const integer = (keyword: string): number | undefined => {
    const value = text(keyword);
    const parsed = value === undefined ? undefined : parseInteger(value);
    if (Number.isNaN(parsed)) throw badField(keyword, offset, draft.name);
    return parsed;
  };
  draft.uid = integer("uid") ?? draft.uid;
  draft.gid = integer("gid") ?? draft.gid;
  draft.size = integer("size") ?? draft.size;
  const time = (keyword: string): FileTime | undefined => {
    const value = text(keyword);
    if (value === undefined) return undefined;
    const parsed = parsePaxTime(value);
    if (parsed === undefined) throw badField(keyword, offset, draft.name);
    return parsed;
  };
  draft.mtime = time("mtime") ?? draft.mtime;
  draft.atime = time("atime") ?? draft.atime;
  draft.ctime = time("ctime") ?? draft.ctime;
  draft.xattrs = xattrsOf(records);
}

/** Keywords that say where entries lie and what they are called: in a global header they would rename every entry. */
const NEVER_GLOBAL: ReadonlySet<string> = new Set(["path", "linkpath", "size", "hdrcharset"]);

/** Adds the records of a global header to those of earlier ones; an empty value takes one back. */
export function mergeGlobalPax(earlier: PaxRecords | undefined, records: PaxRecords): PaxRecords | undefined {
  const merged = new Map(earlier);
  for (const [keyword, value] of records) {
    if (NEVER_GLOBAL.has(keyword) || keyword.startsWith("GNU.sparse.")) continue;
    if (value === "") merged.delete(keyword);
    else merged.set(keyword, value);
  }
  return merged.size === 0 ? undefined : merged;
}

/** The records that hold for one entry: its own over the global ones. */
export function effectivePax(global: PaxRecords | undefined, local: PaxRecords | undefined): PaxRecords | undefined {
  if (global === undefined || local === undefined) return local ?? global;
  return new Map([...global, ...local]);
}
