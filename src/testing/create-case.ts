import { type ByteString, memorySource, toText } from "../base/index.ts";
import { scanTarSync, type TarEntry } from "../tar/index.ts";
import { clampEntryName } from "../tree/index.ts";
import type { DirectoryEdit } from "./adapters/edit-directory.ts";
import type { Verdict } from "./conformance-case.ts";
import { type TarStep, tarScript } from "./tar-script.ts";
import { type TreeFile, treeText } from "./tree-script.ts";

/** Something done to a directory, and the changeset that it must give. */
export interface CreateCase {
  /** Unique, kebab-case. */
  readonly name: string;
  /** What makes the lower directory. */
  readonly lower: readonly (TarStep | DirectoryEdit)[];
  /** What is then done to a copy of it. */
  readonly edits: readonly (TarStep | DirectoryEdit)[];
  /**
   * The entries of the changeset, in any order, the root's left out. Owners, modes, contents, targets and attributes count;
   * of a marker only its name. Left out where only the result counts: that applying it to the lower directory gives the upper.
   */
  readonly entries?: readonly TarStep[];
  /** Whether times of entries count too. */
  readonly times?: boolean;
  /** SOURCE_DATE_EPOCH, in seconds. */
  readonly epoch?: number;
  readonly because: string;
  /** Where the field tests it. */
  readonly origin: string;
  /** Other entries that describe the same, and why. */
  readonly variants?: readonly { readonly entries: readonly TarStep[]; readonly because: string }[];
}

/** What a tool made of a case. */
export type CreateOutcome =
  | {
      readonly kind: "created";
      readonly tar: Uint8Array;
      /** Whether a second run gave the same bytes. */
      readonly isRepeatable: boolean;
      /** The directory that was meant, and what applying the changeset to a copy of the lower one gave; absent where nobody applied it. */
      readonly upper: readonly TreeFile[];
      readonly applied?: readonly TreeFile[] | undefined;
    }
  | { readonly kind: "refused"; readonly message: string };

/** Whether a changeset is right: its entries, its bytes a second time, and what comes of applying it. */
export function judgeCreated(test: CreateCase, outcome: CreateOutcome): Verdict {
  if (outcome.kind === "refused") return { kind: "refuses", note: outcome.message };
  if (!outcome.isRepeatable) return { kind: "differs", note: "Another run gave other bytes" };
  const { applied, upper } = outcome;
  const options = { withoutTimes: test.epoch !== undefined };
  if (applied !== undefined && treeText(applied, options) !== treeText(upper, options)) {
    return { kind: "differs", note: `Applied it gives\n${treeText(applied, options)}` };
  }
  const text = entriesText(outcome.tar, test);
  if (test.entries === undefined || text === entriesText(tarScript(...test.entries), test))
    return { kind: "ok", note: "" };
  const variant = test.variants?.find(({ entries }) => text === entriesText(tarScript(...entries), test));
  return variant === undefined ? { kind: "differs", note: text } : { kind: "variant", note: variant.because };
}

/** The entries of a changeset as text, one line for each, sorted by their names; the root is left out. */
export function entriesText(tar: Uint8Array, { times = false }: { readonly times?: boolean } = {}): string {
  const lines: string[] = [];
  scanTarSync(memorySource(tar), (entry) => {
    const name = clampEntryName(entry.name);
    if (name !== "") lines.push(`${toText(name)} ${factsOf(entry, name, tar)}${times ? timeOf(entry) : ""}\n`);
  });
  return lines.sort().join("");
}

function factsOf(entry: TarEntry, name: ByteString, tar: Uint8Array): string {
  if (/(^|\/)\.wh\.[^/]*$/.test(name)) return "marker";
  if (entry.type === "hardlink") return `= ${toText(clampEntryName(entry.linkName))}`;
  const owner = `${entry.uid}:${entry.gid}`;
  const xattrs = [...(entry.xattrs ?? [])]
    .map(([key, value]) => ` ${key}=${Buffer.from(value).toString("hex")}`)
    .sort();
  const mode = entry.type === "symlink" ? "" : ` ${entry.mode.toString(8).padStart(4, "0")}`;
  return `${entry.type}${mode} ${owner}${contentOf(entry, tar)}${xattrs.join("")}`;
}

function contentOf({ type, linkName, devMajor, devMinor, dataOffset, storedSize }: TarEntry, tar: Uint8Array): string {
  if (type === "symlink") return ` -> ${toText(linkName)}`;
  if (type === "char" || type === "block") return ` ${devMajor}:${devMinor}`;
  if (type !== "file") return "";
  return ` ${JSON.stringify(Buffer.from(tar.subarray(dataOffset, dataOffset + storedSize)).toString("latin1"))}`;
}

function timeOf({ mtime }: TarEntry): string {
  return ` @${mtime.seconds}.${String(mtime.nanoseconds).padStart(9, "0")}`;
}
