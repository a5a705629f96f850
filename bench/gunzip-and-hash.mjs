/**
 * The yardstick for compressed layers: one pass of Node's own gunzip with a hash over both sides, nothing else.
 * Arguments: gzip files, read one after the other.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

for (const path of process.argv.slice(2)) {
  const stored = createHash("sha256");
  const plain = createHash("sha256");
  const file = createReadStream(path, { highWaterMark: 512 * 1024 });
  file.on("data", (chunk) => stored.update(chunk));
  for await (const chunk of file.pipe(createGunzip({ chunkSize: 256 * 1024 }))) plain.update(chunk);
  process.stdout.write(`${stored.digest("hex")} ${plain.digest("hex")}\n`);
}
