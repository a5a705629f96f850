/**
 * `npx tsx scripts/update-examples.ts [PAGE…]`: runs the examples of the documentation and writes what they print into the pages. Read
 * the difference before you commit it: the tests demand that pages and programs agree, not that they are right.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DocExample, examplesOf, pages, withOutputs } from "../test/docs/doc-examples.ts";
import { ExampleRunner } from "../test/docs/example-runner.ts";
import { whyMissing } from "../test/support/oracles.ts";
import { ROOT } from "./setup.mjs";

const wanted = process.argv.slice(2);
const missing = whyMissing(["mount"]);
await using runner = new ExampleRunner();
for (const page of wanted.length > 0 ? wanted : pages()) await updatePage(page);

async function updatePage(page: string): Promise<void> {
  const outputs: string[] = [];
  for (const example of examplesOf(page)) outputs.push(await outputOf(example));
  if (outputs.length > 0) writeFileSync(join(ROOT, page), withOutputs(page, outputs));
}

/** Of what cannot be run here the page's own. */
async function outputOf(example: DocExample): Promise<string> {
  if (missing === undefined || !example.needsMount) return await runner.outputOf(example);
  console.error(`${example.page}:${example.line} is left as it is: ${missing}`);
  return example.output;
}
