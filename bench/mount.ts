/**
 * `npm run bench:mount [-- GROUP…]`: from a registry to a root file system that can be read, beside the tools that do the
 * same on this machine. Groups: `pull`, `shared`, `unpack`, `mount`, `read`; default: all. `BENCH_PLACE` says where roots lie
 * (default: a directory of this project). Prints tables in Markdown. Needs root and the tools that `npm test` installs.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { BENCH_DIRECTORY, makeManyFilesImage } from "./make-image.ts";
import { benchEnvironment, type Measurement, measureTogether, summarise } from "./measure.ts";
import { type Peer, type Pulled, pullPeers, startContainerd, unpackPeers } from "./mount-peers.ts";
import { startBenchRegistry } from "./registry.ts";
import { table } from "./table.ts";

const STRATA = join(import.meta.dirname, "../dist/cli/main.js");
const RUNS = Number(process.env["BENCH_RUNS"] ?? 3);
const PLACE = process.env["BENCH_PLACE"] ?? BENCH_DIRECTORY;

/** The blobs of the layers in an OCI layout. */
function layerBlobs(layout: string): string[] {
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const manifest = json(blob(json(join(layout, "index.json")).manifests[0].digest));
  return manifest.layers.map(({ digest }: { digest: string }) => blob(digest));
}

/** A shell command that runs ours: several verbs are several processes, as a user starts them. */
function strata(work: string, ...commands: readonly string[]): string[] {
  const verbs = commands.map((command) => `"$NODE" "$STRATA" ${command}`).join(" && ");
  return ["env", `NODE=${process.execPath}`, `STRATA=${STRATA}`, `STRATA_ROOT=${work}/strata`, "sh", "-ec", verbs];
}

function oursPulling(work: string, { image, target }: Pulled): Record<string, Peer> {
  const ours = (snapshotter: string): Peer => ({
    command: strata(
      work,
      `pull -q --snapshotter ${snapshotter} ${image} >/dev/null`,
      `mount --snapshotter ${snapshotter} ${image} ${target}`,
    ),
    clean: strata(work, `umount ${target}`),
  });
  return { "strata, erofs": ours("erofs"), "strata, overlay": ours("overlay") };
}

/** Runs contestants in turn; each in an empty directory. */
function contest(work: string, peers: Readonly<Record<string, Peer>>): Record<string, Measurement> {
  const names = Object.keys(peers);
  const commands = Object.fromEntries(names.map((name) => [name, peers[name]?.command ?? []]));
  return measureTogether(commands, {
    runs: RUNS,
    before: (name) => {
      rmSync(work, { recursive: true, force: true });
      for (const target of ["mnt", "mnt2"]) mkdirSync(join(work, target), { recursive: true });
      peers[name]?.prepare?.();
      execFileSync("sync");
    },
    after: (name) => {
      const clean = peers[name]?.clean;
      if (clean !== undefined) execFileSync(clean[0] ?? "true", clean.slice(1), { stdio: "ignore" });
    },
  });
}

async function pulling(work: string, host: string, layout: string): Promise<string> {
  await using containerd = startContainerd(work);
  const pulled = { image: `${host}/files:1`, target: join(work, "mnt") };
  const peers = pullPeers(work, pulled, containerd);
  const floor = { command: [process.execPath, join(import.meta.dirname, "floor.mjs"), ...layerBlobs(layout)] };
  const all = { ...oursPulling(work, pulled), ...peers, "floor: inflate and hash": floor };
  return table("registry → mounted root file system", contest(work, all), Object.keys(peers));
}

/** Another image that has all layers of the first, which was pulled and mounted before, and a small one of its own. */
async function pullingMore(work: string, host: string): Promise<string> {
  const run = ([program = "", ...args]: readonly string[]): void => {
    execFileSync(program, args, { stdio: "ignore" });
  };
  const [first, second] = [`${host}/files:1`, `${host}/files:2`];
  run(strata(work, `append -q docker://${first} ${import.meta.dirname} -t docker://${second}`));
  await using containerd = startContainerd(work);
  const ofBoth = (pulled: Pulled): Record<string, Peer> => {
    const { "skopeo copy + umoci unpack": _, ...peers } = pullPeers(work, pulled, containerd);
    return { ...oursPulling(work, pulled), ...peers };
  };
  const before = ofBoth({ image: first, target: join(work, "mnt") });
  const after = ofBoth({ image: second, target: join(work, "mnt2") });
  const prepared = Object.entries(after).map(([name, peer]): [string, Peer] => {
    const { prepare: begin, command = [], clean = [] } = before[name] ?? {};
    const prepare = (): void => {
      begin?.();
      run(command);
      run(clean);
    };
    return [name, { ...peer, prepare }];
  });
  const peers = Object.keys(after).filter((name) => !name.startsWith("strata"));
  return table("second image on the same layers → mounted", contest(work, Object.fromEntries(prepared)), peers);
}

function unpacking(work: string, layout: string): string {
  const peers = unpackPeers(work, layout, layerBlobs(layout));
  const ours = { "strata unpack": { command: strata(work, `unpack -q oci:${layout} ${work}/root`) } };
  return table("OCI layout → directory", contest(work, { ...ours, ...peers }), Object.keys(peers));
}

function mounting(work: string, host: string): string {
  const pull = strata(work, `pull -q ${host}/files:1 >/dev/null`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "mnt"), { recursive: true });
  execFileSync(pull[0] ?? "", pull.slice(1), { stdio: "ignore" });
  const clean = (): void => {
    const umount = strata(work, `umount ${work}/mnt`);
    execFileSync(umount[0] ?? "", umount.slice(1), { stdio: "ignore" });
  };
  const results = measureTogether(
    {
      "strata mount": strata(work, `mount ${host}/files:1 ${work}/mnt`),
      "strata mount --help": strata(work, "mount --help >/dev/null"),
      "strata --version": strata(work, "--version >/dev/null"),
    },
    { runs: 3 * RUNS, after: (name) => (name === "strata mount" ? clean() : undefined) },
  );
  const all = { ...results, ...calling(work, `${host}/files:1`) };
  return table("mount of a pulled image", all, ["strata --version"]);
}

/** The same from programs that mount several times. */
function calling(work: string, image: string): Record<string, Measurement> {
  const [first, later]: [number[], number[]] = [[], []];
  const env = benchEnvironment();
  for (let run = 0; run < 3 * RUNS; run++) {
    const command = [join(import.meta.dirname, "mount-calls.mjs"), image, join(work, "mnt"), join(work, "strata")];
    const times: number[] = JSON.parse(execFileSync(process.execPath, command, { env, encoding: "utf8" }));
    first.push(...times.slice(0, 1));
    later.push(...times.slice(1));
  }
  return {
    "the first `mountImage()` of a program": summarise(first, undefined),
    "`mountImage()` in a program that has mounted before": summarise(later, undefined),
  };
}

/** The same tree, read through the mount and from plain directories. */
function reading(work: string, host: string, layout: string): string {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "mnt"), { recursive: true });
  const run = (command: readonly string[]): void => {
    execFileSync(command[0] ?? "", command.slice(1), { stdio: "ignore" });
  };
  run(
    strata(
      work,
      `pull -q ${host}/files:1`,
      `mount ${host}/files:1 ${work}/mnt`,
      `unpack -q oci:${layout} ${work}/plain`,
    ),
  );
  try {
    const tar = (directory: string): string[] => ["sh", "-c", `tar c -C ${directory} . | cat >/dev/null`];
    const both = { "strata mount": tar(join(work, "mnt")), "plain directory": tar(join(work, "plain")) };
    const warm = measureTogether(both, { runs: RUNS });
    const cold = measureTogether(both, {
      runs: RUNS,
      before: () => execFileSync("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]),
    });
    return table("tar c, warm", warm, ["plain directory"]) + table("tar c, cold", cold, ["plain directory"]);
  } finally {
    run(strata(work, `umount ${work}/mnt`));
  }
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const wants = (group: string): boolean => wanted.length === 0 || wanted.includes(group);
  mkdirSync(BENCH_DIRECTORY, { recursive: true });
  const kept = mkdtempSync(join(BENCH_DIRECTORY, "registry-"));
  const work = mkdtempSync(join(PLACE, "mount-"));
  const { ociLayout } = makeManyFilesImage();
  const registry = await startBenchRegistry(kept, { [`oci:${ociLayout}`]: "files" });
  try {
    if (wants("pull")) process.stdout.write(await pulling(work, registry.host, ociLayout));
    if (wants("shared")) process.stdout.write(await pullingMore(work, registry.host));
    if (wants("unpack")) process.stdout.write(unpacking(work, ociLayout));
    if (wants("mount")) process.stdout.write(mounting(work, registry.host));
    if (wants("read")) process.stdout.write(reading(work, registry.host, ociLayout));
    process.stdout.write(`Medians of ${RUNS}, Node ${process.version}, ${availableParallelism()} processors.\n`);
  } finally {
    registry.stop();
    for (const directory of [work, kept]) rmSync(directory, { recursive: true, force: true });
  }
}

await main();
