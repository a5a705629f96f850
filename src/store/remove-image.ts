import { StrataError } from "../base/index.ts";
import type { Digest } from "../oci/index.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { ambiguous, type FoundImage, findImage } from "./find-image.ts";
import { namesByRoot } from "./list-images.ts";
import { withSpare } from "./spare.ts";
import type { Removed, RemoveOptions } from "./store.ts";
import type { StoreParts } from "./store-parts.ts";

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
      if (isLast) records.remove("image", found.key);
      return { untagged: chosen, deleted: isLast ? (found.key as Digest) : undefined, candidates: digestsOf(found) };
    }),
  );
  if (deleted === undefined) return { untagged, deleted, garbage: { blobs: { count: 0, bytes: 0 } } };
  return { untagged, deleted, garbage: await collectGarbage(parts, { candidates }) };
}

function digestsOf({ record }: FoundImage): Digest[] {
  return record.parts.map(({ digest }) => digest);
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
