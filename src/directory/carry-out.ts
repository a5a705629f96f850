import { closeSync, fstatSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, fromText, toBuffer } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { fileMaker, namesIn, openDirectory, removeTreeAt, syncFileSystem } from "../linux/index.ts";
import { DirectoryMaker, removeBeneath } from "./directory-maker.ts";
import type { ExtractionSource, ExtractOptions, ExtractReport } from "./extract-options.ts";
import { hasThreads, startThreads, type ThreadWork } from "./extract-threads.ts";
import { ItemPlacer } from "./item-placer.ts";
import { createQueue, ItemQueue } from "./item-queue.ts";
import type { Losses } from "./losses.ts";
import type { Manner } from "./manner.ts";
import { notEmpty } from "./not-empty.ts";
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
/** More do not help: they wait for the disk and for each other. */
const MOST_THREADS = 4;
/** Less than both is done sooner than a thread has started. */
const WORTH_THREADS = { items: 2000, bytes: 64 * 1024 * 1024 };

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
    const manner = this.#manner();
    const placement = { work, root: this.#root, tars: this.#tars.open, manner };
    using placer = new ItemPlacer(placement);
    const shared = createQueue(work.items);
    const queue = new ItemQueue(shared);
    const task = {
      placement: { ...placement, work: { directories: work.directories, items: work.items } },
      queue: shared,
    };
    const threads = startThreads(task, this.#threadCount(), queue);
    const [others] = await Promise.all([threads, this.#doMyPart(placer, manner, queue)]);
    for (const link of work.links) {
      placer.link(link);
      await this.#breathe();
    }
    for (const { skipped } of [...others, { skipped: placer.losses.all() }]) losses.addAll(skipped);
    await this.#finishDirectories(manner);
    const sum = (pick: (part: ThreadWork) => number): number => others.reduce((total, part) => total + pick(part), 0);
    const entries = this.#made + placer.entries + sum((part) => part.entries);
    return { entries, bytes: placer.bytes + sum((part) => part.bytes), skipped: losses.all() };
  }

  #manner(): Manner {
    const { owners = "apply", existing } = this.#request.options;
    const maker = fileMaker();
    const { gid, mode } = fstatSync(this.#root);
    // A setgid directory hands its group on; so do some mounts, for which this looks like a reason, too.
    const alwaysOwns = (mode & 0o2000) !== 0 || gid !== maker.gid;
    return { owners, replaces: existing === "replace", maker, alwaysOwns };
  }

  /** Beside this one. Not for little work, and not where this program is not built. */
  #threadCount(): number {
    const { work, options } = this.#request;
    const most = Math.min(options.threads ?? availableParallelism(), MOST_THREADS) - 1;
    if (most < 1 || this.#tars.streams.length > 0 || !hasThreads()) return 0;
    let bytes = 0;
    for (let item = 0; item < work.items.count; item++) bytes += work.items.size[item] as number;
    return work.items.count < WORTH_THREADS.items && bytes < WORTH_THREADS.bytes ? 0 : most;
  }

  /** Makes all directories, then files as long as there are any. What goes wrong here stops the other threads. */
  async #doMyPart(placer: ItemPlacer, manner: Manner, queue: ItemQueue): Promise<void> {
    try {
      await this.#makeDirectories(manner, queue);
      for (let chunk = queue.take(); chunk !== undefined; chunk = queue.take()) {
        for (let item = chunk.start; item < chunk.end && !queue.isStopped; item++) {
          await this.#placeItem(placer, item);
        }
      }
    } catch (error) {
      queue.stop();
      throw error;
    }
  }

  async #makeDirectories(manner: Manner, queue: ItemQueue): Promise<void> {
    const { directories } = this.#request.work;
    using maker = new DirectoryMaker(directories, this.#root);
    for (let row = 0; row < directories.count && !queue.isStopped; row++) {
      if (maker.make(row, manner)) this.#made++;
      if (row % BREATH === 0) queue.announce(row + 1);
      await this.#breathe();
    }
    queue.announce(directories.count);
  }

  async #placeItem(placer: ItemPlacer, item: number): Promise<void> {
    const { items } = this.#request.work;
    const hasData = items.kind[item] === PLAIN_FILE && (items.size[item] as number) > 0;
    const stream = hasData ? this.#tars.streams[items.layer[item] as number] : undefined;
    if (stream === undefined) placer.place(item);
    else await placer.placeFrom(item, stream(item));
    await this.#breathe();
  }

  /** Bottom up: what is made in a directory changes its time, and its mode may close it. */
  async #finishDirectories(manner: Manner): Promise<void> {
    const { work, losses } = this.#request;
    using maker = new DirectoryMaker(work.directories, this.#root);
    for (let row = work.directories.count - 1; row >= 0; row--) {
      maker.finish(row, manner, losses);
      await this.#breathe();
    }
  }

  #steps = 0;

  /** The calls are synchronous: signals of the process and of the caller are heard only in between. */
  #breathe(): Promise<void> | undefined {
    return ++this.#steps % BREATH > 0 ? undefined : this.#takeTurn();
  }

  async #takeTurn(): Promise<void> {
    await nextTurn();
    assertNotAborted(this.#request.options.signal);
  }
}
