/**
 * `npx tsx scripts/update-examples.ts [PAGE…]`: runs the examples of the documentation and writes what they print into the pages. Read
 * the difference before you commit it: the tests demand that pages and programs agree, not that they are right.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { examplesOf, pages, withOutputs } from "../test/docs/doc-examples.ts";
import { ExampleRunner } from "../test/docs/example-runner.ts";
import { ROOT } from "./setup.mjs";

const wanted = process.argv.slice(2);
using runner = new ExampleRunner();
for (const page of wanted.length > 0 ? wanted : pages()) {
  const outputs = examplesOf(page).map((example) => runner.outputOf(example));
  if (outputs.length > 0) writeFileSync(join(ROOT, page), withOutputs(page, outputs));
}
