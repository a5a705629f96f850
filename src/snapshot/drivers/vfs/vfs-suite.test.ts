import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyMissing } from "../../../../test/support/oracles.ts";
import { makeScratchMount } from "../../../../test/support/scratch-mount.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

const canMount = whyMissing(["mount"]) === undefined;

/** In memory where that can be: many small syncs take their time on a disk that others use. */
function makeScratch(): { readonly directory: string } & Disposable {
  if (canMount) return makeScratchMount();
  const directory = mkdtempSync(join(tmpdir(), "vfs-suite-"));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

describe("the driver vfs", () => {
  let place: ReturnType<typeof makeScratch>;
  beforeAll(() => {
    place = makeScratch();
  });
  afterAll(() => place[Symbol.dispose]());
  const make = () => localSnapshotterPlace(place.directory, "vfs");
  for (const { name, run } of snapshotterSuite(make, { canMount }))
    it(name, () => expect(run()).resolves.toBeUndefined());
});
