import { assertNotAborted, StrataError, sleep } from "../../../base/index.ts";
import { ingestLocked } from "../../blob-errors.ts";
import type { IngestOptions } from "../../content-store.ts";
import type { IngestDirectory } from "./ingest-directory.ts";
import { type FileLock, lockFile, tryLockFile } from "./lock-file.ts";
import { makeDirectories } from "./sync-directory.ts";

/** Others look at a lock for a moment to see whether it is held: a loser who would not wait tries again after it. */
const GLANCES = 4;
const GLANCE_MS = 3;
/** A directory that is gone as soon as it is made, so many times, is no coincidence any more. */
const MOST_VANISHED = 1000;

/**
 * Takes the lock of an ingest, whose directory is made for that.
 * @throws StrataError `ingest-locked`, `aborted`
 */
export async function lockIngest(directory: IngestDirectory, ref: string, options: IngestOptions): Promise<FileLock> {
  let [glances, vanished] = [0, 0];
  for (;;) {
    assertNotAborted(options.signal);
    await makeDirectories(directory.path);
    try {
      return await lockFile(directory.lock, "exclusive", options);
    } catch (error) {
      const code = error instanceof StrataError ? error.code : "";
      // Its last owner may have removed the directory just now.
      if (code === "file-not-found" && ++vanished < MOST_VANISHED) continue;
      if (code !== "file-locked") throw error;
      if (++glances === GLANCES) throw ingestLocked(ref, error);
      await sleep(GLANCE_MS, options.signal);
    }
  }
}

/** The lock of an ingest that nobody holds; undefined when somebody does or the directory is gone. */
export async function tryLockIngest(directory: IngestDirectory): Promise<FileLock | undefined> {
  try {
    return await tryLockFile(directory.lock, "exclusive");
  } catch (error) {
    if (error instanceof StrataError && error.code === "file-not-found") return undefined;
    throw error;
  }
}
