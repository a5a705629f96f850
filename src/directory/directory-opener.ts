import { closeSync } from "node:fs";
import type { ByteString } from "../base/index.ts";
import { openDirectoryBeneath } from "../linux/index.ts";
import { nameOfRow, type Rows } from "./work-list.ts";

/** Directories that are held open lie at least so far apart, … */
const LEAST_STEP = 32;
/** … and are at most so many. */
const MOST_HELD = 128;

/**
 * Opens the directories of a table beneath the root, none through a link. Of those that lie deep, it holds some open from
 * which the next ones are reached, so that the kernel never walks the whole way. Dispose it.
 */
export class DirectoryOpener implements Disposable {
  readonly #rows: Rows;
  readonly #root: number;
  /** Of each row; undefined until something is opened. */
  #depths: Uint32Array | undefined;
  #step = LEAST_STEP;
  /** Each below the one before. */
  readonly #held: { readonly row: number; readonly fd: number }[] = [];

  constructor(rows: Rows, root: number) {
    this.#rows = rows;
    this.#root = root;
  }

  /** @returns a file descriptor, for the caller to close @throws an errno error as `openDirectoryBeneath` */
  open(row: number): number {
    const from = this.#stationOf(row);
    return this.#openFrom(from, row);
  }

  [Symbol.dispose](): void {
    this.#release(0);
  }

  /** The nearest directory above a row that is held, or is held from now on; 0 for the root. */
  #stationOf(row: number): number {
    this.#depths ??= this.#measure();
    const depths = this.#depths;
    const depth = depths[row] as number;
    const level = depth === 0 ? 0 : Math.floor((depth - 1) / this.#step);
    if (level === 0) return 0;
    let station = row;
    for (let up = depth - level * this.#step; up > 0; up--) station = this.#rows.parent[station] as number;
    this.#hold(station, level);
    return station;
  }

  #hold(station: number, level: number): void {
    if (this.#held[level - 1]?.row === station) return;
    const from = this.#stationOf(station);
    this.#release(level - 1);
    this.#held.push({ row: station, fd: this.#openFrom(from, station) });
  }

  #release(level: number): void {
    for (const { fd } of this.#held.splice(level)) closeSync(fd);
  }

  #openFrom(station: number, row: number): number {
    const names: ByteString[] = [];
    for (let at = row; at !== station; at = this.#rows.parent[at] as number) names.push(nameOfRow(this.#rows, at));
    const start = station === 0 ? this.#root : (this.#held.at(this.#levelOf(station) - 1)?.fd as number);
    return openDirectoryBeneath(start, names.reverse().join("/"));
  }

  #levelOf(station: number): number {
    return ((this.#depths as Uint32Array)[station] as number) / this.#step;
  }

  #measure(): Uint32Array {
    const { count, parent } = this.#rows;
    const depths = new Uint32Array(count);
    let deepest = 0;
    for (let row = 1; row < count; row++) {
      const depth = (depths[parent[row] as number] as number) + 1;
      depths[row] = depth;
      deepest = Math.max(deepest, depth);
    }
    this.#step = Math.max(LEAST_STEP, Math.ceil(deepest / MOST_HELD));
    return depths;
  }
}
