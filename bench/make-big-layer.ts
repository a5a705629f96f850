import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeHeader } from "../src/tar/index.ts";
import { BENCH_DIRECTORY } from "./make-image.ts";

const FILES_PER_DIRECTORY = 1000;
const BLOCK = 512;
const BATCH = 4096;

/** A layer tar of so many empty files in directories of a thousand, made once and kept. */
export function makeBigLayer(entries: number): string {
  const path = join(BENCH_DIRECTORY, `entries-${entries}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(BENCH_DIRECTORY, { recursive: true });
  const file = openSync(`${path}.partial`, "w");
  for (let first = 0; first < entries; first += BATCH) {
    const headers = Array.from({ length: Math.min(BATCH, entries - first) }, (_, i) => headerOf(first + i));
    writeSync(file, Buffer.concat(headers));
  }
  writeSync(file, new Uint8Array(2 * BLOCK));
  closeSync(file);
  renameSync(`${path}.partial`, path);
  return path;
}

function headerOf(i: number): Uint8Array {
  const directory = `srv/data/${Math.floor(i / FILES_PER_DIRECTORY)}`;
  const isDirectory = i % FILES_PER_DIRECTORY === 0;
  return encodeHeader({
    name: isDirectory ? `${directory}/` : `${directory}/file-${i}.txt`,
    type: isDirectory ? "directory" : "file",
    mode: isDirectory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
  });
}
