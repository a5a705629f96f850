/** One way in which a registry wants to be convinced, RFC 9110 11.6.1. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case; of a parameter that comes twice, the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_LENGTH = 16 * 1024;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const SPACE = /[\s,]*/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"?/y;
const BARE = /[^\s,"]*/y;

/**
 * Parses `WWW-Authenticate`: several challenges, in one header or joined, quoted and bare values, any spacing and case.
 * What cannot be understood is left out; never throws.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, MAX_LENGTH);
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    at += match?.[0].length ?? 0;
    return match;
  };
  while (at < text.length) {
    take(SPACE);
    const word = take(TOKEN)?.[0];
    // Neither a scheme nor a name starts here: step over it, so that the rest is still read.
    if (word === undefined) at++;
    else if (take(EQUALS) === null) found.push({ scheme: word.toLowerCase(), parameters: new Map() });
    else addParameter(found.at(-1)?.parameters, word, take(QUOTED)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? take(BARE)?.[0]);
  }
  return found;
}

function addParameter(parameters: Map<string, string> | undefined, name: string, value: string | undefined): void {
  const key = name.toLowerCase();
  if (value !== undefined && parameters?.has(key) === false) parameters.set(key, value);
}
