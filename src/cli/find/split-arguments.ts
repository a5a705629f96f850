import { PRIMARIES } from "./primaries.ts";

export interface SplitArguments {
  /** What the command's own parser takes: options with two dashes, the image, the paths. */
  readonly own: readonly string[];
  /** The words of the expression. */
  readonly expression: readonly string[];
}

/**
 * Separates the words of `strata find` into what commander understands and the expression, which has options with one
 * dash and many letters. The expression begins, as in find(1), at the first word that begins with `-`, `(` or `!` and is
 * no option of strata's; options with two dashes may also stand between its primaries.
 *
 * @param valued options with two dashes that take a value, such as `--layer`
 */
export function splitArguments(args: readonly string[], valued: ReadonlySet<string>): SplitArguments {
  const own: string[] = [];
  const expression: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word.startsWith("--") || (word === "-q" && expression.length === 0)) {
      own.push(word);
      if (valued.has(word) && i + 1 < args.length) own.push(args[++i] as string);
    } else if (expression.length > 0 || startsExpression(word)) {
      expression.push(word);
      if (PRIMARIES[word] === 1 && i + 1 < args.length) expression.push(args[++i] as string);
    } else {
      own.push(word);
    }
  }
  return { own, expression };
}

function startsExpression(word: string): boolean {
  return word === "(" || word === "!" || (word.startsWith("-") && word.length > 1);
}
