import { mkdtemp, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { createLocalContentStore, createMemoryIndexCache } from "../../content/index.ts";
import { type DriverName, mountAll, openSnapshotter, type SnapshotInfo, unmountAll } from "../../snapshot/index.ts";
import type { SnapshotterPlace } from "../snapshotter/snapshotter-case.ts";

/**
 * A new place below a directory for snapshotters of that driver. What is mounted there is unmounted, and all of it removed, when
 * it is disposed.
 */
export async function localSnapshotterPlace(directory: string, driver: DriverName): Promise<SnapshotterPlace> {
  const home = await mkdtemp(join(directory, `${driver}-`));
  const content = await createLocalContentStore({ directory: join(home, "content") });
  const indexCache = createMemoryIndexCache();
  const root = join(home, "snapshots");
  const open = (): ReturnType<typeof openSnapshotter> => openSnapshotter({ root, driver, content, indexCache });
  return {
    content,
    open,
    async withMounted(mounts, body) {
      const target = await mkdtemp(join(home, "mnt-"));
      await mountAll(mounts, target);
      try {
        return await body(target);
      } finally {
        await unmountAll(target);
        await rmdir(target);
      }
    },
    async [Symbol.asyncDispose]() {
      await removeAll(await open());
      await content[Symbol.asyncDispose]();
      await rm(home, { recursive: true });
    },
  };
}

/** Children first, in as many rounds as it takes; then the driver lets go of what it has mounted itself. */
async function removeAll(snapshots: Awaited<ReturnType<typeof openSnapshotter>>): Promise<void> {
  const infos: SnapshotInfo[] = [];
  for await (const info of snapshots.walk()) infos.push(info);
  const parents = new Set(infos.map(({ parent }) => parent));
  const leaves = infos.filter(({ name }) => !(parents as ReadonlySet<unknown>).has(name));
  for (const { name } of leaves) await snapshots.remove(name);
  if (leaves.length < infos.length) await removeAll(snapshots);
  else await snapshots.cleanup();
}
