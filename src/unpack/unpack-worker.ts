import { type MessagePort, parentPort } from "node:worker_threads";
import { type ByteSource, packError, sliceSource } from "../base/index.ts";
import { createLocalContentStore, openFile } from "../content/index.ts";
import { encodeLayerIndex } from "../layer/index.ts";
import { GrowingFile } from "./growing-file.ts";
import { indexTar, type UnpackedLayer, unpackLayer } from "./unpack-layer.ts";
import type { StoredFile, UnpackNotice, UnpackReply, UnpackRequest } from "./unpack-message.ts";

/** Progress is told in steps of this many stored bytes. */
const PROGRESS_STEP = 1024 * 1024;

/** What is under way. */
class Work {
  readonly #stop = new AbortController();
  /** Told what becomes of the file that it reads, if that is a growing one. */
  growing: GrowingFile | undefined;

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  abort(): void {
    this.#stop.abort();
    this.growing?.fail();
  }
}

// The program of an unpacking thread: takes one layer at a time and answers with `UnpackReply`s.
if (parentPort !== null) serve(parentPort);

function serve(port: MessagePort): void {
  let work = new Work();
  port.on("message", (message: UnpackRequest | UnpackNotice) => {
    if (message.kind === "abort") return work.abort();
    if (message.kind !== "unpack" && message.kind !== "index") return work.growing?.[message.kind]();
    work = new Work();
    void answer(port, message, work);
  });
}

async function answer(port: MessagePort, request: UnpackRequest, work: Work): Promise<void> {
  try {
    const { index, diffId } = await perform(request, work, tellProgress(port));
    const encoded = encodeLayerIndex(index);
    const reply: UnpackReply = { kind: "unpacked", diffId, index: encoded };
    port.postMessage(reply, [encoded.buffer]);
  } catch (error) {
    const reply: UnpackReply = { kind: "failed", error: packError(error) };
    port.postMessage(reply);
  }
}

function tellProgress(port: MessagePort): (done: number) => void {
  let told = 0;
  return (done) => {
    if (done - told < PROGRESS_STEP) return;
    told = done;
    const reply: UnpackReply = { kind: "progress", done };
    port.postMessage(reply);
  };
}

async function perform(request: UnpackRequest, work: Work, onBytes: (done: number) => void): Promise<UnpackedLayer> {
  // Before the first wait: what becomes of the file is told from now on.
  if (request.kind === "unpack" && request.bytes.kind === "growing") {
    work.growing = new GrowingFile(request.bytes.fd, request.bytes.size);
  }
  const { growing, signal } = work;
  await using content = await createLocalContentStore({ directory: request.directory });
  const options = { content, signal, onBytes };
  if (request.kind === "index") return await indexTar(request.diffId, { ...options, limits: request.limits });
  if (growing !== undefined) {
    return await unpackLayer(growing, request.task, { ...options, approve: () => growing.whole() });
  }
  await using stored = await openStored(request.bytes as StoredFile);
  return await unpackLayer(stored, request.task, options);
}

async function openStored({ location }: StoredFile): Promise<ByteSource> {
  const file = await openFile(location.path);
  return {
    ...sliceSource(file, location.offset, location.size),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
