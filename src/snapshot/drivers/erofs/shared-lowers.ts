import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FileLock, fileError, lockFile, tryLockFile } from "../../../content/index.ts";
import { namesIn } from "../../names-in.ts";
import type { NewSnapshot } from "../../snapshot-driver.ts";
import type { ImageVariant } from "./image-record.ts";
import { ensureMounted, unmountAt } from "./lower-mount.ts";
import type { MergedImage } from "./merged-image.ts";

const VARIANTS: readonly ImageVariant[] = ["escaped", "plain"];
const PLAIN = "-plain";
const LOCK_FILE = "lock";
const USERS = "users";
const PARTIAL = /\.partial$/;

/**
 * The mounts of merged images, one for each image, which all snapshots on it and all processes share. They are the kernel's:
 * a process that ends leaves them, a reboot takes them away. In the directory of the committed snapshot `users` has an
 * empty file for each snapshot that needs one, and `lock` is held while anything of this changes.
 */
export class SharedLowers {
  readonly #mounts: string;
  readonly #data: string;

  /** @param root of the driver: `mounts` in it is for the mount points, `data` has the directories of snapshots by id */
  constructor(root: string) {
    this.#mounts = join(root, "mounts");
    this.#data = join(root, "data");
  }

  /**
   * Held while the images of a committed snapshot are made, mounted or unmounted. The caller disposes it.
   * @throws StrataError `file-not-found` when there is no such snapshot
   */
  async lock({ directory }: Pick<NewSnapshot, "directory">): Promise<FileLock> {
    return await lockFile(join(directory, LOCK_FILE), "exclusive", { shouldWait: true });
  }

  /**
   * Notes that a snapshot needs an image of the committed one `top`, and mounts it unless it is. The caller holds the lock.
   * @returns where it is mounted
   * @throws StrataError as {@link ensureMounted}
   */
  async use(top: NewSnapshot, image: MergedImage, user: string): Promise<string> {
    const users = join(top.directory, USERS);
    const target = this.#mountPoint(top.id, image.variant);
    try {
      mkdirSync(users, { recursive: true });
      writeFileSync(join(users, nameOf(user, image.variant)), "");
      mkdirSync(this.#mounts, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fileError(error, top.directory, "write");
    }
    ensureMounted(image, { target, record: join(top.directory, `${nameOf("mounted", image.variant)}.json`) });
    return target;
  }

  /**
   * A snapshot needs the images of that committed one, which may be gone, no more. One that nobody else needs is
   * unmounted; whoever has it bound or overlaid elsewhere keeps it all the same, since the kernel counts.
   */
  async release(topId: string, user: string): Promise<void> {
    const directory = join(this.#data, topId);
    if (!isThere(directory)) return;
    await using _ = await this.lock({ directory });
    const users = join(directory, USERS);
    for (const variant of VARIANTS) rmSync(join(users, nameOf(user, variant)), { force: true });
    this.#unmountUnused(topId, users);
  }

  /** Unmounts the images of a snapshot on which nothing stands. @returns the directories at which something was mounted */
  unmountAll(id: string): readonly string[] {
    return VARIANTS.map((variant) => this.#mountPoint(id, variant)).filter(unmountAt);
  }

  /** {@link unmountAll} for all images that no existing snapshot needs; one that somebody works on is left to him. */
  async sweep(): Promise<readonly string[]> {
    const names = namesIn(this.#mounts);
    const ids = new Set(names.map((name) => (name.endsWith(PLAIN) ? name.slice(0, -PLAIN.length) : name)));
    const removed: string[] = [];
    for (const id of ids) {
      const directory = join(this.#data, id);
      if (!isThere(directory)) removed.push(...this.unmountAll(id));
      else removed.push(...(await this.#sweepOne(id, directory)));
    }
    return removed;
  }

  /** Deletes what died while it was being written, unless somebody is at work there. */
  async sweepFiles({ directory }: Pick<NewSnapshot, "directory">): Promise<void> {
    const partial = namesIn(directory).filter((name) => PARTIAL.test(name));
    if (partial.length === 0) return;
    await using lock = await tryLockFile(join(directory, LOCK_FILE), "exclusive");
    if (lock === undefined) return;
    for (const name of partial) rmSync(join(directory, name), { force: true });
  }

  async #sweepOne(id: string, directory: string): Promise<readonly string[]> {
    await using lock = await tryLockFile(join(directory, LOCK_FILE), "exclusive");
    return lock === undefined ? [] : this.#unmountUnused(id, join(directory, USERS));
  }

  #unmountUnused(id: string, users: string): readonly string[] {
    const living = this.#livingUsers(users);
    return VARIANTS.filter((variant) => !living.some((name) => name.endsWith(PLAIN) === (variant === "plain")))
      .map((variant) => this.#mountPoint(id, variant))
      .filter(unmountAt);
  }

  /** A user that died half way left its file behind, but once its directory is deleted it needs nothing. */
  #livingUsers(users: string): readonly string[] {
    const living: string[] = [];
    for (const name of namesIn(users)) {
      const user = name.endsWith(PLAIN) ? name.slice(0, -PLAIN.length) : name;
      if (isThere(join(this.#data, user))) living.push(name);
      else rmSync(join(users, name), { force: true });
    }
    return living;
  }

  #mountPoint(id: string, variant: ImageVariant): string {
    return join(this.#mounts, nameOf(id, variant));
  }
}

function nameOf(name: string, variant: ImageVariant): string {
  return variant === "plain" ? `${name}${PLAIN}` : name;
}

/** What cannot be looked at is not taken for gone: its mount would be undone. */
function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
