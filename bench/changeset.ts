/**
 * `npm run bench:changeset [-- GROUP…]`: making layers and editing images, beside the tools that do the same on this machine.
 * Groups: `native`, `walk`, `create`, `edit`; default: all. `BENCH_PLACE` says where trees lie (default: a directory of this
 * project). Prints tables in Markdown. Needs root and the tools that `npm test` installs.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BENCH_DIRECTORY, makeManyFilesImage } from "./make-image.ts";
import { measureTogether } from "./measure.ts";
import { table } from "./table.ts";

const STRATA = join(import.meta.dirname, "../dist/cli/main.js");
const RUNS = Number(process.env["BENCH_RUNS"] ?? 3);
const PLACE = process.env["BENCH_PLACE"] ?? BENCH_DIRECTORY;

/** Files of the tree that becomes a layer as a whole. */
const FILES = 15_000;

const shell = (text: string): string[] => ["sh", "-ec", text];
const run = (text: string): void => {
  execFileSync("sh", ["-ec", text], { stdio: ["ignore", "ignore", "inherit"] });
};

/** Our command, as a user starts it. */
const strata = (words: string): string => `"${process.execPath}" "${STRATA}" ${words}`;

/** Ten files changed in a mounted image: only what the mount wrote is looked at. */
function native(work: string, layout: string): string {
  const [lower, upper, merged] = [join(work, "lower"), join(work, "upper"), join(work, "merged")];
  run(`mkdir -p ${upper} ${work}/work ${merged}; ${strata(`unpack -q oci:${layout} ${lower}`)}`);
  run(`mount -t overlay -o lowerdir=${lower},upperdir=${upper},workdir=${work}/work overlay ${merged}`);
  try {
    run(
      `cd ${merged}; for i in 1 2 3 4 5 6 7 8; do echo new > etc/new-$i; done; echo more >> etc/passwd; rm etc/debian_version`,
    );
  } finally {
    run(`umount ${merged}`);
  }
  const results = measureTogether(
    {
      "strata changeset create --overlay": shell(
        strata(`changeset create --overlay ${lower} ${upper} -o ${work}/layer.tar`),
      ),
      "strata --version": shell(strata("--version")),
      "strata changeset create, double walk": shell(
        `mount -t overlay -o lowerdir=${lower}:${upper} overlay ${merged}; ${strata(`changeset create ${lower} ${merged} -o ${work}/walk.tar`)}; umount ${merged}`,
      ),
    },
    { runs: 3 * RUNS },
  );
  return table("ten files changed of 42,600", results, ["strata --version"]);
}

/** A whole image unpacked, nothing changed: how long does it take to see that? */
function walk(work: string, layout: string): string {
  run(`umoci unpack --image ${layout}:latest ${work}/bundle`);
  run(`cp -a ${layout} ${work}/layout; cp -a ${work}/bundle/rootfs ${work}/lower`);
  const results = measureTogether(
    {
      "strata changeset create": shell(
        strata(`changeset create ${work}/lower ${work}/bundle/rootfs -o ${work}/layer.tar`),
      ),
      "umoci repack": shell(`umoci repack --image ${work}/layout:again ${work}/bundle`),
    },
    { runs: RUNS },
  );
  return table("unchanged tree, double walk", results, ["umoci repack"]);
}

/** A tree of many files becomes a compressed layer. */
function create(work: string, layout: string): string {
  run(`mkdir ${work}/all ${work}/tree; ${strata(`unpack -q oci:${layout} ${work}/all`)}`);
  run(
    `cd ${work}/all; find . -type f | LC_ALL=C sort | head -${FILES} > ${work}/names; tar c -T ${work}/names | tar xp -C ${work}/tree`,
  );
  const storage = `--root ${work}/root --runroot ${work}/run --storage-driver overlay`;
  const buildah = (words: string): string => `buildah ${storage} ${words}`;
  run(`umoci init --layout ${work}/empty; umoci new --image ${work}/empty:base`);
  const prepared = (name: string): void => {
    run(`rm -rf ${work}/out ${work}/layer.tar.gz ${work}/layer2.tar.gz`);
    if (name.startsWith("umoci")) run(`rm -rf ${work}/layout; cp -a ${work}/empty ${work}/layout`);
    if (name.startsWith("buildah"))
      run(
        // Never to an empty path, which with the slash would be this machine's own root.
        `c=$(${buildah("from scratch")}); echo $c > ${work}/container; m=$(${buildah("mount $c")}); cp -a ${work}/tree/. "\${m:?not mounted}/"`,
      );
  };
  const peers = {
    "umoci insert": shell(`umoci insert --image ${work}/layout:base ${work}/tree /`),
    "buildah commit": shell(
      buildah(`commit -q --disable-compression=false $(cat ${work}/container) oci:${work}/out:1`),
    ),
    "tar c | gzip": shell(`tar c -C ${work}/tree --sort=name --xattrs . | gzip > ${work}/layer2.tar.gz`),
  };
  const ours = {
    "strata changeset create": shell(
      strata(`changeset create "" ${work}/tree --compression gzip -o ${work}/layer.tar.gz`),
    ),
  };
  const results = measureTogether(
    { ...ours, ...peers },
    {
      runs: RUNS,
      before: prepared,
      after: (name) => {
        if (name.startsWith("buildah")) run(`${buildah("rm -a")}; umount ${work}/root/overlay 2>/dev/null || true`);
      },
    },
  );
  return table(`${FILES} files → gzip layer`, results, Object.keys(peers));
}

/** One file changed in a large image, into the store that has it. */
function edit(work: string, layout: string): string {
  process.env["STRATA_ROOT"] = join(work, "store");
  writeFileSync(join(work, "new-file"), "new\n");
  run(strata(`copy -q oci:${layout} store:files`));
  run(strata("ls files /"));
  const results = measureTogether(
    {
      "strata edit": shell(strata(`edit -q files --cp ${work}/new-file:/etc/new-file -t edited`)),
      "strata config": shell(strata("config -q files --env A=1 -t configured")),
      "strata --version": shell(strata("--version")),
    },
    { runs: 3 * RUNS },
  );
  return table("one file of 42,600 edited", results, ["strata --version"]);
}

const GROUPS = { native, walk, create, edit };

function main(): void {
  const wanted = process.argv.slice(2);
  mkdirSync(BENCH_DIRECTORY, { recursive: true });
  const { ociLayout } = makeManyFilesImage();
  for (const [name, group] of Object.entries(GROUPS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const work = mkdtempSync(join(PLACE, "changeset-"));
    try {
      process.stdout.write(group(work, ociLayout));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

main();
