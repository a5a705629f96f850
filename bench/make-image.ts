import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Everything here is made once and kept; delete the directory to make it again. */
export const BENCH_DIRECTORY: string = join(import.meta.dirname, "../.cache/bench");

/** A benchmark image in the forms in which it is listed. */
export interface BenchImage {
  /** `docker save`, uncompressed layers. */
  readonly dockerArchive: string;
  /** OCI layout, gzip layers. */
  readonly ociLayout: string;
}

/** What a benchmark image is made of. */
interface Recipe {
  /** Of its files below {@link BENCH_DIRECTORY}. */
  readonly prefix: string;
  readonly debianPackages: string;
  readonly npmPackages: readonly string[];
  readonly containerfile: string;
  /** Whether it is listed as an OCI layout, too: to compress it takes long. */
  readonly hasLayout: boolean;
}

/** For reading: four layers, the base by far the largest. */
const READING: Recipe = {
  prefix: "",
  debianPackages: "python3,perl,git,build-essential",
  npmPackages: ["express", "webpack", "lodash", "eslint"],
  containerfile: `FROM scratch
ADD base.tar /
COPY npm/node_modules /srv/app/node_modules
RUN rm -rf /usr/share/doc /usr/share/man /usr/share/locale /var/cache/apt && touch /etc/built
RUN rm -rf /srv/app/node_modules/eslint && mkdir -p /srv/app/node_modules/eslint && echo '{}' > /srv/app/node_modules/eslint/package.json
CMD ["/usr/bin/python3"]
`,
  hasLayout: true,
};

/** Few files for their size, as where trained models and libraries for graphics cards are most of an image. */
const LARGE_FILES: Recipe = {
  prefix: "large-",
  debianPackages: "tesseract-ocr-all,librocsparse0,python3-numpy,git",
  npmPackages: ["express"],
  containerfile: `FROM scratch
ADD base.tar /
COPY npm/node_modules /srv/app/node_modules
RUN rm -rf /usr/share/man /var/cache/apt && touch /etc/built
RUN rm -rf /srv/app/node_modules/send && mkdir -p /srv/app/node_modules/send && echo '{}' > /srv/app/node_modules/send/package.json
CMD ["/usr/bin/python3"]
`,
  hasLayout: false,
};

/** For unpacking: five layers, many small files. */
const UNPACKING: Recipe = {
  prefix: "files-",
  debianPackages: "python3,perl,git,cpp",
  npmPackages: ["express", "webpack", "eslint", "date-fns", "rxjs", "core-js", "typescript", "@mui/material"],
  containerfile: `FROM scratch
ADD base.tar /
COPY npm/node_modules/date-fns /srv/lib/date-fns
COPY npm/node_modules /srv/app/node_modules
RUN cp -a /usr/lib/python3.11 /srv/python && chown -R 1000:1000 /srv/python
RUN rm -rf /usr/share/doc /srv/app/node_modules/eslint && touch /etc/built && chmod 0700 /srv/lib
CMD ["/usr/bin/python3"]
`,
  hasLayout: true,
};

/**
 * A real image: Debian with compilers, npm packages on top, then deletions and a directory replaced by another.
 * More than 400 MB and 14,000 entries, with whiteouts and an opaque directory. Needs root, mmdebstrap, buildah and npm.
 */
export function makeBenchImage(): BenchImage {
  return make(READING);
}

/** {@link makeBenchImage} with 2.6 GB in hardly more files than 14,000; only as a docker archive. */
export function makeLargeFilesImage(): Pick<BenchImage, "dockerArchive"> {
  return make(LARGE_FILES);
}

/** {@link makeBenchImage} with five layers and 30,000 files. */
export function makeManyFilesImage(): BenchImage {
  return make(UNPACKING);
}

function make(recipe: Recipe): BenchImage {
  const at = (name: string): string => join(BENCH_DIRECTORY, recipe.prefix + name);
  const image = { dockerArchive: at("image.tar"), ociLayout: at("oci") };
  if (existsSync(image.dockerArchive) && (!recipe.hasLayout || existsSync(image.ociLayout))) return image;
  const work = at("work");
  mkdirSync(work, { recursive: true });
  try {
    makeBase(work, recipe);
    makeNodeModules(join(work, "npm"), recipe);
    build(work, recipe, image);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

function makeBase(work: string, { debianPackages }: Recipe): void {
  const args = ["--variant=minbase", `--include=${debianPackages}`, "bookworm", join(work, "base.tar")];
  execFileSync("mmdebstrap", args, { stdio: "inherit" });
}

function makeNodeModules(directory: string, { npmPackages }: Recipe): void {
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), "{}");
  const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...npmPackages];
  execFileSync("npm", args, { cwd: directory, stdio: "inherit" });
}

function build(work: string, { containerfile, hasLayout }: Recipe, image: BenchImage): void {
  const roots = ["--root", join(work, "root"), "--runroot", join(work, "run"), "--storage-driver", "overlay"];
  const buildah = (...args: string[]): void => {
    execFileSync("buildah", [...roots, ...args], { cwd: work, stdio: "inherit" });
  };
  writeFileSync(join(work, "Containerfile"), containerfile);
  try {
    buildah("bud", "--isolation", "chroot", "--layers", "--timestamp", "1700000000", "-t", "bench", ".");
    buildah("push", "bench", `docker-archive:${join(work, "image.tar")}:bench:latest`);
    renameSync(join(work, "image.tar"), image.dockerArchive);
    if (!hasLayout) return;
    buildah("push", "bench", `oci:${join(work, "oci")}:latest`);
    cpSync(join(work, "oci"), image.ociLayout, { recursive: true });
  } finally {
    execFileSync("sh", ["-c", 'umount "$1" 2>/dev/null || true', "sh", join(work, "root/overlay")]);
  }
}
