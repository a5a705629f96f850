import { PLAIN_FILE, type Rows } from "./work-list.ts";

/** A chunk ends with the file that reaches one of these. */
const CHUNK_ITEMS = 256;
const CHUNK_BYTES = 8 * 1024 * 1024;

const NEXT = 0;
const STOPPED = 1;
const DIRECTORIES = 2;

/** A queue in memory that threads share. */
export interface SharedQueue {
  readonly control: Int32Array;
  /** First item of each chunk, and after the last chunk the number of items. */
  readonly bounds: Uint32Array;
}

/** Items that lie next to each other. */
export interface Chunk {
  readonly start: number;
  /** First item after it. */
  readonly end: number;
}

/** Cuts the items of a list into chunks, which threads take one after the other: files of one directory stay together, mostly. */
export function createQueue(items: Rows): SharedQueue {
  const bounds = [0];
  let [count, bytes] = [0, 0];
  for (let item = 0; item < items.count; item++) {
    count++;
    bytes += items.kind[item] === PLAIN_FILE ? (items.size[item] as number) : 0;
    if (count < CHUNK_ITEMS && bytes < CHUNK_BYTES) continue;
    bounds.push(item + 1);
    [count, bytes] = [0, 0];
  }
  if (count > 0) bounds.push(items.count);
  const shared = new Uint32Array(new SharedArrayBuffer(4 * bounds.length));
  shared.set(bounds);
  return { control: new Int32Array(new SharedArrayBuffer(12)), bounds: shared };
}

/** One thread's hand on a {@link SharedQueue}. */
export class ItemQueue {
  readonly #control: Int32Array;
  readonly #bounds: Uint32Array;

  constructor({ control, bounds }: SharedQueue) {
    this.#control = control;
    this.#bounds = bounds;
  }

  get isStopped(): boolean {
    return Atomics.load(this.#control, STOPPED) !== 0;
  }

  /** The next chunk that nobody has; undefined when there is none, or work has stopped. */
  take(): Chunk | undefined {
    const chunk = Atomics.add(this.#control, NEXT, 1);
    if (chunk + 1 >= this.#bounds.length || this.isStopped) return undefined;
    return { start: this.#bounds[chunk] as number, end: this.#bounds[chunk + 1] as number };
  }

  /** Nobody takes anything any more, and who waits wakes up. */
  stop(): void {
    Atomics.store(this.#control, STOPPED, 1);
    Atomics.notify(this.#control, DIRECTORIES);
  }

  /** Says that the directories before this row are made. */
  announce(directories: number): void {
    Atomics.store(this.#control, DIRECTORIES, directories);
    Atomics.notify(this.#control, DIRECTORIES);
  }

  /** Blocks this thread until the directories before this row are made, or work has stopped. */
  waitFor(directories: number): void {
    for (;;) {
      const made = Atomics.load(this.#control, DIRECTORIES);
      if (made >= directories || this.isStopped) return;
      Atomics.wait(this.#control, DIRECTORIES, made, LONGEST_WAIT);
    }
  }
}

/** Milliseconds until somebody who waits looks again whether work has stopped. */
const LONGEST_WAIT = 100;
