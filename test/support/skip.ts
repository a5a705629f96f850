import { describe, it } from "vitest";

/** Whether a skip counts as a failure: `npm test -- --no-skips`, as the CI runs it. */
const noSkips = process.env["STRATA_NO_SKIPS"] === "1";

/**
 * A suite that needs something which is not everywhere: a tool, root, test data.
 *
 * Where `condition` holds, `requireOrSkip(name, condition, reason)(body)` is `describe(name, body)`. Where it does not, `body` is never called,
 * one test stands for the whole suite, and the run ends with its name and `reason`; with `--no-skips` that test fails.
 *
 * @example
 * requireOrSkip("umoci agrees", oracles.umoci !== undefined, "umoci is not installed")(() => {
 *   it("on whiteouts", ...);
 * });
 */
export function requireOrSkip(name: string, condition: boolean, reason: string): (body: () => void) => void {
  if (condition) return (body) => void describe(name, body);
  return () =>
    void describe(name, () => {
      it("runs", ({ skip }) => {
        skipTest(skip, reason);
      });
    });
}

/** Ends a test that needs something which is not here, by its own `skip`; with `--no-skips` it fails. */
export function skipTest(skip: (reason: string) => never, reason: string): never {
  if (noSkips) throw new Error(`Skipped although nothing may be: ${reason}`);
  return skip(reason);
}
