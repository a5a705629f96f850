import { lstatSync, readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ByteString, fromBuffer, toBuffer } from "../../../base/index.ts";
import { destroySubvolume, SUBVOLUME_INODE, setSubvolumeReadOnly } from "../../../linux/index.ts";

/**
 * Deletes a subvolume, with those that somebody made inside it: they are looked for only when there are some.
 * @throws errno errors
 */
export async function removeSubvolume(path: ByteString): Promise<void> {
  try {
    destroySubvolume(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    // Nothing can be taken out of a read-only one.
    setSubvolumeReadOnly(path, false);
    for (const inner of await subvolumesIn(path)) await removeSubvolume(inner);
    destroySubvolume(path);
  }
}

/** The nearest subvolumes below a directory. */
async function subvolumesIn(top: ByteString): Promise<readonly ByteString[]> {
  const found: ByteString[] = [];
  const pending = [top];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of readdirSync(toBuffer(directory), { encoding: "buffer", withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = `${directory}/${fromBuffer(entry.name)}`;
      (lstatSync(toBuffer(path)).ino === SUBVOLUME_INODE ? found : pending).push(path);
    }
    await nextTurn();
  }
  return found;
}
