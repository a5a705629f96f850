import { type ByteString, StrataError, toText } from "../base/index.ts";

/**
 * Cleans the name of an archive entry to a path below the root: no leading or trailing slash, no `.`, no `..`, no
 * doubled slash; the root itself is `""`. `a/../b` is `b`: the cleaning is lexical, as in every layer extractor.
 *
 * @throws StrataError `path-escapes-root` (hostile) when the name climbs above the root, as `../etc/passwd` does
 */
export function cleanEntryName(name: ByteString): ByteString {
  if (isClean(name)) return name;
  const parts: ByteString[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw escapesRoot(name);
  }
  return parts.join("/");
}

/** {@link cleanEntryName} as the kernel does inside a chroot: `..` at the root stays at the root. For link targets. */
export function clampEntryName(name: ByteString): ByteString {
  if (isClean(name)) return name;
  const parts: ByteString[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The part before the last slash of a clean path; `""` (the root) when there is none. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The part after the last slash of a clean path. */
export function baseNameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Joins a clean directory path and a name. */
export function joinPath(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Whether a name needs no cleaning; most names in real layers do not, so this scan avoids the split. */
function isClean(name: ByteString): boolean {
  let start = 0;
  for (let i = 0; i <= name.length; i++) {
    if (i < name.length && name.charCodeAt(i) !== SLASH) continue;
    if (i === start || (name.charCodeAt(start) === DOT && isDots(name, start, i))) return name === "";
    start = i + 1;
  }
  return true;
}

function isDots(name: ByteString, start: number, end: number): boolean {
  return end - start === 1 || (end - start === 2 && name.charCodeAt(start + 1) === DOT);
}

function escapesRoot(name: ByteString): StrataError {
  return new StrataError({
    code: "path-escapes-root",
    kind: "hostile",
    message: `The entry name "${toText(name)}" climbs above the root`,
    details: { entry: toText(name) },
  });
}

const SLASH = 0x2f;
const DOT = 0x2e;
