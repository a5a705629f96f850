import { statSync } from "node:fs";
import { lockFile } from "../content/index.ts";
import { metadataUnreadable } from "./metadata/metadata-error.ts";
import { dataFile, openMetadata } from "./metadata/open-metadata.ts";
import type { Metadata } from "./metadata/records.ts";
import { glanceAt, readSnapshot } from "./metadata/snapshot-metadata.ts";
import { readNamesCopy, writeNamesCopy } from "./names-copy.ts";
import { keepSpare } from "./spare.ts";
import type { StoreLayout } from "./store-layout.ts";

/**
 * Opens the tables for writing. As long as they are open the file `version` is locked shared, so that nobody replaces
 * them meanwhile.
 * @throws StrataError `store-metadata-unreadable`; as `fileError`
 */
export async function openTables(layout: StoreLayout): Promise<Metadata> {
  const lock = await lockFile(layout.version, "shared", { shouldWait: true });
  try {
    await assertTablesKept(layout);
    await keepSpare(layout);
    const metadata = await openMetadata(layout.metadata, (names) => writeNamesCopy(layout.root, names));
    return {
      read: (action) => metadata.read(action),
      write: (action) => metadata.write(action),
      [Symbol.asyncDispose]: async () => {
        await metadata[Symbol.asyncDispose]();
        await lock[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** Reading tables of this size as a whole takes less time than loading what opens them. */
const MOST_GLANCED = 4 * 1024 * 1024;

/**
 * The tables as they are at this moment, for a single look; undefined where they are large, or are not there.
 * @throws StrataError `store-metadata-unreadable`; as `fileError`
 */
export async function glanceAtTables({ metadata }: StoreLayout): Promise<Metadata | undefined> {
  const file = dataFile(metadata);
  const size = sizeOf(file);
  return size === 0 || size > MOST_GLANCED ? undefined : glanceAt(file);
}

/** The tables as they are at this moment, for a store that is opened for reading only. @throws as {@link glanceAtTables} */
export async function readTables(layout: StoreLayout): Promise<Metadata> {
  return (await glanceAtTables(layout)) ?? (await readSnapshot(dataFile(layout.metadata)));
}

/**
 * Names were written, so there were tables: where they are gone nobody must begin with empty ones, and lose the copy
 * with the first name.
 * @throws StrataError `store-metadata-unreadable`
 */
export async function assertTablesKept(layout: StoreLayout): Promise<void> {
  const file = dataFile(layout.metadata);
  if (sizeOf(file) > 0) return;
  const copy = await readNamesCopy(layout.root);
  if (copy !== undefined) throw metadataUnreadable(file, "they are gone");
}

/** 0 where there is none, or none to be seen. */
function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}
