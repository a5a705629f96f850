import { promises as fs, readFileSync } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../base/index.ts";
import { fileError, makeDirectoryDurably, writeFileDurably } from "../content/index.ts";
import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";

/** The version of a new store, which every release can read. */
const FIRST_VERSION = 1;
/** The version of a store with unpacked layers: older releases would take the tars that snapshots need for garbage. */
const UNPACKED_VERSION = 2;

/** What lies where below the root of a store. */
export interface StoreLayout {
  readonly root: string;
  /** Says that this is a store, and of which version: written first. */
  readonly version: string;
  readonly metadata: string;
  readonly leases: string;
  readonly indexes: string;
  readonly quarantine: string;
  /** What is unpacked: a directory for each driver. */
  readonly snapshots: string;
  /** Space in reserve. */
  readonly spare: string;
  /** Held shared by whoever protects blobs, exclusively by whoever frees them. */
  readonly sweepLock: string;
}

/** All of it, whether it is there or not. */
export function storeLayout(root: string): StoreLayout {
  return {
    root,
    version: join(root, "version"),
    metadata: join(root, "metadata"),
    leases: join(root, "leases"),
    indexes: join(root, "indexes"),
    quarantine: join(root, "quarantine"),
    snapshots: join(root, "snapshots"),
    spare: join(root, "spare"),
    sweepLock: join(root, "sweep.lock"),
  };
}

/** Where the snapshots of a store lie. */
export function snapshotRoot({ root }: Pick<StoreLayout, "root">): string {
  return storeLayout(root).snapshots;
}

/** What may lie in the root itself; `oci-layout` and `index.json` make it an OCI layout for other tools. */
export const ROOT_NAMES: ReadonlySet<string> = new Set([
  "version",
  "oci-layout",
  "index.json",
  "blobs",
  "ingest",
  "metadata",
  "leases",
  "indexes",
  "quarantine",
  "snapshots",
  "spare",
  "sweep.lock",
]);

/** Where the content store keeps a blob, relative to the root. */
export function blobPath(digest: Digest): string {
  return join("blobs", algorithmOf(digest), hexOf(digest));
}

/**
 * Makes the root a store, or finds that it is one.
 * @throws StrataError `not-a-store`, `store-too-new`, `invalid-store-version`; as `fileError`
 */
export async function prepareRoot(layout: StoreLayout): Promise<void> {
  if (await isStore(layout)) return;
  const isNew = (await fs.stat(layout.root).catch(() => undefined)) === undefined;
  await makeDirectoryDurably(layout.root);
  // Images hold secrets more often than their owners think. A directory that was there has the mode that it should have.
  if (isNew) await fs.chmod(layout.root, 0o700).catch(() => {});
  await writeFileDurably(layout.version, `${FIRST_VERSION}\n`);
}

/**
 * Keeps older releases off, before the first thing is written that they would harm: a snapshot, or an image whose layers
 * are here as uncompressed tars only. The file stays the same one, since it is locked; one digit takes the place of another.
 * @throws StrataError as `fileError`
 */
export async function markUnpacked({ version }: StoreLayout): Promise<void> {
  try {
    if (readFileSync(version, "utf8").trim() !== `${FIRST_VERSION}`) return;
    const handle = await fs.open(version, "r+");
    try {
      await handle.write(`${UNPACKED_VERSION}\n`, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, version, "write");
  }
}

/**
 * Whether there is a store; false where there is nothing, or an empty directory.
 * @throws StrataError as {@link prepareRoot}
 */
export async function isStore({ root, version }: StoreLayout): Promise<boolean> {
  let text = readIfThere(version);
  if (text === undefined) {
    const names = (await fs.readdir(root).catch((error: unknown) => absent(error, root))) ?? [];
    // Two who make a store at once see each other's file before it has its name.
    if (names.every((name) => name.startsWith("version"))) return false;
    // Whoever makes a store writes its version first: when other names were seen, it is there by now.
    text = readIfThere(version);
    if (text === undefined) throw notAStore(root);
  }
  assertVersion(text.trim(), root);
  return true;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return absent(error, path);
  }
}

function absent(error: unknown, path: string): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw fileError(error, path);
}

function assertVersion(text: string, root: string): void {
  const version = /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
  if (version === FIRST_VERSION || version === UNPACKED_VERSION) return;
  if (version === undefined || version < 1) {
    throw new StrataError({
      code: "invalid-store-version",
      kind: "malformed",
      message: `The file "version" of the store ${root} is broken: ${JSON.stringify(text.slice(0, 40))}`,
      details: { path: root },
      hint: `Write ${UNPACKED_VERSION} into it if no newer release has used the store`,
    });
  }
  throw new StrataError({
    code: "store-too-new",
    kind: "unsupported",
    message: `The store ${root} is of version ${version}; this release knows versions up to ${UNPACKED_VERSION}`,
    details: { path: root, version },
    hint: "Use the release that made it, or a newer one",
  });
}

function notAStore(root: string): StrataError {
  return new StrataError({
    code: "not-a-store",
    kind: "failed-precondition",
    message: `${root} is no store, and not empty`,
    details: { path: root },
    hint: "Choose an empty directory, or one that does not exist",
  });
}
