import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapConcurrent } from "../../src/base/index.ts";
import { createLocalContentStore } from "../../src/content/index.ts";
import { digestStream } from "../../src/oci/index.ts";
import { openArtifact } from "../../src/transport/index.ts";
import { copyByName, makeQuickDirectory } from "../support/copy-fixtures.ts";
import { FixtureLayout, layerOf, named, writeFiles } from "../support/image-fixtures.ts";
import { describeWith } from "../support/oracles.ts";
import { requireOrSkip } from "../support/skip.ts";
import type { CopyTask } from "./copy-child.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";

let root: string;
let source: string;
let child: ChildProgram<CopyTask>;
beforeAll(async () => {
  root = await makeQuickDirectory();
  source = join(root, "source");
  const layout = new FixtureLayout();
  const noise = (seed: number): string => "abcdefgh".repeat(100_000 + seed);
  const layers = await Promise.all(
    [1, 2, 3].map((seed) => layerOf({ [`file-${seed}`]: noise(seed) }, { compress: false })),
  );
  const [old, next] = [layout.image(layers.slice(0, 1)), layout.image(layers)];
  await writeFiles(source, layout.finish([named(old, "old"), named(next, "next")]));
  child = await buildChild<CopyTask>("copy-child.ts");
});
afterAll(() => {
  child[Symbol.dispose]();
  rmSync(root, { recursive: true, force: true });
});

const rootAt = async (name: string): Promise<string> => {
  await using artifact = await openArtifact(name);
  return artifact.root.digest;
};

/** Where each transport keeps its image in a directory of its own. */
const PLACES = { oci: "image", "oci-archive": "image.tar", "docker-archive": "image.tar" } as const;
type Transport = keyof typeof PLACES;

/** A place that has the old image. */
async function placeWithOld(transport: Transport): Promise<string> {
  const directory = join(root, `old-${transport}`);
  mkdirSync(directory, { recursive: true });
  await copyByName(`oci:${source}:old`, `${transport}:${join(directory, PLACES[transport])}:app:v1`);
  return directory;
}

/** Everything that is visible is right, and nothing is left over. */
async function assertTidy(directory: string, transport: Transport): Promise<void> {
  expect(readdirSync(directory)).toEqual([PLACES[transport]]);
  if (transport !== "oci") return;
  const layout = join(directory, PLACES.oci);
  expect(readdirSync(layout).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  await using store = await createLocalContentStore({ directory: layout, isReadOnly: true });
  for await (const { digest, size } of store.list()) {
    await using blob = await store.open(digest);
    expect(await digestStream(blob.stream())).toEqual({ digest, size });
  }
}

const KILLS = 9;
/** The last calls, in which the new image appears. */
const LAST = 6;

requireOrSkip(
  "a copy that is killed",
  process.platform !== "win32",
  "no signals on Windows",
)(() => {
  it.each(["oci", "oci-archive", "docker-archive"] as const)(
    "at any moment leaves %s: as it was or complete, and the next run completes it",
    async (transport) => {
      const before = await placeWithOld(transport);
      const images = [await rootAt(`oci:${source}:old`), await rootAt(`oci:${source}:next`)];
      const outcomes = new Map<string, number>();
      const attempt = async (directory: string, dieBefore?: number) => {
        cpSync(before, directory, { recursive: true });
        const to = `${transport}:${join(directory, PLACES[transport])}:app:v1`;
        const end = await child.run({
          from: `oci:${source}:next`,
          to,
          ...(dieBefore === undefined ? {} : { dieBefore }),
        });
        expect(end.stderr).toBe("");
        return { to, end };
      };
      const whole = await attempt(join(root, `${transport}-whole`));
      const calls = whole.end.lines.at(-1)?.calls ?? 0;
      const spread = Array.from({ length: KILLS }, (_, i) => 1 + Math.floor((i * (calls - LAST)) / KILLS));
      const points = [...new Set([...spread, ...Array.from({ length: LAST }, (_, i) => calls - i)])];
      let killed = 0;
      await mapConcurrent(points, 2, async (point) => {
        const directory = join(root, `${transport}-${point}`);
        const { to, end } = await attempt(directory, point);
        // How many calls a run needs depends on what arrives together: one that needs fewer ends before its point.
        if (end.signal === "SIGKILL") killed++;
        else expect(calls - point).toBeLessThan(LAST);
        const found = await rootAt(to);
        expect(images).toContain(found);
        outcomes.set(found, (outcomes.get(found) ?? 0) + 1);
        await copyByName(`oci:${source}:next`, to);
        expect(await rootAt(to)).toBe(images[1]);
        await assertTidy(directory, transport);
        rmSync(directory, { recursive: true });
      });
      expect(points.length).toBeGreaterThanOrEqual(15);
      expect(killed).toBeGreaterThan(points.length - LAST);
      expect(outcomes.get(images[0] ?? "")).toBeGreaterThan(5);
    },
  );
});

describeWith(["mount", "root"], "a copy to a disk that is full", () => {
  it.each(["oci", "oci-archive", "docker-archive"] as const)("leaves %s: as it was", async (transport) => {
    const disk = join(root, `disk-${transport}`);
    mkdirSync(disk);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=2000000", "none", disk]).status).toBe(0);
    try {
      const place = join(disk, PLACES[transport]);
      const to = `${transport}:${place}:app:v1`;
      await copyByName(`oci:${source}:old`, to);
      await expect(copyByName(`oci:${source}:next`, to)).rejects.toMatchObject({
        code: "no-space",
        kind: "unavailable",
      });
      expect(await rootAt(to)).toBe(await rootAt(`oci:${source}:old`));
      if (transport !== "oci") expect(readdirSync(disk)).toEqual([basename(place)]);
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  });
});

describeWith(["mount", "root"], "a copy to a directory that cannot be written", () => {
  it.each(["oci", "oci-archive", "docker-archive"] as const)("is told at once for %s:", async (transport) => {
    const disk = join(root, `read-only-${transport}`);
    mkdirSync(disk);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "none", disk]).status).toBe(0);
    try {
      await expect(copyByName(`oci:${source}:old`, `${transport}:${disk}/x:v1`)).rejects.toMatchObject({
        code: "read-only-file-system",
      });
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  });
});

describe("two copies into one place at once", () => {
  it("both end well in a layout, which then has both names", async () => {
    const layout = join(root, "shared");
    const names = ["old", "next", "old", "next"];
    await Promise.all(names.map((name, i) => copyByName(`oci:${source}:${name}`, `oci:${layout}:name-${i}`)));
    for (const [i, name] of names.entries()) {
      expect(await rootAt(`oci:${layout}:name-${i}`)).toBe(await rootAt(`oci:${source}:${name}`));
    }
    expect(readdirSync(layout).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("end as one archive, whole", async () => {
    const directory = join(root, "shared-archive");
    mkdirSync(directory);
    const to = `docker-archive:${directory}/x.tar`;
    await Promise.all(["old", "next"].map((name) => copyByName(`oci:${source}:${name}`, to)));
    expect([await rootAt(`oci:${source}:old`), await rootAt(`oci:${source}:next`)]).toContain(await rootAt(to));
    expect(readdirSync(directory)).toEqual(["x.tar"]);
  });
});
