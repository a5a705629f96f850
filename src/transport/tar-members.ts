import { type ByteString, fromText, StrataError, sliceSource, toText } from "../base/index.ts";
import { type LocatedSource, sliceLocation } from "../content/index.ts";
import { scanTar, type TarEntry } from "../tar/index.ts";
import type { Members } from "./members.ts";

/** After that many entries only names that occur in image archives are kept: the rest may be a root file system. */
const KEEP_ALL = 65_536;
const PLAUSIBLE =
  /(?:^|\/)(?:manifest\.json|index\.json|oci-layout|repositories|json|VERSION|layer\.tar|[0-9a-f:]{32,}[^/]*)$/;
const MAX_LINKS = 40;

type Member = Pick<TarEntry, "type" | "dataOffset" | "size" | "storedSize" | "linkName">;

/** The files in a tar archive. */
export interface TarMembers extends Members {
  /** Names of all members that were kept, without `./`, in archive order; a name that occurs twice has its last place. */
  names(): Iterable<string>;
}

/**
 * Finds the files in an uncompressed tar by its headers. `source` belongs to the members once there are any: whoever
 * gets an error instead disposes it.
 * `onEntry` sees every entry first and may throw to give up.
 */
export async function openTarMembers(
  source: LocatedSource,
  place: string,
  options: { readonly signal?: AbortSignal | undefined; readonly onEntry?: (name: ByteString) => void } = {},
): Promise<TarMembers> {
  const members = new Map<ByteString, Member>();
  const keep = (entry: TarEntry): void => {
    const name = cleanName(entry.name);
    options.onEntry?.(name);
    if (members.size >= KEEP_ALL && !PLAUSIBLE.test(name)) return;
    const { type, dataOffset, size, storedSize, linkName } = entry;
    members.delete(name);
    members.set(name, { type, dataOffset, size, storedSize, linkName });
  };
  await scanTar(source, keep, { signal: options.signal });
  const find = (name: string): Member | undefined => followLinks(members, cleanName(fromText(name)), place);
  return {
    place,
    names: function* () {
      for (const name of members.keys()) yield toText(name);
    },
    has: async (name) => find(name) !== undefined,
    open: async (name) => {
      const member = find(name);
      return member === undefined ? undefined : memberSource(source, member, name);
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** The regular file that a name stands for, through symbolic and hard links inside the archive. */
function followLinks(members: ReadonlyMap<ByteString, Member>, start: ByteString, place: string): Member | undefined {
  let name = start;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const member = members.get(name);
    if (member === undefined || member.type === "file") return member;
    if (member.type === "hardlink") name = cleanName(member.linkName);
    else if (member.type === "symlink") name = resolveLink(name, member.linkName, place);
    else return undefined;
  }
  throw new StrataError({
    code: "member-link-loop",
    kind: "hostile",
    message: `The links of ${JSON.stringify(toText(start))} in ${place} form a loop`,
    details: { entry: toText(start) },
  });
}

function resolveLink(name: ByteString, target: ByteString, place: string): ByteString {
  const parts = target.startsWith("/") ? [] : name.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) throw escapes(name, target, place);
    } else if (part !== "" && part !== ".") {
      parts.push(part);
    }
  }
  return parts.join("/");
}

function escapes(name: ByteString, target: ByteString, place: string): StrataError {
  return new StrataError({
    code: "member-link-escapes",
    kind: "hostile",
    message: `${JSON.stringify(toText(name))} in ${place} links to ${JSON.stringify(toText(target))}, outside of the archive`,
    details: { entry: toText(name) },
  });
}

function memberSource(whole: LocatedSource, member: Member, name: string): LocatedSource {
  const { dataOffset, size, storedSize } = member;
  if (size !== storedSize) {
    throw new StrataError({
      code: "sparse-member",
      kind: "unsupported",
      message: `${JSON.stringify(name)} is stored as a sparse file`,
      details: { entry: name },
      hint: "Make the archive again without tar's option --sparse",
    });
  }
  const { location } = whole;
  const slice = sliceSource(whole, dataOffset, size);
  return location === undefined ? slice : { ...slice, location: sliceLocation(location, dataOffset, size) };
}

function cleanName(name: ByteString): ByteString {
  if (!/(?:^|\/)\.?(?:\/|$)/.test(name)) return name;
  return name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}
