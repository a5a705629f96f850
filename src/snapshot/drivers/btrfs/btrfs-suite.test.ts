import { afterAll, beforeAll, expect, test } from "vitest";
import { type BtrfsPlace, makeBtrfs } from "../../../../test/support/btrfs-place.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { localSnapshotterPlace, snapshotterSuite } from "../../../testing/index.ts";

describeWith(["mkfs.btrfs", "mount"], "the driver btrfs", () => {
  let place: BtrfsPlace;
  beforeAll(() => {
    place = makeBtrfs();
  });
  afterAll(() => place[Symbol.dispose]());
  const make = () => localSnapshotterPlace(place.directory, "btrfs");
  for (const { name, run } of snapshotterSuite(make, { canMount: true }))
    test(name, () => expect(run()).resolves.toBeUndefined());
});
