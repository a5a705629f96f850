import type { RunnableCase } from "./content-store-suite.ts";
import { changesetCases } from "./snapshotter/changesets.ts";
import { contentsCases } from "./snapshotter/contents.ts";
import { imageLayerCases } from "./snapshotter/image-layers.ts";
import { lifeCycleCases } from "./snapshotter/life-cycle.ts";
import { manyCases } from "./snapshotter/many.ts";
import { mountedCases } from "./snapshotter/mounted.ts";
import { recordCases } from "./snapshotter/records.ts";
import type { SnapshotterPlace } from "./snapshotter/snapshotter-case.ts";

/** What those who run the suite may do. */
export interface SnapshotterSuiteOptions {
  /** Whether this process may mount: most that matters is seen only then. */
  readonly canMount: boolean;
}

/**
 * The conformance suite of the port `Snapshotter`, for any driver and any test runner: containerd's own
 * (core/snapshots/testsuite) and what image layers need beyond it. Every case gets a new, empty place, which is disposed afterwards.
 *
 * @example
 * for (const { name, run } of snapshotterSuite(() => localSnapshotterPlace(directory, "overlay"), { canMount: true })) test(name, run);
 */
export function snapshotterSuite(
  makePlace: () => Promise<SnapshotterPlace>,
  { canMount }: SnapshotterSuiteOptions,
): readonly RunnableCase[] {
  const cases = [
    lifeCycleCases,
    recordCases,
    contentsCases,
    changesetCases,
    mountedCases,
    imageLayerCases,
    manyCases,
  ].flat();
  return cases
    .filter(({ needs }) => canMount || needs === undefined)
    .map(({ name, run }) => ({
      name,
      run: async () => {
        await using place = await makePlace();
        await using snapshots = await place.open();
        await run(snapshots, place);
      },
    }));
}
