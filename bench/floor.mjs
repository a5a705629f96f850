/** `node bench/floor.mjs BLOB…`: inflates and hashes gzip blobs on as many threads as there are processors: less work than that is no unpacking. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { createGunzip } from "node:zlib";

/** @param {string} blob */
async function inflateAndHash(blob) {
  const [stored, tar] = [createHash("sha256"), createHash("sha256")];
  const input = createReadStream(blob, { highWaterMark: 1 << 20 });
  const output = createGunzip({ chunkSize: 1 << 18 });
  input.on("data", (chunk) => stored.update(chunk));
  output.on("data", (chunk) => tar.update(chunk));
  await pipeline(input, output);
  return [stored.digest("hex"), tar.digest("hex")];
}

if (isMainThread) {
  const blobs = process.argv.slice(2).sort((a, b) => statSync(a).size - statSync(b).size);
  for (let i = 0; i < availableParallelism(); i++) {
    const worker = new Worker(new URL(import.meta.url));
    const next = () => {
      const blob = blobs.pop();
      if (blob === undefined) void worker.terminate();
      else worker.postMessage(blob);
    };
    worker.on("message", next);
    next();
  }
} else {
  parentPort?.on("message", (blob) => void inflateAndHash(blob).then((digests) => parentPort?.postMessage(digests)));
}
