import { realpathSync } from "node:fs";
import { now } from "../base/index.ts";
import type { Changeset } from "../changeset/index.ts";
import type { ContentStore, IndexCache } from "../content/index.ts";
import { makeDirectoryDurably } from "../content/index.ts";
import { beginSnapshot } from "./begin-snapshot.ts";
import {
  ancestorsOf,
  drivenOf,
  type HeldSnapshot,
  holdParent,
  holdSnapshot,
  type SnapshotHouse,
} from "./held-snapshots.ts";
import { loadDriver } from "./load-driver.ts";
import { RecordTable } from "./record-table.ts";
import { removeSnapshot } from "./remove-snapshot.ts";
import type { DrivenSnapshot } from "./snapshot-driver.ts";
import { snapshotNotActive, snapshotNotCommitted, snapshotNotFound } from "./snapshot-errors.ts";
import { makeSnapshotPlaces, snapshotPlaces } from "./snapshot-places.ts";
import type { DriverName, LayerStack, Mount, SnapshotInfo, Snapshotter, SnapshotUsage } from "./snapshotter.ts";

/** Where snapshots lie and how they are kept. */
export interface SnapshotterOptions {
  /** Holds a directory for each driver; made when it is missing. */
  readonly root: string;
  readonly driver: DriverName;
  /** Has the layers' tars, under their diffIDs. The caller keeps it open as long as the snapshotter. */
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  /**
   * Keeps blobs from being freed until the result is disposed: a commit may make one that nobody knows of before the
   * commit is recorded. Called before any lock is taken. Without it whoever frees blobs has to be kept away otherwise.
   */
  readonly holdBlobs?: (() => Promise<AsyncDisposable>) | undefined;
}

/**
 * Opens the snapshots of one driver. Any number of processes may do so at once.
 * @throws StrataError as `fileError`; what the driver throws where it cannot work
 */
export async function openSnapshotter(options: SnapshotterOptions): Promise<Snapshotter> {
  const { root, driver, content, indexCache, holdBlobs } = options;
  await makeDirectoryDurably(root);
  // Mount tables tell real paths, and these are looked up there.
  const places = snapshotPlaces(realpathSync.native(root), driver);
  await makeSnapshotPlaces(places);
  return snapshotterOf({
    places,
    holdBlobs,
    records: new RecordTable(places),
    driver: await loadDriver(driver, { root: places.root, content, indexCache }),
  });
}

/** A snapshotter on a driver that is made already. */
export function snapshotterOf(house: SnapshotHouse): Snapshotter {
  const { records, driver } = house;
  return {
    driver: driver.name,
    prepare: (key, parent, options = {}) => beginSnapshot(house, { ...options, key, parent, kind: "active" }),
    view: (key, parent, options = {}) => beginSnapshot(house, { ...options, key, parent, kind: "view" }),
    async commit(name, key, options) {
      const { commitSnapshot } = await import("./commit-snapshot.ts");
      await commitSnapshot(house, name, key, options);
    },
    changeset: (name, options = {}) => withSnapshot(house, name, (held) => changesetOf(house, held, options)),
    mounts: (key) => withSnapshot(house, key, (held) => mountsOf(house, held)),
    remove: (name) => removeSnapshot(house, name),
    stat: async (name) => {
      const record = records.read(name);
      if (record === undefined) throw snapshotNotFound(name);
      return record.info;
    },
    update: (name, labels) => updateLabels(house, name, labels),
    async *walk() {
      for (const { info } of await records.all()) yield info;
    },
    usage: (name) => withSnapshot(house, name, (held) => usageOf(house, held)),
    async cleanup() {
      const { cleanupSnapshots } = await import("./cleanup-snapshots.ts");
      return await cleanupSnapshots(house);
    },
    async stage(stack, layer, options = {}) {
      const { stageLayer } = await import("./stage-layer.ts");
      return await stageLayer(house, { ...options, stack, layer });
    },
    warm: (name, stack) => withSnapshot(house, name, (held) => warm(house, held, stack)),
    async [Symbol.asyncDispose]() {},
  };
}

async function withSnapshot<T>(
  house: SnapshotHouse,
  name: string,
  body: (held: HeldSnapshot) => Promise<T>,
): Promise<T> {
  await using held = await holdSnapshot(house, name);
  return await body(held);
}

async function changesetOf(
  house: SnapshotHouse,
  { record, snapshot }: HeldSnapshot,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Changeset> {
  if (record.info.kind === "view") throw snapshotNotActive(record.info.name, "compare");
  await using parent = await holdParent(house, record.info.parent);
  return await house.driver.changeset(snapshot, parent.parents, options);
}

async function mountsOf(house: SnapshotHouse, { record, snapshot }: HeldSnapshot): Promise<readonly Mount[]> {
  if (record.info.kind === "committed") throw snapshotNotActive(record.info.name, "mount");
  // Whoever warms the parent is waited for, so that nothing is done twice.
  await using parent = await holdParent(house, record.info.parent);
  return await house.driver.mounts(snapshot, parent.parents);
}

async function usageOf(house: SnapshotHouse, { record, snapshot }: HeldSnapshot): Promise<SnapshotUsage> {
  return record.usage ?? (await house.driver.usage(snapshot, parentsOf(house, { record })));
}

async function warm(house: SnapshotHouse, held: HeldSnapshot, stack: LayerStack | undefined): Promise<void> {
  if (held.record.info.kind !== "committed") throw snapshotNotCommitted(held.record.info.name);
  await house.driver.warm(held.snapshot, parentsOf(house, held), stack);
}

function parentsOf(house: SnapshotHouse, { record }: Pick<HeldSnapshot, "record">): readonly DrivenSnapshot[] {
  return ancestorsOf(house, record).map((each) => drivenOf(house, each));
}

async function updateLabels(
  { records }: SnapshotHouse,
  name: string,
  labels: Readonly<Record<string, string | undefined>>,
): Promise<SnapshotInfo> {
  return await records.change(async (change) => {
    const record = change.read(name);
    if (record === undefined) throw snapshotNotFound(name);
    const merged = Object.entries({ ...record.info.labels, ...labels }).filter(([, value]) => value !== undefined);
    const info = { ...record.info, labels: Object.fromEntries(merged) as Record<string, string>, updatedAt: now() };
    await change.write({ ...record, info });
    return info;
  });
}
