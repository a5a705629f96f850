import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { assertNotAborted, StrataError } from "../base/index.ts";
import { decodeLayerIndex } from "../layer/index.ts";
import type { UnpackedLayer } from "./unpack-layer.ts";
import type { UnpackNotice, UnpackReply, UnpackRequest } from "./unpack-message.ts";

/** A thread's program, as built: beside this module, or beside the bundle that this module became part of. */
const PROGRAM = new URL("./unpack-worker.js", import.meta.url);

/** How one layer is followed. */
export interface ThreadCall {
  readonly signal?: AbortSignal | undefined;
  /** Told how many stored bytes have been read so far, in steps of some MiB. */
  readonly onBytes?: ((done: number) => void) | undefined;
  /** Given, once the thread was asked, what tells it more. */
  readonly onStart?: ((tell: (notice: UnpackNotice["kind"]) => void) => void) | undefined;
}

/** Threads that unpack layers: one for each call under way, kept for the next. Dispose to end them, when no call is under way. */
export class UnpackThreads implements AsyncDisposable {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];

  /** Whether threads can be had: they run programs that were built. */
  static get areAvailable(): boolean {
    return existsSync(PROGRAM);
  }

  /**
   * What the request says, on another thread.
   * @throws StrataError as `unpackLayer` does; `aborted` when the signal fires, as soon as the thread has tidied up
   */
  async perform(request: UnpackRequest, call: ThreadCall = {}): Promise<UnpackedLayer> {
    assertNotAborted(call.signal);
    const worker = this.#idle.pop() ?? this.#start();
    const reply = await ask(worker, request, call);
    this.#idle.push(worker);
    if (reply.kind === "failed") {
      assertNotAborted(call.signal);
      throw new StrataError(reply.error);
    }
    return { diffId: reply.diffId, index: decodeLayerIndex(reply.index) };
  }

  /** Starts a thread before there is anything to do, which takes a tenth of a second on another processor. */
  startAhead(): void {
    if (UnpackThreads.areAvailable) this.#idle.push(this.#start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#idle.length = 0;
    await Promise.all(this.#all.splice(0).map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM);
    this.#all.push(worker);
    return worker;
  }
}

type FinalReply = Exclude<UnpackReply, { kind: "progress" }>;

function ask(worker: Worker, request: UnpackRequest, { signal, onBytes, onStart }: ThreadCall): Promise<FinalReply> {
  const tell = (kind: UnpackNotice["kind"]): void => worker.postMessage({ kind } satisfies UnpackNotice);
  const onAbort = (): void => tell("abort");
  return new Promise<FinalReply>((resolve, reject) => {
    const onMessage = (reply: UnpackReply): void => {
      if (reply.kind === "progress") return onBytes?.(reply.done);
      worker.off("message", onMessage).off("error", reject);
      resolve(reply);
    };
    worker.on("message", onMessage).once("error", reject);
    worker.postMessage(request);
    signal?.addEventListener("abort", onAbort, { once: true });
    onStart?.(tell);
  }).finally(() => signal?.removeEventListener("abort", onAbort));
}
