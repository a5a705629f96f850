import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyMissing } from "../support/oracles.ts";
import { skipTest } from "../support/skip.ts";
import { examplesOf, pages } from "./doc-examples.ts";
import { ExampleRunner } from "./example-runner.ts";

const examples = pages().flatMap(examplesOf);

describe("the examples of the documentation", () => {
  let runner: ExampleRunner;
  beforeAll(() => {
    runner = new ExampleRunner();
  });
  afterAll(() => runner[Symbol.asyncDispose]());

  it("are there: commands and programs, on the first page too", () => {
    const kinds = examples.filter(({ page }) => page === "README.md").map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "console").length).toBeGreaterThanOrEqual(3);
    expect(kinds.filter((kind) => kind === "program").length).toBeGreaterThanOrEqual(1);
  });

  it("have the types that the library has", () => {
    expect(runner.complaints(examples.filter(({ kind }) => kind === "program"))).toBe("");
  });

  it.for(examples.map((example) => [`${example.page}:${example.line}`, example] as const))(
    "print what the page shows: %s",
    async ([, example], { skip }) => {
      const missing = example.needsMount ? whyMissing(["mount"]) : undefined;
      if (missing !== undefined) skipTest(skip, missing);
      expect(await runner.outputOf(example)).toBe(example.output);
    },
  );
});
