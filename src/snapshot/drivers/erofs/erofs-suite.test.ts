import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { describeWith } from "../../../../test/support/oracles.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

describeWith(["root", "mount"], "the driver erofs", () => {
  const directory = mkdtempSync(join(tmpdir(), "erofs-suite-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const make = (): ReturnType<typeof localSnapshotterPlace> => localSnapshotterPlace(directory, "erofs");
  for (const { name, run } of snapshotterSuite(make, { canMount: true }))
    it(name, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
});
