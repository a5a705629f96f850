/**
 * `npm run bench [-- archive large layout many]`: how long `ls -R --json` takes, beside the tools that could answer the same
 * question on this machine; all groups of rows unless some are named.
 * Prints a table in Markdown; docs/benchmarks.md keeps one. Needs root and the tools that `npm test` installs.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { makeBigLayer } from "./make-big-layer.ts";
import { type BenchImage, makeBenchImage, makeLargeFilesImage } from "./make-image.ts";
import { type Measurement, measureTogether } from "./measure.ts";

const STRATA = join(import.meta.dirname, "../dist/cli/main.js");
const YARDSTICK = join(import.meta.dirname, "gunzip-and-hash.mjs");
const MANY_ENTRIES = 3_000_000;

/** One line of the result: ours, a peer, and what the issue of speed is. */
interface Row {
  readonly what: string;
  readonly ours: number;
  readonly peer: string;
  readonly theirs: number;
  readonly note: string;
}

function list(...args: readonly string[]): readonly string[] {
  return [process.execPath, STRATA, "ls", "-R", "--json", ...args];
}

function main(): void {
  const scratch = mkdtempSync(join(tmpdir(), "strata-bench-"));
  try {
    const groups = {
      archive: () => archiveRows(makeBenchImage(), { scratch, what: "docker-archive" }),
      large: () => archiveRows(makeLargeFilesImage(), { scratch, what: "2.6 GB in large files" }),
      layout: () => layoutRows(makeBenchImage(), scratch),
      many: () => bigLayerRows(),
    };
    const wanted = process.argv.slice(2);
    const chosen = Object.entries(groups).filter(([name]) => wanted.length === 0 || wanted.includes(name));
    const rows = [...startUp(), ...chosen.flatMap(([, measure]) => measure())];
    process.stdout.write(report(rows));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Start-up as measured first: the median, and the fastest run. */
const startUpTime = { median: 0, fastest: 0 };

function startUp(): Row[] {
  const measured = measureTogether(
    { version: [process.execPath, STRATA, "--version"], node: [process.execPath, "-e", "0"] },
    { runs: 15 },
  );
  startUpTime.median = measured.version.median;
  startUpTime.fastest = fastest(measured.version);
  return [row("strata --version", measured.version, ["node -e 0", measured.node])];
}

function archiveRows(
  { dockerArchive }: Pick<BenchImage, "dockerArchive">,
  { scratch, what }: { readonly scratch: string; readonly what: string },
): Row[] {
  const name = `docker-archive:${dockerArchive}`;
  const flat = join(scratch, "flat.tar");
  measureTogether({ export: [process.execPath, STRATA, "export", "-o", flat, name] }, { runs: 0 });
  const cache = join(scratch, `cache of ${what}`);
  const { seek, verified, cached, stream } = measureTogether({
    seek: list("--no-verify", "--no-cache", name),
    verified: list("--no-cache", name),
    cached: list("--cache-dir", cache, name),
    stream: ["sh", "-c", `cat "$1" | tar -tvf -`, "sh", flat],
  });
  const peer = ["merged tar piped into GNU tar -tv", stream] as const;
  rmSync(flat);
  return [
    row(`${what}, headers only (--no-verify)`, seek, peer),
    row(`${what}, verified`, verified, peer),
    row(`${what}, from the index cache`, cached, peer),
  ];
}

function layoutRows({ ociLayout }: BenchImage, scratch: string): Row[] {
  const name = `oci:${ociLayout}`;
  const layers = layerBlobs(ociLayout);
  const unpacked = join(scratch, "unpacked");
  const cache = join(scratch, "cache");
  const { ours, oneCore, cached, yardstick, umoci } = measureTogether(
    {
      ours: list("--no-cache", name),
      oneCore: ["taskset", "-c", "0", ...list("--no-cache", name)],
      cached: list("--cache-dir", cache, name),
      yardstick: ["taskset", "-c", "0", process.execPath, YARDSTICK, ...layers],
      umoci: ["umoci", "raw", "unpack", "--image", `${ociLayout}:latest`, unpacked],
    },
    { runs: 5, before: () => rmSync(unpacked, { recursive: true, force: true }) },
  );
  const peer = ["Node's gunzip + sha256, one core", yardstick] as const;
  return [
    row("OCI layout with gzip layers", ours, peer),
    row("the same on one core", oneCore, peer),
    row("OCI layout, from the index cache", cached, peer),
    row("OCI layout with gzip layers", ours, ["umoci raw unpack", umoci]),
  ];
}

function bigLayerRows(): Row[] {
  const few = MANY_ENTRIES / 10;
  const [many, tenth] = [makeBigLayer(MANY_ENTRIES), makeBigLayer(few)];
  const measured = measureTogether(
    {
      many: list("--no-verify", "--no-cache", `tar:${many}`),
      tenth: list("--no-verify", "--no-cache", `tar:${tenth}`),
      tar: ["sh", "-c", `cat "$1" | tar -tvf -`, "sh", many],
    },
    { runs: 3 },
  );
  const perEntry = [measured.many.median / MANY_ENTRIES, measured.tenth.median / few].map((ms) =>
    (ms * 1000).toFixed(2),
  );
  const result = row("3 million entries", measured.many, ["GNU tar -tv", measured.tar]);
  return [{ ...result, note: `${result.note}; ${perEntry[0]} µs an entry, ${perEntry[1]} µs with a tenth of them` }];
}

function row(what: string, ours: Measurement, [peer, theirs]: readonly [string, Measurement]): Row {
  const work = ours.median - startUpTime.median;
  const best = fastest(ours) - startUpTime.fastest;
  const peak = `peak ${ours.peakMiB?.toFixed(0) ?? "?"} MiB`;
  const note = `${work.toFixed(0)} ms after start-up (fastest runs: ${best.toFixed(0)} ms), ${peak}`;
  return { what, ours: ours.median, peer, theirs: theirs.median, note };
}

function fastest({ runs }: Measurement): number {
  return runs[0] ?? Number.NaN;
}

/** The layers of the only image of a layout, as files. */
function layerBlobs(layout: string): string[] {
  const blobOf = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
  const index = read(join(layout, "index.json")) as { readonly manifests: readonly [{ readonly digest: string }] };
  const manifest = read(blobOf(index.manifests[0].digest)) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  return manifest.layers.map(({ digest }) => blobOf(digest));
}

function report(rows: readonly Row[]): string {
  const lines = rows.map(({ what, ours, peer, theirs, note }) => {
    const ratio = (ours / theirs).toFixed(2);
    return `| ${what} | ${ours.toFixed(0)} ms | ${peer} | ${theirs.toFixed(0)} ms | ${ratio} | ${note} |`;
  });
  const head = ["| what is listed | strata | peer | peer's time | ratio | |", "|---|---|---|---|---|---|"];
  const machine = `Whole processes, medians, Node ${process.version}, ${availableParallelism()} processors.`;
  return `${[...head, ...lines, "", machine].join("\n")}\n`;
}

main();
