import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../../test/support/scratch-mount.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

describeWith(["root", "mount"], "the driver erofs", () => {
  let place: ScratchMount;
  beforeAll(() => {
    // In memory syncs cost nothing; the kernel mounts from there through loop devices.
    place = makeScratchMount();
  });
  afterAll(() => place[Symbol.dispose]());
  const make = () => localSnapshotterPlace(place.directory, "erofs");
  for (const { name, run } of snapshotterSuite(make, { canMount: true }))
    test(name, () => expect(run()).resolves.toBeUndefined());
});
