import { StrataError } from "../../base/index.ts";
import { IGNORED, PRIMARIES, REFUSED } from "./primaries.ts";

/** An expression of find(1) as a tree. */
export type Expression =
  | { readonly kind: "and" | "or" | "list"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "primary"; readonly name: string; readonly argument: string };

/**
 * Parses the words of an expression: `( )`, `! -not`, `-a -and` or nothing between, `-o -or`, `,`, in this order of
 * precedence. Where no primary prints, `-print` is added, as find(1) does.
 *
 * @throws StrataError `invalid-expression`
 */
export function parseExpression(words: readonly string[]): Expression {
  const parser = new Parser(words.filter((word) => !IGNORED.has(word)));
  const expression = parser.parse();
  if (expression === undefined) return PRINT;
  return prints(expression) ? expression : { kind: "and", left: expression, right: PRINT };
}

const PRINT: Expression = { kind: "primary", name: "-print", argument: "" };
const ACTIONS: ReadonlySet<string> = new Set(["-print", "-print0", "-ls", "-printf"]);

function prints(expression: Expression): boolean {
  switch (expression.kind) {
    case "primary":
      return ACTIONS.has(expression.name);
    case "not":
      return prints(expression.operand);
    default:
      return prints(expression.left) || prints(expression.right);
  }
}

const MAX_NESTING = 500;

/** Recursive descent, one method for each level of precedence. */
class Parser {
  readonly #words: readonly string[];
  #at = 0;
  #nesting = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  parse(): Expression | undefined {
    if (this.#words.length === 0) return undefined;
    const expression = this.#list();
    const extra = this.#words[this.#at];
    if (extra !== undefined) throw invalidExpression(`"${extra}" is not expected here`);
    return expression;
  }

  #list(): Expression {
    let left = this.#or();
    while (this.#take(",")) left = { kind: "list", left, right: this.#or() };
    return left;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#take("-o", "-or")) left = { kind: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#take("-a", "-and") || this.#beginsOperand()) left = { kind: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    let isNegated = false;
    while (this.#take("!", "-not")) isNegated = !isNegated;
    const operand = this.#operand();
    return isNegated ? { kind: "not", operand } : operand;
  }

  #operand(): Expression {
    if (!this.#take("(")) return this.#primary();
    if (++this.#nesting > MAX_NESTING) throw invalidExpression("There are too many parentheses");
    const expression = this.#list();
    if (!this.#take(")")) throw invalidExpression('A ")" is missing');
    this.#nesting--;
    return expression;
  }

  #primary(): Expression {
    const name = this.#words[this.#at++];
    if (name === undefined) throw invalidExpression("Something is missing at the end");
    const takes = Object.hasOwn(PRIMARIES, name) ? PRIMARIES[name] : undefined;
    if (takes === undefined) throw unknownPrimary(name);
    if (takes === 0) return { kind: "primary", name, argument: "" };
    const argument = this.#words[this.#at++];
    if (argument === undefined) throw invalidExpression(`"${name}" needs something after it`);
    return { kind: "primary", name, argument };
  }

  #beginsOperand(): boolean {
    const word = this.#words[this.#at];
    return word !== undefined && ![")", ",", "-o", "-or"].includes(word);
  }

  #take(...words: readonly string[]): boolean {
    const isNext = words.includes(this.#words[this.#at] ?? "");
    if (isNext) this.#at++;
    return isNext;
  }
}

/** An error in an expression of the user. */
export function invalidExpression(message: string, hint?: string): StrataError {
  return new StrataError({
    code: "invalid-expression",
    kind: "invalid-argument",
    message,
    ...(hint === undefined ? {} : { hint }),
  });
}

function unknownPrimary(name: string): StrataError {
  if (REFUSED.has(name)) {
    const hint = "An image is only read; `strata find … -print0` feeds xargs -0, `strata cp` copies files out";
    return invalidExpression(`"${name}" would write or run something`, hint);
  }
  if (!name.startsWith("-"))
    return invalidExpression(`"${name}" is not expected here`, "Paths come before the expression");
  return invalidExpression(`find has no "${name}"`, "`strata find --help` lists what there is");
}
