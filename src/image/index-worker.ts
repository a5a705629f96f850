import { type MessagePort, parentPort } from "node:worker_threads";
import { packError, sliceSource } from "../base/index.ts";
import { openFile } from "../content/index.ts";
import { encodeLayerIndex } from "../layer/index.ts";
import { indexLayer } from "./index-layer.ts";
import type { IndexReply, IndexRequest } from "./index-message.ts";

/** Progress is told in steps of this many stored bytes. */
const PROGRESS_STEP = 4 * 1024 * 1024;

// The program of an index thread: takes one `IndexRequest` at a time and answers with `IndexReply`s.
if (parentPort !== null) serve(parentPort);

function serve(port: MessagePort): void {
  const reply = (message: IndexReply): void => {
    const transfer = message.kind === "indexed" ? [message.index.buffer as ArrayBuffer] : [];
    port.postMessage(message, transfer);
  };
  port.on("message", (request: IndexRequest) => void answer(request, reply));
}

async function answer({ location, ...options }: IndexRequest, reply: (message: IndexReply) => void): Promise<void> {
  try {
    await using file = await openFile(location.path);
    let told = 0;
    const onBytes = (done: number): void => {
      if (done - told < PROGRESS_STEP) return;
      told = done;
      reply({ kind: "progress", done });
    };
    const stored = sliceSource(file, location.offset, location.size);
    const { index, compression, diffId } = await indexLayer(stored, { ...options, onBytes });
    reply({ kind: "indexed", index: encodeLayerIndex(index), compression, diffId });
  } catch (error) {
    reply({ kind: "failed", error: packError(error) });
  }
}
