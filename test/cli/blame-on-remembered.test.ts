import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runStrata, SAMPLE } from "./run-strata.ts";

const place = mkdtempSync(join(tmpdir(), "strata-blame-"));
afterAll(() => rmSync(place, { recursive: true }));

it("blame tells what the layers of a base did although only the base's tree is remembered", async () => {
  const cache = ["--cache-dir", join(place, "cache")];
  const patched = join(place, "patched.tar");
  await runStrata(["edit", SAMPLE, "--mkdir", "/etc/more", "-t", `docker-archive:${patched}:patched:1`]);
  await runStrata(["ls", ...cache, SAMPLE]);
  const { code, stdout } = await runStrata(["blame", ...cache, patched, "/app/hello.sh"]);
  expect(code).toBe(0);
  expect(stdout).toBe((await runStrata(["blame", "--no-cache", patched, "/app/hello.sh"])).stdout);
});
