import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../../test/support/scratch-mount.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

describeWith(["mount"], "the driver overlay", () => {
  let place: ScratchMount;
  beforeAll(() => {
    place = makeScratchMount();
  });
  afterAll(() => place[Symbol.dispose]());
  const make = () => localSnapshotterPlace(place.directory, "overlay");
  for (const { name, run } of snapshotterSuite(make, { canMount: true }))
    test(name, () => expect(run()).resolves.toBeUndefined());
});
