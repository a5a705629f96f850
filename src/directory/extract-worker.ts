import { parentPort, workerData } from "node:worker_threads";
import { packError } from "../base/index.ts";
import type { ThreadReply, ThreadTask } from "./extract-threads.ts";
import { ItemPlacer } from "./item-placer.ts";
import { ItemQueue } from "./item-queue.ts";
import { shareRows } from "./work-list.ts";

// The program of a thread that makes files: it takes chunks until there are none, says what it did, and ends.
if (parentPort !== null) parentPort.postMessage(work(workerData as ThreadTask));

function work({ placement, queue: shared }: ThreadTask): ThreadReply {
  const queue = new ItemQueue(shared);
  const rows = { directories: shareRows(placement.work.directories), items: shareRows(placement.work.items) };
  using placer = new ItemPlacer({ ...placement, work: rows });
  try {
    for (let chunk = queue.take(); chunk !== undefined; chunk = queue.take()) {
      for (let item = chunk.start; item < chunk.end && !queue.isStopped; item++) {
        queue.waitFor((rows.items.parent[item] as number) + 1);
        if (!queue.isStopped) placer.place(item);
      }
    }
    return { kind: "done", entries: placer.entries, bytes: placer.bytes, skipped: placer.losses.all() };
  } catch (error) {
    queue.stop();
    return { kind: "failed", error: packError(error) };
  }
}
