import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Everything here is made once and kept; delete the directory to make it again. */
export const BENCH_DIRECTORY: string = join(import.meta.dirname, "../.cache/bench");

/** The benchmark image in the forms in which it is listed. */
export interface BenchImage {
  /** `docker save`, uncompressed layers. */
  readonly dockerArchive: string;
  /** OCI layout, gzip layers. */
  readonly ociLayout: string;
}

const DEBIAN_PACKAGES = "python3,perl,git,build-essential";
const NPM_PACKAGES = ["express", "webpack", "lodash", "eslint"];

const CONTAINERFILE = `FROM scratch
ADD base.tar /
COPY npm/node_modules /srv/app/node_modules
RUN rm -rf /usr/share/doc /usr/share/man /usr/share/locale /var/cache/apt && touch /etc/built
RUN rm -rf /srv/app/node_modules/eslint && mkdir -p /srv/app/node_modules/eslint && echo '{}' > /srv/app/node_modules/eslint/package.json
CMD ["/usr/bin/python3"]
`;

/**
 * A real image: Debian with compilers, npm packages on top, then deletions and a directory replaced by another.
 * More than 400 MB and 14,000 entries, with whiteouts and an opaque directory. Needs root, mmdebstrap, buildah and npm.
 */
export function makeBenchImage(): BenchImage {
  const image = { dockerArchive: join(BENCH_DIRECTORY, "image.tar"), ociLayout: join(BENCH_DIRECTORY, "oci") };
  if (existsSync(image.dockerArchive) && existsSync(image.ociLayout)) return image;
  const work = join(BENCH_DIRECTORY, "work");
  mkdirSync(work, { recursive: true });
  try {
    makeBase(work);
    makeNodeModules(join(work, "npm"));
    build(work, image);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

function makeBase(work: string): void {
  const args = ["--variant=minbase", `--include=${DEBIAN_PACKAGES}`, "bookworm", join(work, "base.tar")];
  execFileSync("mmdebstrap", args, { stdio: "inherit" });
}

function makeNodeModules(directory: string): void {
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), "{}");
  const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...NPM_PACKAGES];
  execFileSync("npm", args, { cwd: directory, stdio: "inherit" });
}

function build(work: string, image: BenchImage): void {
  const roots = ["--root", join(work, "root"), "--runroot", join(work, "run"), "--storage-driver", "overlay"];
  const buildah = (...args: string[]): void => {
    execFileSync("buildah", [...roots, ...args], { cwd: work, stdio: "inherit" });
  };
  writeFileSync(join(work, "Containerfile"), CONTAINERFILE);
  try {
    buildah("bud", "--isolation", "chroot", "--layers", "--timestamp", "1700000000", "-t", "bench", ".");
    buildah("push", "bench", `docker-archive:${join(work, "image.tar")}:bench:latest`);
    buildah("push", "bench", `oci:${join(work, "oci")}:latest`);
    renameSync(join(work, "image.tar"), image.dockerArchive);
    cpSync(join(work, "oci"), image.ociLayout, { recursive: true });
  } finally {
    execFileSync("sh", ["-c", 'umount "$1" 2>/dev/null || true', "sh", join(work, "root/overlay")]);
  }
}
