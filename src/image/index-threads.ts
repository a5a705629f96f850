import { Worker } from "node:worker_threads";
import { StrataError } from "../base/index.ts";
import { decodeLayerIndex } from "../layer/index.ts";
import type { IndexedLayer } from "./index-layer.ts";
import type { IndexReply, IndexRequest } from "./index-message.ts";

/** A thread's program, as built: beside this module, or beside the bundle that this module became part of. */
const PROGRAM = new URL("./index-worker.js", import.meta.url);

/** How one request is followed. */
export interface ThreadCall {
  readonly signal?: AbortSignal | undefined;
  /** Told how many stored bytes have been read so far, in steps of some MiB. */
  readonly onBytes?: ((done: number) => void) | undefined;
}

/** Threads that index layers in local files: one for each request under way, kept for the next. Dispose to end them. */
export class IndexThreads implements AsyncDisposable {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];

  /**
   * {@link indexLayer} on another thread, of bytes that lie in a local file.
   *
   * @throws StrataError as `indexLayer` does; `aborted` when the signal fires, which ends the thread
   */
  async index(request: IndexRequest, { signal, onBytes }: ThreadCall = {}): Promise<IndexedLayer> {
    const worker = this.#idle.pop() ?? this.#start();
    const reply = await ask(worker, request, { signal, onBytes });
    this.#idle.push(worker);
    if (reply.kind === "failed") throw new StrataError(reply.error);
    const { compression, diffId } = reply;
    return { index: decodeLayerIndex(reply.index), compression, diffId };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM);
    this.#all.push(worker);
    return worker;
  }
}

type FinalReply = Exclude<IndexReply, { kind: "progress" }>;

function ask(worker: Worker, request: IndexRequest, { signal, onBytes }: ThreadCall): Promise<FinalReply> {
  const { promise, resolve, reject } = withResolvers<FinalReply>();
  const onAbort = (): void => {
    void worker.terminate();
    reject(new StrataError({ code: "aborted", kind: "aborted", message: "The operation was aborted" }));
  };
  const onMessage = (reply: IndexReply): void => {
    if (reply.kind === "progress") onBytes?.(reply.done);
    else resolve(reply);
  };
  worker.on("message", onMessage).once("error", reject);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  else worker.postMessage(request);
  return promise.finally(() => {
    worker.off("message", onMessage).off("error", reject);
    signal?.removeEventListener("abort", onAbort);
  });
}

function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
