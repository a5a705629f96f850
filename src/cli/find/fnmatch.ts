/**
 * fnmatch(3) as find(1) calls it: `*` and `?` also match `/` and a leading dot, `[…]` with ranges, `[!…]` and
 * `[[:class:]]`, `\` takes the next character literally. Time is bounded by pattern × text.
 */
export interface FnmatchOptions {
  readonly ignoreCase?: boolean;
}

type Matcher = (text: string) => boolean;
type One = (character: string) => boolean;
/** What one place of a pattern matches: one character, or any run of them. */
type Token = One | "star";

/** Compiles a pattern. The matcher takes whole texts; characters are code points. */
export function compileFnmatch(pattern: string, { ignoreCase = false }: FnmatchOptions = {}): Matcher {
  const tokens = tokenize(ignoreCase ? pattern.toLowerCase() : pattern);
  return (text) => matches(tokens, [...(ignoreCase ? text.toLowerCase() : text)]);
}

/** Two pointers: on a mismatch the last star takes one character more. */
function matches(tokens: readonly Token[], text: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === "star") {
      starToken = token++;
      starAt = at;
    } else if (wanted?.(text[at] as string) === true) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (tokens[token] === "star") token++;
  return token === tokens.length;
}

function tokenize(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let i = 0; i < characters.length; ) {
    const character = characters[i] as string;
    const bracket = character === "[" ? parseBracket(characters, i) : undefined;
    if (bracket !== undefined) {
      tokens.push(bracket.one);
      i = bracket.end;
      continue;
    }
    if (character === "*") tokens.push("star");
    else if (character === "?") tokens.push(() => true);
    else if (character === "\\" && i + 1 < characters.length) tokens.push(literal(characters[++i] as string));
    else tokens.push(literal(character));
    i++;
  }
  return tokens;
}

function literal(wanted: string): One {
  return (character) => character === wanted;
}

/** A bracket expression that starts at `[`; undefined when it never ends, and then `[` stands for itself. */
function parseBracket(characters: readonly string[], start: number): { one: One; end: number } | undefined {
  let i = start + 1;
  const isNegated = characters[i] === "!" || characters[i] === "^";
  if (isNegated) i++;
  const members: One[] = [];
  for (let isFirst = true; characters[i] !== "]" || isFirst; isFirst = false) {
    const member = parseMember(characters, i);
    if (member === undefined) return undefined;
    members.push(member.one);
    i = member.end;
  }
  const one: One = (character) => members.some((member) => member(character)) !== isNegated;
  return { one, end: i + 1 };
}

/** One class, range or character inside brackets. */
function parseMember(characters: readonly string[], start: number): { one: One; end: number } | undefined {
  const named = parseClass(characters, start);
  if (named !== undefined) return named;
  const low = parseCharacter(characters, start);
  if (low === undefined) return undefined;
  if (characters[low.end] !== "-" || characters[low.end + 1] === "]") return { one: literal(low.text), end: low.end };
  const high = parseCharacter(characters, low.end + 1);
  if (high === undefined) return undefined;
  const [from, to] = [low.text.codePointAt(0) as number, high.text.codePointAt(0) as number];
  const one: One = (character) => {
    const code = character.codePointAt(0) as number;
    return code >= from && code <= to;
  };
  return { one, end: high.end };
}

function parseCharacter(characters: readonly string[], at: number): { text: string; end: number } | undefined {
  const start = characters[at] === "\\" && at + 1 < characters.length ? at + 1 : at;
  const text = characters[start];
  return text === undefined ? undefined : { text, end: start + 1 };
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /\p{L}/u,
  digit: /[0-9]/,
  alnum: /[\p{L}\p{Nd}]/u,
  upper: /\p{Lu}/u,
  lower: /\p{Ll}/u,
  space: /\s/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  cntrl: /\p{Cc}/u,
  xdigit: /[0-9A-Fa-f]/,
  print: /[^\p{Cc}]/u,
  graph: /[^\p{Cc}\s]/u,
};

function parseClass(characters: readonly string[], start: number): { one: One; end: number } | undefined {
  if (characters[start] !== "[" || characters[start + 1] !== ":") return undefined;
  const rest = characters.slice(start, start + 12).join("");
  const name = /^\[:([a-z]+):\]/.exec(rest)?.[1];
  const members = name === undefined ? undefined : CLASSES[name];
  if (name === undefined || members === undefined) return undefined;
  return { one: (character) => members.test(character), end: start + name.length + 4 };
}
