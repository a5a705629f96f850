import type { DriverName } from "./snapshot/index.ts";
import { type DriverVerdict, describeDrivers, factsOf } from "./snapshot/index.ts";
import { snapshotRoot } from "./store/index.ts";

/** What this machine can do for a store. */
export interface MachineInfo {
  /** Where the store lies, whether it exists or not. */
  readonly store: string;
  /** The kernel's release. */
  readonly kernel: string;
  /** The type of the file system on which the store lies, and the bytes that are free there. */
  readonly fileSystem: { readonly type: string; readonly freeBytes: number };
  /** The snapshot driver that the store uses, or would use. */
  readonly driver: DriverName;
  /** Whether it was chosen when the store was first used. */
  readonly isRemembered: boolean;
  /** The best first. */
  readonly drivers: readonly DriverVerdict[];
  /** What was tried, with why it does not work; empty where it does. */
  readonly facts: readonly { readonly name: string; readonly works: boolean; readonly reason: string }[];
}

/** Finds out what works here by trying it; nothing of that stays, and no store is made. */
export async function describeMachine({ store }: { readonly store: string }): Promise<MachineInfo> {
  const here = await describeDrivers({ root: snapshotRoot({ root: store }) });
  const { kernel, driver, isRemembered, drivers } = here;
  const { type, freeBytes } = kernel.fileSystem;
  const facts = factsOf(here).map(([name, fact]) => ({
    name,
    works: fact.works,
    reason: fact.works ? "" : fact.why,
  }));
  return { store, kernel: kernel.release, fileSystem: { type, freeBytes }, driver, isRemembered, drivers, facts };
}
