import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { whyMissing } from "../../test/support/oracles.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../testing/index.ts";

/** In memory, where there is such a place: many small syncs take their time on a disk that others use. */
const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "snapshotter-suite-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the driver vfs", () => {
  for (const { name, run } of snapshotterSuite(() => localSnapshotterPlace(directory, "vfs"), {
    canMount: whyMissing(["mount"]) === undefined,
  })) {
    it(name, run);
  }
});
