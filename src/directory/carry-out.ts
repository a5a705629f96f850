import { closeSync, fstatSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, fromText, StrataError, toBuffer } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { fileMaker, namesIn, openDirectory, removeTreeAt, syncFileSystem } from "../linux/index.ts";
import { DirectoryMaker, removeBeneath } from "./directory-maker.ts";
import type { ExtractionSource, ExtractOptions, ExtractReport } from "./extract-options.ts";
import { ItemPlacer } from "./item-placer.ts";
import type { Losses } from "./losses.ts";
import type { Manner } from "./manner.ts";
import { openTars, type TarSet } from "./open-tars.ts";
import { PLAIN_FILE, type WorkList } from "./work-list.ts";

/** How a plan is carried out. */
export interface CarryOutRequest {
  readonly work: WorkList;
  readonly source: ExtractionSource;
  /** The directory holds lower layers, which the plan changes. */
  readonly isInPlace: boolean;
  readonly losses: Losses;
  readonly options: ExtractOptions;
}

/** So many files are made before others get a turn. */
const BREATH = 64;

/** Does what a plan says, in a directory. */
export async function carryOut(directory: string, request: CarryOutRequest): Promise<ExtractReport> {
  const { work, source, options } = request;
  assertNotAborted(options.signal);
  await using tars = await openTars(work.items, source);
  const place = openPlace(directory, request);
  try {
    const report = await new Extraction(place.root, request, tars).run();
    if (options.sync === true) await syncFileSystem(fromText(directory));
    return report;
  } catch (error) {
    if (place.mayBeEmptied) takeBack(directory, place);
    throw error;
  } finally {
    closeSync(place.root);
  }
}

interface OpenPlace {
  readonly root: number;
  readonly isNew: boolean;
  /** Nothing but what we made is in it. */
  readonly mayBeEmptied: boolean;
}

function openPlace(directory: string, { isInPlace, options }: CarryOutRequest): OpenPlace {
  try {
    const isNew = statSync(directory, { throwIfNoEntry: false }) === undefined;
    if (isNew) mkdirSync(directory, 0o700);
    const root = openDirectory(directory);
    if (isInPlace) return { root, isNew, mayBeEmptied: isNew };
    const isEmpty = namesIn(root).length === 0;
    if (isEmpty || options.existing === "replace") return { root, isNew, mayBeEmptied: isEmpty };
    closeSync(root);
    throw notEmpty(directory);
  } catch (error) {
    throw fileError(error, directory, "write");
  }
}

function notEmpty(directory: string): StrataError {
  return new StrataError({
    code: "directory-not-empty",
    kind: "already-exists",
    message: `Refusing to write into ${directory}: it is not empty`,
    details: { path: directory },
    hint: "Choose a new directory",
  });
}

/** As if nothing had been; what cannot be removed stays, because the first error matters more. */
function takeBack(directory: string, { root, isNew }: OpenPlace): void {
  try {
    for (const name of namesIn(root)) removeTreeAt(root, name);
    if (isNew) rmdirSync(toBuffer(fromText(directory)));
  } catch {
    return;
  }
}

class Extraction {
  readonly #root: number;
  readonly #request: CarryOutRequest;
  readonly #tars: TarSet;
  #made = 0;

  constructor(root: number, request: CarryOutRequest, tars: TarSet) {
    this.#root = root;
    this.#request = request;
    this.#tars = tars;
  }

  async run(): Promise<ExtractReport> {
    const { work, losses } = this.#request;
    for (const path of work.removals) {
      removeBeneath(this.#root, path);
      await this.#breathe();
    }
    const manner = await this.#makeDirectories();
    using placer = new ItemPlacer({ work, root: this.#root, tars: this.#tars.open, manner });
    await this.#placeItems(placer);
    for (const link of work.links) {
      placer.link(link);
      await this.#breathe();
    }
    losses.addAll(placer.losses.all());
    const maker = new DirectoryMaker(work.directories, this.#root);
    for (let row = work.directories.count - 1; row >= 0; row--) {
      maker.finish(row, manner, losses);
      await this.#breathe();
    }
    return { entries: this.#made + placer.entries, bytes: placer.bytes, skipped: losses.all() };
  }

  async #makeDirectories(): Promise<Manner> {
    const { work, options } = this.#request;
    const maker = fileMaker();
    const { gid, mode } = fstatSync(this.#root);
    // A setgid directory hands its group on; so do some mounts, for which this looks like a reason, too.
    const alwaysOwns = (mode & 0o2000) !== 0 || gid !== maker.gid;
    const manner = { owners: options.owners ?? "apply", replaces: options.existing === "replace", maker, alwaysOwns };
    const directories = new DirectoryMaker(work.directories, this.#root);
    for (let row = 0; row < work.directories.count; row++) {
      if (directories.make(row, manner)) this.#made++;
      await this.#breathe();
    }
    return manner;
  }

  async #placeItems(placer: ItemPlacer): Promise<void> {
    const { items } = this.#request.work;
    for (let item = 0; item < items.count; item++) {
      const layer = items.layer[item] as number;
      const hasData = items.kind[item] === PLAIN_FILE && (items.size[item] as number) > 0;
      const stream = hasData ? this.#tars.streams[layer] : undefined;
      if (stream === undefined) placer.place(item);
      else await placer.placeFrom(item, stream(item));
      await this.#breathe();
    }
  }

  #steps = 0;

  /** The calls are synchronous: signals of the process and of the caller are heard only in between. */
  async #breathe(): Promise<void> {
    if (++this.#steps % BREATH > 0) return;
    await nextTurn();
    assertNotAborted(this.#request.options.signal);
  }
}
