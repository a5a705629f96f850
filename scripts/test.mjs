/**
 * `npm test [-- [--no-skips] ARGS…]`: all set-up, then the tests. ARGS go to vitest.
 *
 * `--no-skips` turns every skipped test into a failure. The result is also written to .cache/vitest.json.
 */
import { ensureOracles } from "./oracles.mjs";
import { ensureBuilt, ensureInstalled, run } from "./setup.mjs";

const REPORTERS = [
  "--reporter=default",
  "--reporter=./test/support/skip-reporter.ts",
  "--reporter=json",
  "--outputFile.json=.cache/vitest.json",
];

const args = process.argv.slice(2);
const noSkips = args.includes("--no-skips");

ensureInstalled();
ensureOracles();
ensureBuilt();
process.exitCode = run(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", ...REPORTERS, ...args.filter((arg) => arg !== "--no-skips")],
  noSkips ? { STRATA_NO_SKIPS: "1" } : {},
);
