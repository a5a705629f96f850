import {
  closeSync,
  fsync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { now, randomName } from "../base/index.ts";
import { fileError, lockFile, syncDirectory } from "../content/index.ts";
import type { SnapshotPlaces } from "./snapshot-places.ts";
import { decodeRecord, encodeRecord, recordFileName, type SnapshotRecord } from "./snapshot-record.ts";

/** A file that is younger may have been replaced within one tick of its clock by one that looks the same. */
const SETTLED_MS = 200;
const RECORD_FILE = /^[0-9a-f]{64}\.json$/;
/** Where a record is written before it gets its name; only who changes records does that. */
const NEXT = "next.partial";

interface Remembered {
  readonly stamp: string;
  readonly record: SnapshotRecord;
}

/** All records, as of the last change that this process knows of. */
interface Whole {
  readonly byName: Map<string, SnapshotRecord>;
  readonly names: Map<string, string>;
  readonly children: Map<string, Set<string>>;
}

/** What may be done to the records while nobody else does. */
export interface RecordChange {
  read(name: string): SnapshotRecord | undefined;
  /** Some snapshot that builds on it. */
  childOf(name: string): string | undefined;
  hasId(id: string): boolean;
  all(): readonly SnapshotRecord[];
  /** Adds the record, or replaces the one of the same name. */
  write(record: SnapshotRecord): Promise<void>;
  /** Makes the snapshot `from` be `to`, in one step that is done or not done. */
  become(from: SnapshotRecord, to: SnapshotRecord): Promise<void>;
  remove(record: SnapshotRecord): Promise<void>;
  /** Removes what a writer that died left. @returns the names of the files */
  sweep(): Promise<readonly string[]>;
}

/**
 * The records of a driver's snapshots. Reading needs no lock, because a record is replaced as a whole. Changes are made
 * one after the other, over all processes; what is remembered of all records is good until somebody else makes one.
 */
export class RecordTable {
  readonly #places: SnapshotPlaces;
  readonly #remembered = new Map<string, Remembered>();
  #whole: Whole | undefined;
  #generation = "";
  #turn: Promise<unknown> = Promise.resolve();

  constructor(places: SnapshotPlaces) {
    this.#places = places;
  }

  /** The record of that key or name, as it is at this moment. @throws StrataError `snapshot-record-damaged` */
  read(name: string): SnapshotRecord | undefined {
    return this.#readFile(recordFileName(name));
  }

  /** All records at one moment. */
  async all(): Promise<readonly SnapshotRecord[]> {
    return await this.change(async (records) => records.all());
  }

  /**
   * Looks at the records and changes them, while nobody else does. Durable when it resolves, whether it threw or not, but for
   * transient snapshots: of these only the bytes of a record are waited for, so that none is ever torn. Names of files
   * become durable in the order in which they were changed. So a loss of power leaves the record of a directory that is there,
   * of a mount that is gone, which whoever mounts next removes; or a directory without a record, which goes with the
   * next cleanup.
   */
  async change<T>(body: (change: RecordChange) => Promise<T>): Promise<T> {
    let hasChanged = false;
    let mustLast = false;
    const begin = async ({ isTransient }: SnapshotRecord): Promise<void> => {
      if (!hasChanged) await this.#announce();
      hasChanged = true;
      mustLast ||= isTransient !== true;
    };
    try {
      return await this.#locked(() => body(this.#changing(begin)));
    } finally {
      if (mustLast) await syncDirectory(this.#places.records);
    }
  }

  #changing(begin: (record: SnapshotRecord) => Promise<void>): RecordChange {
    return {
      read: (name) => this.read(name),
      childOf: (name) => this.#load().children.get(name)?.values().next().value,
      hasId: (id) => this.#load().names.has(id),
      all: () => [...this.#load().byName.values()],
      write: async (record) => {
        await begin(record);
        await this.#write(record, encodeRecord(record));
        this.#note(record);
      },
      become: async (from, to) => {
        await begin(to);
        await this.#write(from, encodeRecord(from, to));
        await this.#rename(recordFileName(from.info.name), recordFileName(to.info.name));
        this.#forget(from);
        this.#note(to);
      },
      remove: async (record) => {
        await begin(record);
        await attempt(this.#pathOf(record), (path) => unlinkSync(path));
        this.#forget(record);
      },
      sweep: async () => {
        const next = join(this.#places.records, NEXT);
        try {
          unlinkSync(next);
          return [next];
        } catch {
          return [];
        }
      },
    };
  }

  async #write(record: SnapshotRecord, text: string): Promise<void> {
    const next = join(this.#places.records, NEXT);
    await attempt(next, (path) => writeDurably(path, text));
    await this.#rename(NEXT, recordFileName(record.info.name));
  }

  async #rename(from: string, to: string): Promise<void> {
    const { records } = this.#places;
    await attempt(join(records, to), (path) => renameSync(join(records, from), path));
  }

  /** In this process one after the other, because those who wait for the lock of a file ask for it again and again. */
  async #locked<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      await using _ = await lockFile(this.#places.lock, "exclusive", { shouldWait: true });
      return await body();
    });
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /** Tells the others that what they remember is old, before it is: a change that dies half way costs them a look. */
  async #announce(): Promise<void> {
    if (this.#generation !== this.#readGeneration()) this.#whole = undefined;
    this.#generation = randomName();
    await attempt(this.#places.lock, (path) => writeFileSync(path, this.#generation));
  }

  #load(): Whole {
    const generation = this.#readGeneration();
    if (this.#whole !== undefined && generation === this.#generation) return this.#whole;
    this.#generation = generation;
    this.#whole = { byName: new Map(), names: new Map(), children: new Map() };
    const there = new Set(listRecordFiles(this.#places.records));
    for (const file of this.#remembered.keys()) if (!there.has(file)) this.#remembered.delete(file);
    try {
      for (const file of there) {
        const record = this.#readFile(file);
        if (record !== undefined) this.#note(record);
      }
    } catch (error) {
      this.#whole = undefined;
      throw error;
    }
    return this.#whole;
  }

  #readGeneration(): string {
    return readIfThere(this.#places.lock) ?? "";
  }

  #note(record: SnapshotRecord): void {
    const { name, parent } = record.info;
    this.#whole?.byName.set(name, record);
    this.#whole?.names.set(record.id, name);
    if (this.#whole === undefined || parent === undefined) return;
    const siblings = this.#whole.children.get(parent) ?? new Set();
    this.#whole.children.set(parent, siblings.add(name));
  }

  #forget({ id, info }: SnapshotRecord): void {
    this.#remembered.delete(recordFileName(info.name));
    this.#whole?.byName.delete(info.name);
    this.#whole?.names.delete(id);
    if (info.parent === undefined) return;
    const siblings = this.#whole?.children.get(info.parent);
    siblings?.delete(info.name);
    if (siblings?.size === 0) this.#whole?.children.delete(info.parent);
  }

  #readFile(fileName: string): SnapshotRecord | undefined {
    const path = join(this.#places.records, fileName);
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const stamp = `${stats.ino} ${stats.size} ${stats.ctimeNs}`;
    const remembered = this.#remembered.get(fileName);
    if (remembered?.stamp === stamp) return remembered.record;
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    const record = decodeRecord(text, { path, fileName });
    if (now() - Number(stats.ctimeMs) > SETTLED_MS) this.#remembered.set(fileName, { stamp, record });
    return record;
  }

  #pathOf({ info }: SnapshotRecord): string {
    return join(this.#places.records, recordFileName(info.name));
  }
}

/** Whether a file of that name keeps a record. */
export function isRecordFile(name: string): boolean {
  return RECORD_FILE.test(name);
}

/** @throws StrataError as `fileError` */
function listRecordFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter(isRecordFile);
  } catch (error) {
    throw fileError(error, directory);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
}

async function attempt(path: string, action: (path: string) => Promise<void> | void): Promise<void> {
  try {
    await action(path);
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

const syncFile = promisify(fsync);

/** Only the disk is waited for on another thread. */
async function writeDurably(path: string, text: string): Promise<void> {
  const fd = openSync(path, "w");
  try {
    writeFileSync(fd, text);
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}
