import { describe, expect, it } from "vitest";
import { expectedText, judge, runOnLibrary, treeScript, treeText, whiteoutCases } from "../../src/testing/index.ts";

describe("the conformance suite", () => {
  const cases = [...whiteoutCases.values()].flat();

  it("has unique names, and variants that differ from what is expected", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const test of cases) {
      for (const variant of test.variants ?? []) {
        if (!("tree" in variant) || !("tree" in test.expected)) continue;
        const plain = { withoutTimes: true };
        expect(treeText(treeScript(...variant.tree), plain), test.name).not.toBe(
          treeText(treeScript(...test.expected.tree), plain),
        );
      }
    }
  });

  it("holds at least sixty cases", () => {
    expect(cases.length).toBeGreaterThan(60);
  });
});

for (const [chapter, cases] of whiteoutCases) {
  describe(`our library: ${chapter}`, () => {
    it.each(cases.map((test) => [test.name, test] as const))("%s", (_, test) => {
      const outcome = runOnLibrary(test);
      const verdict = judge(test, outcome, { times: true });
      if (verdict.kind !== "ok" && outcome.kind === "tree") expect(verdict.note).toBe(expectedText(test, { times: true }));
      expect(verdict).toEqual({ kind: "ok", note: "" });
      if (outcome.kind === "refused" && "refusal" in test.expected) expect(outcome.code).toBe(test.expected.refusal.code);
    });
  });
}
