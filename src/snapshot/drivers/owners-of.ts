import { stat } from "node:fs/promises";
import { hasManyIds } from "../../linux/index.ts";
import type { NewSnapshot } from "../snapshot-driver.ts";

/**
 * How the files of a snapshot get their owners: whoever made its directory is this user, and only root gives files away,
 * also root of a user namespace that has more ids than one. For others they are written down.
 */
export async function ownersOf({ directory }: NewSnapshot): Promise<"apply" | "record"> {
  return (await stat(directory)).uid === 0 && hasManyIds() ? "apply" : "record";
}
