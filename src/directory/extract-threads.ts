import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { StrataError, type StrataErrorInit } from "../base/index.ts";
import type { SkippedPart } from "./extract-options.ts";
import type { Placement } from "./item-placer.ts";
import type { ItemQueue, SharedQueue } from "./item-queue.ts";

/** A thread's program, as built: beside this module, or beside the bundle that this module became part of. */
const PROGRAM = new URL("./extract-worker.js", import.meta.url);

/** What a thread is given when it starts. */
export interface ThreadTask {
  readonly placement: Placement;
  readonly queue: SharedQueue;
}

/** What a thread did. */
export interface ThreadWork {
  readonly entries: number;
  readonly bytes: number;
  readonly skipped: readonly SkippedPart[];
}

/** What a thread says in the end. */
export type ThreadReply =
  | ({ readonly kind: "done" } & ThreadWork)
  | { readonly kind: "failed"; readonly error: StrataErrorInit };

/** Whether this program is built, so that it can start threads of itself. */
export function hasThreads(): boolean {
  return existsSync(PROGRAM);
}

/**
 * Starts threads that make the files of a queue.
 * @returns what each did, once all have ended @throws StrataError the first that one met
 */
export function startThreads(task: ThreadTask, count: number, queue: ItemQueue): Promise<ThreadWork[]> {
  return gather(Array.from({ length: count }, () => runThread(task, queue)));
}

/** Waits for all of them, because files of a thread that still runs cannot be taken back. */
async function gather(threads: readonly Promise<ThreadWork>[]): Promise<ThreadWork[]> {
  const results = await Promise.allSettled(threads);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

function runThread(task: ThreadTask, queue: ItemQueue): Promise<ThreadWork> {
  return new Promise((resolve, reject) => {
    let reply: ThreadReply | undefined;
    const fail = (error: Error): void => {
      queue.stop();
      reject(error);
    };
    // Files are opened through FFI, of which Node's own account of open files knows nothing.
    const thread = new Worker(PROGRAM, { workerData: task, trackUnmanagedFds: false });
    thread.once("message", (message: ThreadReply) => {
      reply = message;
    });
    thread.once("error", fail);
    thread.once("exit", () => {
      if (reply?.kind === "done") resolve(reply);
      else fail(reply === undefined ? threadDied() : new StrataError(reply.error));
    });
  });
}

function threadDied(): StrataError {
  return new StrataError({ code: "internal", kind: "internal", message: "A thread that made files ended early" });
}
