/** What `JSON.parse` lets pass. Indexes count characters of the text. */
export type JsonTrouble =
  | { readonly kind: "depth"; readonly index: number }
  | { readonly kind: "duplicate"; readonly key: string; readonly index: number };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Finds nesting beyond `maxDepth` (at once) or else the first key that an object has twice.
 * One pass over brackets and strings; text that is not JSON gives an answer without meaning, but never an endless one.
 */
export function findJsonTrouble(text: string, maxDepth: number): JsonTrouble | undefined {
  /** One element for each open bracket: the keys of an object so far, undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  const interesting = /["{}[\]]/g;
  let duplicate: JsonTrouble | undefined;
  for (let match = interesting.exec(text); match !== null; match = interesting.exec(text)) {
    const { 0: token, index } = match;
    if (token === '"') {
      interesting.lastIndex = endOfString(text, index);
      duplicate ??= repeatedKey(text, index, interesting.lastIndex, open.at(-1));
    } else if (token === "}" || token === "]") {
      open.pop();
    } else {
      if (open.length === maxDepth) return { kind: "depth", index };
      open.push(token === "{" ? new Set() : undefined);
    }
  }
  return duplicate;
}

/** Notes the string `[start, end)` when it is a key; tells when the object has had it before. */
function repeatedKey(text: string, start: number, end: number, keys: Set<string> | undefined): JsonTrouble | undefined {
  if (keys === undefined || !isFollowedByColon(text, end)) return undefined;
  const key = decodeKey(text.slice(start, end));
  if (keys.has(key)) return { kind: "duplicate", key, index: start };
  keys.add(key);
  return undefined;
}

/** The index after the closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return text.length;
}

function isFollowedByColon(text: string, from: number): boolean {
  let i = from;
  while (" \t\n\r".includes(text.charAt(i)) && i < text.length) i++;
  return text.charCodeAt(i) === COLON;
}

/** Two spellings of one key (`"a"`, `"\u0061"`) are the same key. */
function decodeKey(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}
