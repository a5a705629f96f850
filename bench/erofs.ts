/**
 * `tsx bench/erofs.ts [COUNT…]`: how long the EROFS image of a tree of so many entries takes, in a fresh process (cold) and
 * again in the same one (warm), and the peak of its memory. Without counts 30,000 and 1,000,000, and the benchmark image
 * where it has been made. Each count runs in a process of its own: `tsx bench/erofs.ts --one COUNT`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { type ByteSource, sleep, sliceSource } from "../src/base/index.ts";
import { writeErofs } from "../src/erofs/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../src/layer/index.ts";
import { scanTarSync, type TarEntry } from "../src/tar/index.ts";
import { mergeLayers } from "../src/union/index.ts";
import { BENCH_DIRECTORY } from "./make-image.ts";

const IMAGE = join(BENCH_DIRECTORY, "image.tar");
const FILES_PER_DIRECTORY = 12;
/** What the first entries of a directory are; all others are files. */
const KINDS = ["directory", "symlink"] as const;
const WARM_RUNS = 5;

async function main([first, what]: readonly string[]): Promise<void> {
  if (first === "--one") return measure(what ?? "30000");
  const subjects = process.argv.length > 2 ? process.argv.slice(2) : ["30000", "1000000", IMAGE];
  for (const subject of subjects) {
    if (subject === IMAGE && !existsSync(IMAGE)) continue;
    const args = [...process.execArgv, import.meta.filename, "--one", subject];
    spawnSync(process.execPath, args, { stdio: "inherit" });
  }
}

async function measure(subject: string): Promise<void> {
  const layers = Number.isNaN(Number(subject)) ? layersOf(subject) : [syntheticLayer(Number(subject))];
  const union = mergeLayers(layers);
  const times: number[] = [];
  const cpuTimes: number[] = [];
  const before = process.memoryUsage().rss;
  let bytes = 0;
  let flattened = 0;
  // What made the tree is not to be collected while its image is timed.
  globalThis.gc?.();
  await sleep(50);
  for (let run = 0; run <= WARM_RUNS; run++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const flat = union.flatten();
    if (run === 0) flattened = performance.now() - start;
    const sink = { write: (): void => undefined };
    const image = await writeErofs(flat, { sink, uuid: new Uint8Array(16), escapeOverlay: true });
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(cpu);
    cpuTimes.push((user + system) / 1000);
    bytes = image.bytes;
  }
  const [cold = 0, ...warm] = times;
  const rows = union.flatten().columns.entry.length;
  const best = Math.min(...warm);
  process.stdout.write(
    `${subject}: ${rows} names, ${(bytes / 1e6).toFixed(1)} MB; cold ${cold.toFixed(0)} ms (flatten ${flattened.toFixed(0)}; ` +
      `cpu ${cpuTimes[0]?.toFixed(0)}), warm ${best.toFixed(0)} ms = ${Math.round(rows / best)} k/s, ` +
      `memory ${mebibytes(before)} before, at most ${mebibytes(1024 * process.resourceUsage().maxRSS)} MiB\n`,
  );
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

/** The layers of a `docker save` archive, whose tars lie in it uncompressed. */
function layersOf(path: string): readonly LayerIndex[] {
  const archive = fileSource(path);
  const members = new Map<string, { readonly at: number; readonly size: number }>();
  scanTarSync(archive, ({ name, dataOffset, storedSize }) => members.set(name, { at: dataOffset, size: storedSize }));
  const member = (name: string): ByteSource => {
    const { at = 0, size = 0 } = members.get(name) ?? {};
    return sliceSource(archive, at, size);
  };
  const manifest = member("manifest.json");
  const text = new Uint8Array(manifest.size);
  manifest.readSync?.(text, 0);
  const [{ Layers: names }] = JSON.parse(Buffer.from(text).toString()) as [{ readonly Layers: readonly string[] }];
  return names.map((name) => {
    const builder = new LayerIndexBuilder();
    const tar = member(name);
    scanTarSync(tar, (entry) => builder.add(entry));
    return builder.finish(tar.size);
  });
}

function fileSource(path: string): ByteSource {
  const fd = openSync(path, "r");
  const readSyncAt = (target: Uint8Array, offset: number): number => readSync(fd, target, 0, target.length, offset);
  return {
    size: fstatSync(fd).size,
    readSync: readSyncAt,
    read: async (target, offset) => readSyncAt(target, offset),
    stream: () => {
      throw new Error("not streamed");
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Directories of a dozen files under a hundred of their like, a link in ten, no data to speak of. */
function syntheticLayer(entries: number): LayerIndex {
  const builder = new LayerIndexBuilder();
  for (let i = 0; i < entries; i++) builder.add(entryOf(i));
  return builder.finish(512 * (2 * entries + 2));
}

function entryOf(i: number): TarEntry {
  const group = Math.floor(i / FILES_PER_DIRECTORY);
  const directory = `usr/share/package-${group % 100}/part-${group}`;
  const kind = i % FILES_PER_DIRECTORY;
  const type = KINDS[kind] ?? "file";
  return {
    name: type === "directory" ? `${directory}/` : `${directory}/some-file-${i}.js`,
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    size: type === "file" ? 500 : 0,
    mtime: { seconds: 1_700_000_000 + i, nanoseconds: 0 },
    linkName: type === "symlink" ? "../part-1/target" : "",
    devMajor: 0,
    devMinor: 0,
    headerOffset: 1024 * i,
    dataOffset: 1024 * i + 512,
    storedSize: type === "file" ? 500 : 0,
  };
}

await main(process.argv.slice(2));
