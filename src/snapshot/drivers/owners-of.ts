import { stat } from "node:fs/promises";
import type { NewSnapshot } from "../snapshot-driver.ts";

/**
 * How the files of a snapshot get their owners: whoever made its directory is this user, and only root, also that of a
 * user namespace, gives files away. For others they are written down.
 */
export async function ownersOf({ directory }: NewSnapshot): Promise<"apply" | "record"> {
  return (await stat(directory)).uid === 0 ? "apply" : "record";
}
