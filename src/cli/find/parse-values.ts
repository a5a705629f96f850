import { invalidExpression } from "./expression.ts";

/** A number to compare with: `N` exactly, `+N` more, `-N` less. */
export type Comparison = (value: number) => boolean;

/** Parses `[+-]N`. */
export function parseComparison(name: string, text: string): Comparison {
  const match = /^([+-]?)([0-9]{1,15})$/.exec(text);
  if (match === null) throw invalidExpression(`"${text}" after ${name} is not a number`);
  return comparison(match[1] as string, Number(match[2]));
}

function comparison(sign: string, wanted: number): Comparison {
  if (sign === "+") return (value) => value > wanted;
  if (sign === "-") return (value) => value < wanted;
  return (value) => value === wanted;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 512,
  b: 512,
  c: 1,
  w: 2,
  k: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** Parses `[+-]N[bcwkMGT]`; sizes are rounded up to the unit, as in find(1): `-size -1M` means empty. */
export function parseSizeTest(text: string): Comparison {
  const match = /^([+-]?)([0-9]{1,15})([bcwkMGT]?)$/.exec(text);
  if (match === null) throw invalidExpression(`"${text}" after -size is not a size`, "Such as +100k or -5M");
  const unit = SIZE_UNITS[match[3] ?? ""] as number;
  const compare = comparison(match[1] as string, Number(match[2]));
  return (size) => compare(Math.ceil(size / unit));
}

/** Parses the argument of `-perm`: `MODE` exactly, `-MODE` all of its bits, `/MODE` any of them; octal or symbolic. */
export function parsePermissionTest(text: string): Comparison {
  const sign = /^[-/]/.exec(text)?.[0] ?? "";
  const wanted = parseMode(text.slice(sign.length));
  if (wanted === undefined)
    throw invalidExpression(`"${text}" after -perm is not a mode`, "Such as 644, -4000 or /u+w,g+w");
  if (sign === "-") return (mode) => (mode & wanted) === wanted;
  if (sign === "/") return (mode) => wanted === 0 || (mode & wanted) !== 0;
  return (mode) => mode === wanted;
}

const WHO_BITS: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const PERMISSION_BITS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000, X: 0 };

/** Octal, or symbolic as in chmod(1) starting from 0; undefined when it is neither. */
function parseMode(text: string): number | undefined {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    return mode <= 0o7777 ? mode : undefined;
  }
  let mode = 0;
  for (const clause of text.split(",")) {
    const match = /^([ugoa]*)([+=-])([rwxXst]*)$/.exec(clause);
    if (match === null) return undefined;
    const [, who = "", operator, permissions = ""] = match;
    const mask = who === "" ? 0o7777 : [...who].reduce((bits, one) => bits | (WHO_BITS[one] ?? 0), 0);
    const bits = [...permissions].reduce((all, one) => all | (PERMISSION_BITS[one] ?? 0), 0) & mask;
    if (operator === "+") mode |= bits;
    else if (operator === "-") mode &= ~bits;
    else mode = (mode & ~mask) | bits;
  }
  return mode;
}

/**
 * Parses a date as `-newermt` takes it: `2024-01-31`, `2024-01-31 12:30[:15]`, RFC 3339, `@SECONDS`. Without a zone it
 * means local time.
 *
 * @returns seconds since the epoch
 */
export function parseDate(text: string): number {
  const seconds = /^@(-?[0-9]{1,12})(\.[0-9]+)?$/.exec(text);
  if (seconds !== null) return Number(text.slice(1));
  // A lone date is UTC to JavaScript.
  const isDay = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text);
  const time = Date.parse(isDay ? `${text}T00:00:00` : text.replace(" ", "T"));
  if (Number.isNaN(time))
    throw invalidExpression(`"${text}" after -newermt is not a date`, "Such as 2024-01-31 or @1700000000");
  return time / 1000;
}
