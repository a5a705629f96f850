import { measureTree } from "../../../directory/index.ts";
import { recallIndex } from "../../../image/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import type { DrivenSnapshot } from "../../snapshot-driver.ts";
import type { SnapshotUsage } from "../../snapshotter.ts";
import type { IndexSources } from "./chain-tree.ts";
import { imageBytes } from "./merged-image.ts";

/** What the snapshot takes by itself, as long as no record says so. */
export async function usageOf(snapshot: DrivenSnapshot, sources: IndexSources): Promise<SnapshotUsage> {
  const { kind, content } = snapshot.info;
  if (kind !== "committed") return await measureTree(snapshot.directory);
  const tar = content[0] === undefined ? undefined : await sources.content.stat(content[0]);
  const index = await recallIndex(sources.indexCache, content[0] as string as DiffId);
  return { bytes: (tar?.size ?? 0) + (await imageBytes(snapshot.directory)), inodes: index?.count ?? 0 };
}
