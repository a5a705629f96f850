import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/setup.mjs";
import { pages } from "./doc-examples.ts";

const LINK = /\]\(([^)\s]+)\)/g;
const FENCE = /^```[\s\S]*?^```$/gm;

/** Links of a page that lead nowhere: to a file that is not there, or to a heading that a page does not have. */
function brokenLinks(page: string): string[] {
  const text = readFileSync(join(ROOT, page), "utf8").replace(FENCE, "");
  return [...text.matchAll(LINK)].flatMap(([, link = ""]) => (isBroken(page, link) ? [link] : []));
}

function isBroken(page: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return false;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !anchorsOf(target).includes(anchor);
}

/** As GitHub makes them: lower case, without punctuation, blanks as hyphens. */
function anchorsOf(page: string): string[] {
  const headings = readFileSync(join(ROOT, page), "utf8").matchAll(/^#+ (.*)$/gm);
  return Array.from(headings, ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the links of the documentation", () => {
  it.each([...pages(), "CONTRIBUTING.md", "CHANGELOG.md", "examples/layers/README.md"])(
    "lead somewhere: %s",
    (page) => {
      expect(brokenLinks(page)).toEqual([]);
    },
  );
});
