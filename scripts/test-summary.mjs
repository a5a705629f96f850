/** `node scripts/test-summary.mjs REPORT`: what vitest's JSON report says, in vitest's own words and then as `N passed, N failed, N skipped`. */
import { existsSync, readFileSync } from "node:fs";

const [, , path = ""] = process.argv;
const report = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
if (report === undefined) console.error(`The tests left no report at ${path}.`);

const {
  numPassedTests: passed = 0,
  numFailedTests = 0,
  numPendingTests = 0,
  numTodoTests = 0,
  testResults = [],
} = report ?? { numFailedTests: 1 };
const brokenFiles = testResults.filter(
  (/** @type {{ status: string, assertionResults: { status: string }[] }} */ { status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
// A file that cannot even be loaded has no tests that could fail: it counts as one.
const failed = numFailedTests + brokenFiles;

console.log(`\n Test Files  ${testResults.length}`);
console.log(`      Tests  ${passed} passed | ${failed} failed | ${numPendingTests + numTodoTests} skipped`);
console.log(`${passed} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
