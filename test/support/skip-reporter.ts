import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Prints, at the end of a run, every test that was skipped, and why. Knows reasons given as `skip(reason)`, as `requireOrSkip` gives them. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    if (skipped.length === 0) return;
    console.log(`\nSkipped (${skipped.length}), and why:`);
    for (const test of skipped) console.log(`  ${titleOf(test)}: ${reasonOf(test)}`);
    if (process.env["STRATA_NO_SKIPS"] !== "1") return;
    console.log("Nothing may be skipped in this run (--no-skips).");
    process.exitCode = 1;
  }
}

function titleOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" ? result.note : undefined) ?? "no reason given";
}
