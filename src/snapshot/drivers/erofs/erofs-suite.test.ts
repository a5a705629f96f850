import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, it } from "vitest";
import { describeWith } from "../../../../test/support/oracles.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

describeWith(["root", "mount"], "the driver erofs", () => {
  const directory = mkdtempSync(join(tmpdir(), "erofs-suite-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  for (const { name, run } of snapshotterSuite(() => localSnapshotterPlace(directory, "erofs"), { canMount: true })) {
    it(name, run);
  }
});
