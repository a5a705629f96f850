import { StrataError } from "../base/index.ts";
import type { Digest } from "../oci/index.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { wantedChains } from "./collect-snapshots.ts";
import { ambiguous, type FoundImage, findImage } from "./find-image.ts";
import { chainsOf, neededBy } from "./image-graph.ts";
import { namesByRoot } from "./list-images.ts";
import type { ImageRecord, RecordReader } from "./metadata/records.ts";
import { withSpare } from "./spare.ts";
import type { Amount, GarbageReport, Removed, RemoveOptions } from "./store.ts";
import type { StoreParts } from "./store-parts.ts";
import { holdersOf, readSnapshots } from "./stored-snapshots.ts";

/** Removes a name or an image in one transaction, then frees what that leaves behind. */
export async function removeImage(parts: StoreParts, text: string, { force = false }: RemoveOptions): Promise<Removed> {
  const metadata = await parts.metadata();
  const { untagged, deleted, candidates } = await withSpare(parts.layout, () =>
    metadata.write((records) => {
      const found = findImage(records, text);
      const { key, alsoIn = [] } = found;
      // To read either will do, for they are one image; to remove the user has to say which.
      if (alsoIn.length > 0) throw ambiguous(text, [key, ...alsoIn]);
      const names = namesByRoot(records).get(found.key) ?? [];
      const chosen = chooseNames(found, names, force);
      for (const name of chosen) records.remove("name", name);
      const isLast = chosen.length === names.length;
      const candidates = leftBehind(records, found.record);
      if (isLast) records.remove("image", found.key);
      return { untagged: chosen, deleted: isLast ? (found.key as Digest) : undefined, candidates };
    }),
  );
  if (deleted === undefined) return { untagged, deleted, garbage: NOTHING, heldBy: [] };
  const garbage = await collectGarbage(parts, { candidates: candidates.digests, chains: candidates.chains });
  return { untagged, deleted, garbage, heldBy: await findHolders(parts, candidates.chains) };
}

const NONE: Amount = { count: 0, bytes: 0 };
const NOTHING: GarbageReport = { blobs: NONE, snapshots: NONE };

/** What an image may leave behind: blobs, tars of its layers, and their chains. */
function leftBehind(records: RecordReader, record: ImageRecord): { digests: Digest[]; chains: Set<string> } {
  const layers = chainsOf(records, record);
  const tars = layers.map(({ diffId }) => diffId as string as Digest);
  return {
    digests: [...new Set([...neededBy(record), ...tars])],
    chains: new Set(layers.map(({ chainId }) => chainId)),
  };
}

/** Who stands on chains that no image has any more. */
async function findHolders(parts: StoreParts, chains: ReadonlySet<string>): Promise<readonly string[]> {
  const metadata = await parts.metadata();
  const wanted = metadata.read((records) => wantedChains(records, new Set()));
  const { snapshots } = await readSnapshots(parts.layout);
  return holdersOf(snapshots, new Set([...chains].filter((chainId) => !wanted.has(chainId))));
}

function chooseNames({ key, name }: FoundImage, names: readonly string[], force: boolean): readonly string[] {
  if (name !== undefined) return [name];
  if (names.length <= 1 || force) return names;
  throw new StrataError({
    code: "image-has-names",
    kind: "failed-precondition",
    message: `The image ${key} has several names: ${names.join(", ")}`,
    details: { digest: key, names },
    hint: "Remove the names one by one, or force it",
  });
}
