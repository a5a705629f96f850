import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { LISTING } from "../../src/cli/list-image.ts";
import { openDocuments } from "../../src/index.ts";
import { type RunResult, runStrata, SAMPLE } from "./run-strata.ts";

const place = mkdtempSync(join(tmpdir(), "strata-listing-"));
afterAll(() => rmSync(place, { recursive: true }));

describe("the listing that is kept", () => {
  const image = join(place, "image.tar");
  const cache = join(place, "cache");
  const list = async (...words: string[]): Promise<RunResult> =>
    await runStrata(["ls", "-R", "--json", ...words, image]);
  const listWithCache = async (...words: string[]): Promise<RunResult> => await list("--cache-dir", cache, ...words);

  beforeEach(() => {
    rmSync(cache, { recursive: true, force: true });
    copyFileSync(SAMPLE, image);
  });

  async function kept(): Promise<string | undefined> {
    await using documents = await openDocuments(image, { cache });
    const bytes = await documents.recall(LISTING);
    return bytes && Buffer.from(bytes).toString();
  }

  it("is what was printed, and is printed again", async () => {
    expect(await kept()).toBeUndefined();
    const { stdout } = await listWithCache();
    expect(await kept()).toBe(stdout);
    expect((await listWithCache()).stdout).toBe(stdout);
    expect((await list("--no-cache")).stdout).toBe(stdout);
  });

  it("has another name when the same files are printed otherwise", async () => {
    const { bytes } = await list("--no-cache");
    const digest = createHash("sha256").update(bytes).digest("hex");
    expect({ LISTING, digest }).toEqual({
      LISTING: "ls-json/1",
      digest: "61d0b0c41d4693ff98d3e03390d94e99c76d40ef6106279166b7956c1e1e23b1",
    });
  });

  it("is not that of another view", async () => {
    const { stdout } = await listWithCache();
    expect((await listWithCache("--layer", "0")).stdout).not.toBe(stdout);
    const below = await runStrata(["ls", "-R", "--json", "--cache-dir", cache, image, "/app"]);
    expect(below.stdout).toMatch(/^\{"path":"\/app\//);
  });

  it("says nothing of a file that was changed since", async () => {
    await listWithCache();
    const bytes = readFileSync(image);
    bytes[bytes.indexOf("Have a nice day.")] = 0x68;
    writeFileSync(image, bytes);
    expect(await kept()).toBeUndefined();
    expect((await listWithCache()).code).toBe(4);
  });

  it("does not go around limits", async () => {
    await listWithCache();
    await using documents = await openDocuments(image, { cache, limits: { maxEntries: 5 } });
    expect(await documents.recall(LISTING)).toBeUndefined();
    await expect(documents.load()).rejects.toMatchObject({ code: "tar-too-many-entries" });
  });

  it("is not made of bytes that nobody verified", async () => {
    await listWithCache("--no-verify");
    expect(await kept()).toBeUndefined();
    await listWithCache();
    await using documents = await openDocuments(image, { cache, verify: false });
    expect(await documents.recall(LISTING)).toBeUndefined();
  });

  it("is made anew where it was damaged", async () => {
    const { stdout } = await listWithCache();
    for (const name of readdirSync(cache)) writeFileSync(join(cache, name), "damaged");
    expect(await kept()).toBeUndefined();
    expect((await listWithCache()).stdout).toBe(stdout);
    expect(await kept()).toBe(stdout);
  });
});
