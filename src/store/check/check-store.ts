import { StrataError } from "../../base/index.ts";
import type { CheckOptions, Fault } from "../fault.ts";
import { neededBy } from "../image-graph.ts";
import { protect } from "../lease.ts";
import { dataFile } from "../metadata/open-metadata.ts";
import type { Metadata } from "../metadata/records.ts";
import { readSnapshot } from "../metadata/snapshot-metadata.ts";
import { assertTablesKept } from "../open-tables.ts";
import type { Lease } from "../store.ts";
import type { StoreParts } from "../store-parts.ts";
import { checkBlobs } from "./check-blobs.ts";
import { createContext } from "./check-context.ts";
import { checkDirectories } from "./check-directories.ts";
import { checkFiles } from "./check-files.ts";
import { checkImages } from "./check-images.ts";
import { checkNames } from "./check-names.ts";
import { checkSnapshots } from "./check-snapshots.ts";

/**
 * Looks at everything, each byte once: the tables page by page, the names and their copy, each image's documents against its
 * record, each blob against its digest and, where it is a layer, against its diffID, then what else lies there; where that is
 * asked for, the directories of snapshots against their layers.
 * What it looks at is leased, so what others remove meanwhile is no fault.
 */
export async function* checkStore(parts: StoreParts, options: CheckOptions): AsyncGenerator<Fault> {
  const lease = await parts.lease();
  try {
    const tables = await leasedTables(parts, lease);
    if (tables instanceof StrataError) yield unreadable(tables);
    const context = await createContext(parts, options, tables instanceof StrataError ? undefined : tables);
    yield* checkNames(context);
    yield* checkImages(context);
    yield* checkSnapshots(context);
    yield* checkBlobs(context);
    yield* checkDirectories(context);
    yield* checkFiles(context, lease?.id);
  } finally {
    await lease?.[Symbol.asyncDispose]();
  }
}

/** Why the tables cannot be read, if so. */
export async function tablesTrouble(parts: StoreParts): Promise<Fault | undefined> {
  const tables = await leasedTables(parts, undefined);
  return tables instanceof StrataError ? unreadable(tables) : undefined;
}

/** The tables, read with every page verified, when all that their images name is leased; or why they cannot be read. */
async function leasedTables({ layout }: StoreParts, lease: Lease | undefined): Promise<Metadata | StrataError> {
  try {
    await assertTablesKept(layout);
    for (let revision = -1; ; ) {
      const tables = await readSnapshot(dataFile(layout.metadata));
      const seen = tables.read((records) => records.revision);
      if (seen === revision || lease === undefined) return tables;
      revision = seen;
      const images = tables.read((records) => records.list("image"));
      await protect(
        lease,
        images.flatMap(([, record]) => neededBy(record)),
      );
    }
  } catch (error) {
    if (error instanceof StrataError && error.code === "store-metadata-unreadable") return error;
    throw error;
  }
}

function unreadable({ message }: StrataError): Fault {
  return {
    code: "metadata-unreadable",
    severity: "error",
    what: message,
    path: "metadata",
    images: [],
    remedy: "repair the store: the tables are derived anew from index.json and the blobs",
  };
}
