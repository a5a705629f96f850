import { type Dirent, promises as fs } from "node:fs";
import { join, relative } from "node:path";
import { fileError } from "../../content/index.ts";
import { isDigest } from "../../oci/index.ts";
import type { Fault } from "../fault.ts";
import { deadLeases } from "../lease.ts";
import { isIndexWhole, listIndexes } from "../store-index-cache.ts";
import { ROOT_NAMES } from "../store-layout.ts";
import type { CheckContext } from "./check-context.ts";

/** How files are called that were never finished. */
const UNFINISHED = ".partial";

/** Looks at what lies in the directories of the store apart from blobs. */
export async function* checkFiles({ parts }: CheckContext, ownLease: string | undefined): AsyncGenerator<Fault> {
  const { layout, content, isReadOnly } = parts;
  yield* strayFiles(layout.root, layout.root, (name) => ROOT_NAMES.has(name));
  yield* strayBlobs(layout.root);
  yield* strayFiles(layout.root, layout.indexes, (name) => name.endsWith(".index"));
  for (const index of await listIndexes(layout)) {
    if (!(await isIndexWhole(index))) yield indexCorrupt(relative(layout.root, index.path));
  }
  for await (const { ref, offset, isActive } of content.ingests()) if (!isActive) yield abandonedIngest(ref, offset);
  // Whether an owner is alive only a lock can tell, and a reader takes none.
  const dead = isReadOnly ? [] : await deadLeases(layout);
  for (const id of dead) if (id !== ownLease) yield deadLease(relative(layout.root, join(layout.leases, id)));
}

/** Blobs are regular files, named by the hex digits of their digest in the directory of its algorithm. */
async function* strayBlobs(root: string): AsyncGenerator<Fault> {
  const blobs = join(root, "blobs");
  const algorithms = ["sha256", "sha512"];
  yield* strayFiles(root, blobs, (name) => algorithms.includes(name));
  for (const algorithm of algorithms) {
    const directory = join(blobs, algorithm);
    for (const entry of await entriesOf(directory)) {
      if (entry.isFile() && isDigest(`${algorithm}:${entry.name}`)) continue;
      yield stray(relative(root, join(directory, entry.name)));
    }
  }
}

async function* strayFiles(
  root: string,
  directory: string,
  isExpected: (name: string) => boolean,
): AsyncGenerator<Fault> {
  for (const { name } of await entriesOf(directory)) {
    if (!isExpected(name)) yield stray(relative(root, join(directory, name)));
  }
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  return await fs.readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw fileError(error, directory);
  });
}

function stray(path: string): Fault {
  if (path.endsWith(UNFINISHED)) {
    return {
      code: "leftover-file",
      severity: "info",
      what: `The file ${path} was never finished`,
      path,
      images: [],
      remedy: "repair the store: it is removed",
    };
  }
  return {
    code: "stray-file",
    severity: "warning",
    what: `The file ${path} does not belong here`,
    path,
    images: [],
    remedy: "take it away, or repair the store: it is moved to quarantine",
  };
}

function indexCorrupt(path: string): Fault {
  return {
    code: "index-entry-corrupt",
    severity: "warning",
    what: `The remembered table of contents ${path} is damaged; it is not used`,
    path,
    images: [],
    remedy: "repair the store: it is removed, and made anew when it is needed",
  };
}

function abandonedIngest(ref: string, offset: number): Fault {
  return {
    code: "abandoned-ingest",
    severity: "info",
    what: `The transfer of ${ref} was broken off after ${offset} bytes`,
    path: "ingest",
    images: [],
    remedy: "pull again, and it goes on from there, or prune the store",
  };
}

function deadLease(path: string): Fault {
  return {
    code: "dead-lease",
    severity: "info",
    what: `The owner of the lease ${path} is dead; it protects nothing`,
    path,
    images: [],
    remedy: "nothing: the next collection of garbage removes it",
  };
}
