import { closeSync, openSync } from "node:fs";
import type { ContentStore, FollowIngest, IndexCache } from "../content/index.ts";
import { type Limits, rememberIndex } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { DiffId, Digest } from "../oci/index.ts";
import { GrowingFile } from "./growing-file.ts";
import { type LayerTask, type UnpackedLayer, type UnpackLayerOptions, unpackLayer } from "./unpack-layer.ts";
import type { UnpackNotice } from "./unpack-message.ts";
import { UnpackThreads } from "./unpack-threads.ts";

/** A layer that was unpacked while it arrived. */
export interface ArrivedLayer {
  /** As computed: no image has been asked yet whether it agrees. */
  readonly diffId: DiffId;
  readonly index: LayerIndex;
}

/** Told about layers that arrive, by the digest of the stored bytes. */
export type ArrivalEvent =
  /** Each that is `unpacking` ends as `unpacked` or `given-up`. */
  | {
      readonly type: "arrival";
      readonly digest: Digest;
      readonly size: number;
      readonly state: "unpacking" | "unpacked" | "given-up";
    }
  | { readonly type: "arrival-progress"; readonly digest: Digest; readonly bytes: number; readonly size: number };

/** Where and how arriving layers are unpacked. */
export interface LayerArrivalsOptions {
  /** Into which the blobs arrive, and the tars go. */
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  /** Protects what was unpacked from being freed. */
  readonly lease: (...digests: readonly Digest[]) => Promise<void>;
  /** Layers at once, each on its own thread where that pays; small ones, which need none, are counted apart. At least 1. */
  readonly workers: number;
  /** Perhaps started ahead; own ones unless given. Ended with the arrivals. */
  readonly threads?: UnpackThreads | undefined;
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ArrivalEvent) => void) | undefined;
}

/** Smaller layers are unpacked before a thread has started. */
const WORTH_A_THREAD = 4 * 1024 * 1024;
/** Threads are told of new bytes in steps of this. */
const NOTICE_STEP = 512 * 1024;

/** A blob on its way in. */
interface Arrival {
  readonly digest: Digest;
  readonly size: number;
  /** Of the growing file, which is renamed when it is complete. */
  readonly fd: number;
  state: "growing" | "complete" | "failed";
  /** Bytes of which whoever reads it has been told. */
  told: number;
  /** Tells whoever reads it; nobody does unless given. */
  tell: ((kind: UnpackNotice["kind"]) => void) | undefined;
}

/**
 * Unpacks layers while a copy brings them into the content store: reads the growing file of each ingest, as many at once
 * as there are workers, of those that wait the largest first; one that is larger than all under way does not wait. A layer whose transfer fails or begins anew is given up
 * without a word, and so is one that cannot be unpacked: whoever unpacks the image will say why.
 *
 * Lifecycle: give {@link follow} to the destination → copy → {@link settle} → dispose, which stops what is under way.
 */
export class LayerArrivals implements AsyncDisposable {
  readonly #options: LayerArrivalsOptions;
  readonly #threads: UnpackThreads;
  readonly #stop = new AbortController();
  readonly #arrived = new Map<Digest, ArrivedLayer>();
  readonly #waiting: Arrival[] = [];
  /** With the sizes of their layers. */
  readonly #running = new Map<Promise<void>, number>();
  #ending: Promise<void> | undefined;

  constructor(options: LayerArrivalsOptions) {
    this.#options = options;
    this.#threads = options.threads ?? new UnpackThreads();
  }

  /** What the destination calls for each layer whose transfer begins. */
  readonly follow: FollowIngest = ({ expected: { digest, size }, path }) => {
    if (digest === undefined || size === undefined || this.#stop.signal.aborted) return undefined;
    const fd = openIfPossible(path);
    if (fd === undefined) return undefined;
    const arrival: Arrival = { digest, size, fd, state: "growing", told: 0, tell: undefined };
    this.#waiting.push(arrival);
    this.#startNext();
    return {
      more: (bytes) => {
        if (bytes - arrival.told < NOTICE_STEP) return;
        arrival.told = bytes;
        arrival.tell?.("more");
      },
      complete: () => endArrival(arrival, "complete"),
      fail: () => endArrival(arrival, "failed"),
    };
  };

  /**
   * Waits until nothing is under way; to be called when the copy has ended, well or not.
   * @returns what was unpacked, by the digest of the stored bytes
   */
  async settle(): Promise<ReadonlyMap<Digest, ArrivedLayer>> {
    while (this.#running.size > 0) await Promise.all(this.#running.keys());
    // Nobody needs the threads any more: they end while the image is finished.
    this.#ending ??= this.#threads[Symbol.asyncDispose]();
    return this.#arrived;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { fd } of this.#waiting.splice(0)) closeSync(fd);
    await this.settle();
    await this.#ending;
    await this.#threads[Symbol.asyncDispose]();
  }

  #startNext(): void {
    const largestFirst = this.#waiting.toSorted((one, other) => other.size - one.size);
    for (const arrival of largestFirst) {
      if (!this.#hasRoomFor(arrival)) continue;
      this.#waiting.splice(this.#waiting.indexOf(arrival), 1);
      const running = this.#run(arrival).finally(() => {
        this.#running.delete(running);
        this.#startNext();
      });
      this.#running.set(running, arrival.size);
    }
  }

  /** The largest layer decides when all is done: it need not wait for smaller ones that happened to come first. */
  #hasRoomFor({ size }: Arrival): boolean {
    const { workers } = this.#options;
    const alike = [...this.#running.values()].filter((other) => isSmall(other) === isSmall(size));
    if (alike.length < workers) return true;
    return alike.length < 2 * workers && size > Math.max(...alike);
  }

  /** Never rejects. */
  async #run(arrival: Arrival): Promise<void> {
    const { digest, size, fd } = arrival;
    const { onEvent, indexCache, lease } = this.#options;
    try {
      if (arrival.state === "failed") return;
      onEvent?.({ type: "arrival", digest, size, state: "unpacking" });
      const { diffId, index } = await this.#unpack(arrival);
      await lease(diffId as string as Digest);
      await rememberIndex(indexCache, diffId, index);
      this.#arrived.set(digest, { diffId, index });
      onEvent?.({ type: "arrival", digest, size, state: "unpacked" });
    } catch {
      onEvent?.({ type: "arrival", digest, size, state: "given-up" });
    } finally {
      closeSync(fd);
    }
  }

  async #unpack(arrival: Arrival): Promise<UnpackedLayer> {
    const { digest, size, fd } = arrival;
    const { content, limits, onEvent } = this.#options;
    const task: LayerTask = { claim: { digest, size, diffId: undefined }, limits, isVerified: true, isStored: true };
    const onBytes = (bytes: number): void => onEvent?.({ type: "arrival-progress", digest, bytes, size });
    const signal =
      this.#options.signal === undefined
        ? this.#stop.signal
        : AbortSignal.any([this.#options.signal, this.#stop.signal]);
    const { directory } = content;
    if (isSmall(size) || directory === undefined || !UnpackThreads.areAvailable) {
      return await unpackHere(arrival, task, { content, signal, onBytes });
    }
    const request = { kind: "unpack", directory, task, bytes: { kind: "growing", fd, size } } as const;
    return await this.#threads.perform(request, { signal, onBytes, onStart: (tell) => follow(arrival, tell) });
  }
}

function isSmall(size: number): boolean {
  return size < WORTH_A_THREAD;
}

async function unpackHere(
  arrival: Arrival,
  task: LayerTask,
  options: UnpackLayerOptions & { readonly signal: AbortSignal },
): Promise<UnpackedLayer> {
  const { signal } = options;
  const growing = new GrowingFile(arrival.fd, arrival.size);
  const stop = (): void => growing.fail();
  signal.addEventListener("abort", stop);
  try {
    follow(arrival, (kind) => growing[kind === "abort" ? "fail" : kind]());
    return await unpackLayer(growing, task, { ...options, approve: () => growing.whole() });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Following is never worth a failure: without it the layer is unpacked later. */
function openIfPossible(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}

/** From now on this reader is told; of what has happened before, at once. */
function follow(arrival: Arrival, tell: NonNullable<Arrival["tell"]>): void {
  arrival.tell = tell;
  if (arrival.state === "complete") tell("complete");
  if (arrival.state === "failed") tell("fail");
}

/** The first end counts: a transfer that began anew after a failure fills the file with other bytes. */
function endArrival(arrival: Arrival, state: "complete" | "failed"): void {
  if (arrival.state !== "growing") return;
  arrival.state = state;
  arrival.tell?.(state === "complete" ? "complete" : "fail");
}
