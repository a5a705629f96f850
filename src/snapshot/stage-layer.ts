import { addDetails, now } from "../base/index.ts";
import { syncDirectory } from "../content/index.ts";
import { addRecord } from "./begin-snapshot.ts";
import { type HeldPlace, holdNewPlace, holdParent, type SnapshotHouse } from "./held-snapshots.ts";
import type { StagedStack } from "./snapshot-driver.ts";
import { snapshotExists } from "./snapshot-errors.ts";
import { assertName } from "./snapshot-name.ts";
import type { SnapshotName, StagedLayer } from "./snapshotter.ts";

/** See `Snapshotter.stage`. */
export async function stageLayer(house: SnapshotHouse, staged: StagedStack): Promise<StagedLayer> {
  const { stack, ...options } = staged;
  const held = await holdNewPlace(house);
  try {
    await house.driver.stage(held.place, stack, options);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw addDetails(error, { layer: staged.layer });
  }
  return stagedLayer(house, held, staged);
}

function stagedLayer(house: SnapshotHouse, held: HeldPlace, staged: StagedStack): StagedLayer {
  let isOver = false;
  const end = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await held[Symbol.asyncDispose]();
  };
  return {
    async commit(name, parent) {
      try {
        await commitStaged(house, { ...staged, held }, { name, parent });
      } catch (error) {
        throw addDetails(error, { layer: staged.layer });
      }
      await end();
    },
    [Symbol.asyncDispose]: end,
  };
}

async function commitStaged(
  house: SnapshotHouse,
  { held, ...staged }: StagedStack & { readonly held: HeldPlace },
  { name, parent }: { readonly name: SnapshotName; readonly parent: SnapshotName | undefined },
): Promise<void> {
  assertName(name);
  if (house.records.read(name) !== undefined) throw snapshotExists(name);
  await using above = await holdParent(house, parent);
  const { content, usage } = await house.driver.commitStaged(held.place, above.parents, staged);
  await syncDirectory(held.place.directory);
  await syncDirectory(house.places.data);
  const time = now();
  const info = { name, kind: "committed" as const, parent, labels: {}, createdAt: time, updatedAt: time, content };
  await addRecord(house, { id: held.place.id, info, usage });
  held.keep();
}
