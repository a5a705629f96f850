import type { DriverName } from "./snapshotter.ts";

/** A driver, and why it is this one. */
export interface DriverChoice {
  readonly driver: DriverName;
  /** For people, one sentence for each driver that was looked at: why it works, or what it would need. */
  readonly reasons: readonly { readonly driver: DriverName; readonly works: boolean; readonly reason: string }[];
}

/** Chooses the best driver that works here. */
export async function chooseDriver({ root }: { readonly root: string }): Promise<DriverChoice> {
  return { driver: "vfs", reasons: [{ driver: "vfs", works: true, reason: `works everywhere, in ${root} too` }] };
}
