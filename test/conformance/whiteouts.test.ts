import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type ConformanceCase,
  expectedText,
  judge,
  OUTSIDE,
  runOnCommand,
  runOnLibrary,
  treeScript,
  treeText,
  type Verdict,
  whiteoutCases,
} from "../../src/testing/index.ts";
import { describeWith } from "../support/oracles.ts";

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
      if (verdict.kind !== "ok" && outcome.kind === "tree")
        expect(verdict.note).toBe(expectedText(test, { times: true }));
      expect(verdict).toEqual({ kind: "ok", note: "" });
      if (outcome.kind === "refused" && "refusal" in test.expected)
        expect(outcome.code).toBe(test.expected.refusal.code);
    });
  });
}

/** Where umoci 0.4.7 is wrong. A newer one may be right. */
const UMOCI_DEVIATIONS: Readonly<Record<string, Verdict["kind"]>> = {
  // `.wh...` in the root removes the directory that holds the root.
  "marker-of-the-parent-of-the-root": "escapes",
};

describeWith(["umoci", "bwrap", "getfattr", "root"], "umoci", () => {
  const umoci = { name: "umoci", script: 'umoci raw unpack --image "$LAYOUT:$TAG" "$OUT"' };
  for (const [chapter, cases] of whiteoutCases) {
    it(`agrees on: ${chapter}`, () => {
      for (const test of cases) {
        const { kind, note } = judge(test, runOnCommand(test, umoci));
        const accepted = ["ok", "variant", UMOCI_DEVIATIONS[test.name]];
        expect(accepted, `${test.name}: ${kind}\n${note}`).toContain(kind);
      }
    });
  }
});

describeWith(["tar", "bwrap", "getfattr", "root"], "the sandbox of the suite", () => {
  const naive = {
    name: "an extractor that trusts names",
    script: 'for layer in $LAYERS; do tar -xPf $layer -C "$OUT" 2>/dev/null || true; done',
  };
  const find = (name: string): ConformanceCase => {
    const found = [...whiteoutCases.values()].flat().find((test) => test.name === name);
    if (found === undefined) throw new Error(`There is no case ${name}`);
    return found;
  };

  it("notices what was written at the root of the machine, and keeps it there", () => {
    expect(judge(find("breakout-absolute-symlink"), runOnCommand(find("breakout-absolute-symlink"), naive)).kind).toBe(
      "escapes",
    );
    expect(existsSync(`/${OUTSIDE}`)).toBe(false);
  });

  it("notices what was written beside the tool's root", () => {
    const test = find("name-that-climbs-above-the-root");
    expect(judge(test, runOnCommand(test, naive)).kind).toBe("escapes");
  });

  it("calls markers that were unpacked as files different", () => {
    const test = find("whiteout-removes-a-file");
    expect(judge(test, runOnCommand(test, naive)).kind).toBe("differs");
  });

  it("calls a failing command a refusal", () => {
    const test = find("whiteout-removes-a-file");
    expect(judge(test, runOnCommand(test, { name: "none", script: "echo no >&2; exit 3" }))).toEqual({
      kind: "refuses",
      note: "no",
    });
  });
});
