/**
 * `npm run bench:copy`: how long copying an image takes, beside the tools that do the same on this machine.
 * Prints a table in Markdown. Needs root and the tools that `npm test` installs.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { BENCH_DIRECTORY, type BenchImage, makeBenchImage } from "./make-image.ts";
import { type Measurement, measureTogether } from "./measure.ts";
import { startBenchRegistry } from "./registry.ts";

const STRATA = join(import.meta.dirname, "../dist/cli/main.js");
const RUNS = 3;

/** What is compared: ours, and the peer's command line. */
interface Contest {
  readonly what: string;
  readonly peer: string;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

const strata = (...args: readonly string[]): string[] => [process.execPath, STRATA, ...args, "--quiet"];
const skopeo = (...args: readonly string[]): string[] => ["skopeo", "--insecure-policy", "copy", "--quiet", ...args];

function contests({ dockerArchive, ociLayout }: BenchImage, work: string, registry: string): Contest[] {
  const archive = `docker-archive:${dockerArchive}`;
  const hashAndCopy = ["sh", "-c", `sha256sum "$1" && cp "$1" "$2"`, "sh", dockerArchive, join(work, "copy.tar")];
  const root = ["--root", join(work, "store")];
  return [
    {
      what: "docker-archive → oci",
      peer: "sha256sum + cp of the file",
      ours: strata("copy", archive, `oci:${work}/layout:v1`),
      theirs: hashAndCopy,
    },
    {
      what: "docker-archive → store",
      peer: "sha256sum + cp of the file",
      ours: strata("copy", ...root, archive, "store:bench:v1"),
      theirs: hashAndCopy,
    },
    {
      what: "docker-archive → docker-archive",
      peer: "sha256sum + cp of the file",
      ours: strata("copy", archive, `docker-archive:${work}/out.tar:bench:v1`),
      theirs: hashAndCopy,
    },
    {
      what: "oci → oci, gzip layers",
      peer: "skopeo copy",
      ours: strata("copy", `oci:${ociLayout}`, `oci:${work}/layout:v1`),
      theirs: skopeo(`oci:${ociLayout}`, `oci:${work}/peer:v1`),
    },
    {
      what: "docker-archive → oci, --compression gzip",
      peer: "skopeo copy, which compresses",
      ours: strata("copy", "--compression", "gzip", archive, `oci:${work}/layout:v1`),
      theirs: skopeo(archive, `oci:${work}/peer:v1`),
    },
    {
      what: "registry → oci, gzip layers",
      peer: "skopeo copy",
      ours: strata("copy", `docker://${registry}/gzip:1`, `oci:${work}/layout:v1`),
      theirs: skopeo("--src-tls-verify=false", `docker://${registry}/gzip:1`, `oci:${work}/peer:v1`),
    },
    {
      what: "registry → oci, plain layers",
      peer: "skopeo copy --dest-compress=false",
      ours: strata("copy", `docker://${registry}/plain:1`, `oci:${work}/layout:v1`),
      theirs: skopeo(
        "--src-tls-verify=false",
        "--dest-oci-accept-uncompressed-layers",
        `docker://${registry}/plain:1`,
        `oci:${work}/peer:v1`,
      ),
    },
  ];
}

async function main(): Promise<void> {
  mkdirSync(BENCH_DIRECTORY, { recursive: true });
  const work = mkdtempSync(join(BENCH_DIRECTORY, "copy-"));
  const kept = mkdtempSync(join(BENCH_DIRECTORY, "registry-"));
  const empty = (): void => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
  };
  const image = makeBenchImage();
  const registry = await startBenchRegistry(kept, {
    [`oci:${image.ociLayout}`]: "gzip",
    [`docker-archive:${image.dockerArchive}`]: "plain",
  });
  try {
    const rows = contests(image, work, registry.host).map((contest) => {
      const { ours, theirs } = contest;
      return rowOf(contest, measureTogether({ ours, theirs }, { runs: RUNS, before: empty }));
    });
    process.stdout.write(report(rows));
  } finally {
    registry.stop();
    for (const directory of [work, kept]) rmSync(directory, { recursive: true, force: true });
  }
}

function rowOf({ what, peer }: Contest, { ours, theirs }: Record<"ours" | "theirs", Measurement>): string {
  const ratio = (ours.median / theirs.median).toFixed(2);
  const peak = `${Math.round(ours.peakMiB ?? 0)} MiB`;
  return `| ${what} | ${Math.round(ours.median)} ms | ${peer} | ${Math.round(theirs.median)} ms | ${ratio} | ${peak} |`;
}

function report(rows: readonly string[]): string {
  const head = "| what is copied | strata | peer | peer's time | ratio | peak memory |\n|---|---|---|---|---|---|";
  const machine = `Whole processes, medians of ${RUNS}, Node ${process.version}, ${availableParallelism()} processors.`;
  return `${head}\n${rows.join("\n")}\n\n${machine}\n`;
}

await main();
