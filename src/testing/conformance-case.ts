import type { ErrorKind } from "../base/index.ts";
import type { TarStep } from "./tar-script.ts";
import { type TreeFile, treeScript, treeText } from "./tree-script.ts";

/** What applying the layers must give: a tree, or an error. */
export type Expectation =
  | { readonly tree: readonly TarStep[] }
  | { readonly refusal: { readonly code: string; readonly kind: ErrorKind } };

/** Another answer that a tool may give without being wrong, and why. */
export type Variant = ({ readonly tree: readonly TarStep[] } | { readonly refusal: "any" }) & {
  readonly because: string;
};

/** One image made by hand, and what must become of it. */
export interface ConformanceCase {
  /** Unique, kebab-case. */
  readonly name: string;
  /** Base layer first. */
  readonly layers: readonly (readonly TarStep[])[];
  readonly expected: Expectation;
  /** Why exactly this is right. */
  readonly because: string;
  /** Where it is written: a section of the image specification, a manual page, a CVE. */
  readonly spec: string;
  readonly variants?: readonly Variant[];
}

/** What a tool made of the layers of a case. */
export type Outcome =
  | { readonly kind: "tree"; readonly files: readonly TreeFile[] }
  | { readonly kind: "refused"; readonly code?: string; readonly message: string }
  /** Something outside of the tool's root has changed. */
  | { readonly kind: "escaped"; readonly message: string };

/**
 * - `ok`: the expected tree, or the expected refusal
 * - `variant`: one of the answers that are acceptable too
 * - `differs`: another tree
 * - `refuses`: an error where a tree was expected
 * - `escapes`: files outside of the root were touched
 */
export interface Verdict {
  readonly kind: "ok" | "variant" | "differs" | "refuses" | "escapes";
  /** For `variant` why it is acceptable, else what came instead of what was expected. */
  readonly note: string;
}

/** Whether an outcome is right. Times are compared only when `times` is set: few tools keep those of implied directories. */
export function judge(test: ConformanceCase, outcome: Outcome, options: { readonly times?: boolean } = {}): Verdict {
  if (outcome.kind === "escaped") return { kind: "escapes", note: outcome.message };
  if (matches(test, test.expected, outcome, options)) return { kind: "ok", note: "" };
  const variant = test.variants?.find((variant) => matches(test, variant, outcome, options));
  if (variant !== undefined) return { kind: "variant", note: variant.because };
  if (outcome.kind === "refused") return { kind: "refuses", note: outcome.message };
  return { kind: "differs", note: treeText(outcome.files, textOptions(test, options)) };
}

/** The expected tree as the text that {@link judge} compares, or the expected error. */
export function expectedText(test: ConformanceCase, options: { readonly times?: boolean } = {}): string {
  const { expected } = test;
  if ("refusal" in expected) return `refused: ${expected.refusal.code} (${expected.refusal.kind})\n`;
  return treeText(treeScript(...expected.tree), textOptions(test, options));
}

function matches(
  test: ConformanceCase,
  expected: Expectation | Variant,
  outcome: Outcome,
  options: { readonly times?: boolean },
): boolean {
  if ("refusal" in expected || outcome.kind !== "tree") return "refusal" in expected && outcome.kind === "refused";
  const text = textOptions(test, options);
  return treeText(outcome.files, text) === treeText(treeScript(...expected.tree), text);
}

/** Who unpacks decides about the root directory, unless a layer speaks of it. */
function textOptions(
  test: ConformanceCase,
  { times = false }: { readonly times?: boolean },
): {
  withoutTimes: boolean;
  withoutRoot: boolean;
} {
  const root = "tree" in test.expected && test.expected.tree.some(({ name }) => name === "./");
  return { withoutTimes: !times, withoutRoot: !root };
}
