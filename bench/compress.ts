/**
 * `npx tsx bench/compress.ts [TAR] [RUNS]`: how fast `compress` is and what its output weighs, beside the tools that do
 * the same on this machine (pigz where it is installed). Prints a table in Markdown, ratios to `gzip -6`.
 * With `once FORMAT CORES TAR` it is the program that is timed: it compresses the file to stdout.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type CompressionFormat, compress } from "../src/tar/index.ts";
import { makeBenchImage } from "./make-image.ts";
import { type Measurement, measureTogether } from "./measure.ts";

const READ_SIZE = 512 * 1024;

interface Output {
  readonly size: number;
  readonly digest: string;
}

/** The commands, by the name under which the table shows them. The first is what the others are compared with. */
function commandsFor(tar: string): Record<string, readonly string[]> {
  const ours = (format: string, cores: number): readonly string[] => [
    process.execPath,
    "--import=tsx",
    import.meta.filename,
    "once",
    format,
    `${cores}`,
    tar,
  ];
  const pigz = existsSync("/usr/bin/pigz");
  return {
    "gzip -6": ["gzip", "-6", "-n", "-c", tar],
    "zlib of Node, one stream": ours("zlib", 1),
    "strata gzip, 1 core": ours("gzip", 1),
    "strata gzip, 2 cores": ours("gzip", 2),
    ...(pigz ? { "pigz -6 -p 2": ["pigz", "-6", "-n", "-p", "2", "-c", tar] } : {}),
    "strata zstd": ours("zstd", 2),
    "zstd -3": ["zstd", "-q", "-3", "--single-thread", "-c", tar],
  };
}

async function main(tar: string, runs: number): Promise<void> {
  const commands = commandsFor(tar);
  const outputs = new Map<string, Output>();
  for (const [name, command] of Object.entries(commands)) outputs.set(name, await outputOf(command));
  if (outputs.get("strata gzip, 1 core")?.digest !== outputs.get("strata gzip, 2 cores")?.digest)
    throw new Error("The output depends on the number of cores");
  process.stdout.write(report(measureTogether(commands, { runs }), outputs));
}

async function outputOf([program = "", ...args]: readonly string[]): Promise<Output> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    size += chunk.length;
    hash.update(chunk);
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return { size, digest: hash.digest("hex") };
}

function report(measured: Record<string, Measurement>, outputs: ReadonlyMap<string, Output>): string {
  const names = Object.keys(measured);
  const [first = ""] = names;
  const lines = names.map((name) => {
    const { median = Number.NaN, peakMiB } = measured[name] ?? {};
    const size = outputs.get(name)?.size ?? Number.NaN;
    const speed = (measured[first]?.median ?? Number.NaN) / median;
    const weight = size / (outputs.get(first)?.size ?? Number.NaN);
    const peak = peakMiB === undefined ? "" : `${peakMiB.toFixed(0)} MiB`;
    const cells = [name, `${(median / 1000).toFixed(1)} s`, `${speed.toFixed(2)} ×`, size, weight.toFixed(3), peak];
    return `| ${cells.join(" | ")} |`;
  });
  const head = ["| | time | speed | bytes | size | peak |", "|---|---:|---:|---:|---:|---:|"];
  const machine = `Node ${process.version}, ${availableParallelism()} processors`;
  return `${[...head, ...lines, "", `Whole processes, medians, ratios to ${first}, ${machine}.`].join("\n")}\n`;
}

async function compressOnce(format: string, cores: number, tar: string): Promise<void> {
  const input = createReadStream(tar, { highWaterMark: READ_SIZE });
  if (format === "zlib") await pipeline(input, createGzip({ level: 6, chunkSize: READ_SIZE }), process.stdout);
  else await pipeline(compress(input, format as CompressionFormat, { concurrency: cores }), process.stdout);
}

const [first, ...rest] = process.argv.slice(2);
if (first === "once") await compressOnce(rest[0] ?? "gzip", Number(rest[1]), rest[2] ?? "");
else await main(first ?? makeBenchImage().dockerArchive, Number(rest[0] ?? 3));
