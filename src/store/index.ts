/**
 * store: images in a directory of this machine, under names, that survive whatever happens to the process.
 *
 * - The bytes lie in a `ContentStore`, by digest, as in an OCI layout. The tables (names, images, layers by diffID, stacks
 *   by chainID) lie in LMDB; everything but the names is derived from the documents and can be derived again.
 * - An image is a manifest or an index with all that it names. One transaction names it: before that nothing
 *   shows, after that everything is durable. Without a name it is *dangling*, and stays until {@link Store.prune}.
 * - A {@link Lease} protects blobs that no image names yet; it ends with its process. What neither an image names nor a
 *   lease protects is garbage.
 * - {@link Store.check} looks at every byte and tells each {@link Fault}; {@link Store.repair} mends what can be mended,
 *   deletes nothing that is damaged, and tells what another pull would heal.
 *
 * docs/store.md has the layout on disk, the guarantees and the table of faults.
 *
 * @example
 * await using store = await openStore("/var/lib/strata");
 * await using destination = await store.destination("nginx:1.27");
 * // … a copier puts blobs, then documents, names the root, finishes
 * const [image] = await store.images();
 * await store.tag("nginx:1.27", "nginx:stable");
 *
 * @module
 */
export type { CheckEvent, CheckOptions, Fault, FaultCode, FaultSeverity, Repair, RepairAction } from "./fault.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
export type {
  Amount,
  DestinationOptions,
  Discarded,
  DiscardOptions,
  DiskUsage,
  GarbageOptions,
  GarbageReport,
  Lease,
  PruneOptions,
  PruneReport,
  Removed,
  RemoveOptions,
  SnapshotterOptions,
  Store,
  StoredChain,
  StoredImage,
} from "./store.ts";
export { snapshotRoot } from "./store-layout.ts";
