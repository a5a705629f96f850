import { StrataError } from "../base/index.ts";
import { errnoOf, kindOf } from "./exit-code.ts";
import { instructionOf } from "./instruction.ts";
import { printableText } from "./printable.ts";
import type { Style } from "./style.ts";

export interface ReportOptions {
  /** One JSON object instead of lines. */
  readonly json: boolean;
  /** Adds the stack and those of the causes. */
  readonly debug: boolean;
  readonly style: Style;
}

/** Details that have a line of their own, in the order in which they narrow the place down. */
const PLACES = ["image", "option", "layer", "path", "entry", "offset", "digest"] as const;

/** An error as the user reads it: what is wrong, where, and what to do; ends with a newline. */
export function reportError(error: unknown, options: ReportOptions): string {
  return options.json ? `${JSON.stringify(toJson(error, options))}\n` : toLines(error, options);
}

function toLines(error: unknown, options: ReportOptions): string {
  const { style } = options;
  const details = detailsOf(error);
  let text = `${style.red("strata:")} ${printableText(messageOf(error))}\n`;
  for (const place of PLACES) {
    if (details[place] === undefined) continue;
    text += `  ${style.dim(`${place}:`)} ${printableText(placeText(place, details))}\n`;
  }
  const hint = error instanceof StrataError ? error.hint : undefined;
  if (hint !== undefined) text += `  ${style.dim("hint:")} ${printableText(hint)}\n`;
  else if (kindOf(error) === "internal") text += `  ${style.dim("hint:")} ${INTERNAL_HINT}\n`;
  return options.debug ? `${text}${stacks(error)}` : text;
}

const INTERNAL_HINT = "This is a bug in strata; STRATA_DEBUG=1 shows where it happened";

function toJson(error: unknown, { debug }: ReportOptions): Record<string, unknown> {
  const isOurs = error instanceof StrataError;
  return {
    error: {
      code: isOurs ? error.code : (errnoOf(error) ?? "internal"),
      kind: kindOf(error),
      message: messageOf(error),
      ...detailsOf(error),
      ...(isOurs && error.hint !== undefined ? { hint: error.hint } : {}),
      ...(debug ? { stack: stacks(error) } : {}),
    },
  };
}

function placeText(place: (typeof PLACES)[number], details: Details): string {
  const { createdBy } = details;
  const value = String(details[place]);
  return place === "layer" && typeof createdBy === "string" ? `${value} (${instructionOf(createdBy)})` : value;
}

type Details = Readonly<Record<string, unknown>>;

function detailsOf(error: unknown): Details {
  return error instanceof StrataError ? error.details : {};
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stacks(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) parts.push(at.stack ?? at.message);
  return `${parts.join("\ncaused by: ")}\n`;
}
