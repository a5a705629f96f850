import { closeSync, promises as fs, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { randomName } from "../base/index.ts";
import { type FileLock, fileError, lockFile, tryLockFile } from "../content/index.ts";
import { type Digest, isDigest } from "../oci/index.ts";
import { isNoSpace } from "./spare.ts";
import type { Lease } from "./store.ts";
import type { StoreLayout } from "./store-layout.ts";

/**
 * Why no blob is freed that somebody counts on: whoever adds to a lease holds the sweep lock shared, whoever frees blobs
 * holds it exclusively and, under it, reads the leases, then the names. So an addition comes either before, and is
 * seen, or after, and then its owner, who looks only now, sees that the blob is gone.
 *
 * A lease is a file that its owner keeps locked. It needs no sync: with the power goes the owner, and the lease is void.
 * The calls are synchronous: each takes microseconds, less than handing it to a thread.
 */
export async function openLease(layout: StoreLayout, signal?: AbortSignal): Promise<Lease> {
  makeDirectory(layout.leases);
  await using _ = await shareSweepLock(layout, signal);
  const id = randomName();
  const path = join(layout.leases, id);
  const lock = await lockFile(path, "exclusive");
  try {
    return new FileLease(layout, { id, path, lock, fd: openSync(path, "a") });
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw fileError(error, path, "write");
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

/** Keeps sweeps away, as many may at once. */
function shareSweepLock({ sweepLock }: StoreLayout, signal?: AbortSignal): Promise<FileLock> {
  return lockFile(sweepLock, "shared", { shouldWait: true, signal });
}

interface LeaseFile {
  readonly id: string;
  readonly path: string;
  readonly lock: FileLock;
  /** For appending. */
  readonly fd: number;
}

class FileLease implements Lease {
  readonly id: string;
  readonly #layout: StoreLayout;
  readonly #file: LeaseFile;
  readonly #added = new Set<Digest>();
  #closed: Promise<void> | undefined;

  constructor(layout: StoreLayout, file: LeaseFile) {
    this.id = file.id;
    this.#layout = layout;
    this.#file = file;
  }

  async add(...digests: readonly Digest[]): Promise<void> {
    const added = digests.filter((digest) => !this.#added.has(digest));
    if (added.length === 0) return;
    await using _ = await shareSweepLock(this.#layout);
    try {
      appendWhole(this.#file.fd, Buffer.from(added.map((digest) => `${digest}\n`).join(""), "latin1"));
    } catch (error) {
      throw fileError(error, this.#file.path, "write");
    }
    for (const digest of added) this.#added.add(digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    const { path, lock, fd } = this.#file;
    // One that cannot be removed is void all the same, and goes with the next sweep.
    try {
      rmSync(path, { force: true });
    } catch {}
    closeSync(fd);
    await lock[Symbol.asyncDispose]();
  }
}

/** A disk may be full in the middle. */
function appendWhole(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

/** {@link openLease} for readers, who go on without one where there is no room for it. */
export async function leaseIfPossible(layout: StoreLayout): Promise<Lease | undefined> {
  try {
    return await openLease(layout);
  } catch (error) {
    if (isNoSpace(error)) return undefined;
    throw error;
  }
}

/** Protects what a reader needs as far as that is possible: on a full disk reading goes on without. */
export async function protect(lease: Lease | undefined, digests: readonly Digest[]): Promise<void> {
  try {
    await lease?.add(...digests);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
  }
}

/** What all living leases protect. The caller holds the sweep lock exclusively; leases of the dead are removed. */
export async function readLeases({ leases }: StoreLayout): Promise<Set<Digest>> {
  const held = new Set<Digest>();
  for (const name of await leaseNames(leases)) {
    const path = join(leases, name);
    if (await removeIfDead(path)) continue;
    // The owner may let go at any moment, and takes the file away.
    const text = await fs.readFile(path, "utf8").catch(() => "");
    for (const line of text.split("\n")) if (isDigest(line)) held.add(line);
  }
  return held;
}

/** The leases whose owners are dead, by their file names. */
export async function deadLeases({ leases }: StoreLayout): Promise<string[]> {
  const dead: string[] = [];
  for (const name of await leaseNames(leases)) {
    const lock = await tryLockFile(join(leases, name), "shared");
    if (lock === undefined) continue;
    dead.push(name);
    await lock[Symbol.asyncDispose]();
  }
  return dead;
}

async function leaseNames(leases: string): Promise<string[]> {
  return await fs.readdir(leases).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, leases);
  });
}

async function removeIfDead(path: string): Promise<boolean> {
  const lock = await tryLockFile(path, "exclusive");
  if (lock === undefined) return false;
  await fs.rm(path, { force: true });
  await lock[Symbol.asyncDispose]();
  return true;
}
