/**
 * The real tools that tests compare with. As root on Debian they are installed from its archive; elsewhere the tests that need them
 * name what is missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { ROOT } from "./setup.mjs";

/** Debian package to the command that shows it is there. */
const INSTALLED = {
  skopeo: "skopeo",
  umoci: "umoci",
  buildah: "buildah",
  podman: "podman",
  "fuse-overlayfs": "fuse-overlayfs",
  crun: "crun",
  runc: "runc",
  "busybox-static": "busybox",
  mmdebstrap: "mmdebstrap",
  bubblewrap: "bwrap",
  attr: "getfattr",
  zstd: "zstd",
  "erofs-utils": "mkfs.erofs",
  "btrfs-progs": "mkfs.btrfs",
  "docker-registry": "docker-registry",
};

/** Packages that would start a daemon when installed: only unpacked. */
const UNPACKED = ["docker.io", "containerd", "tini"];

/** Where the unpacked packages lie: `usr/sbin/dockerd`, `usr/bin/containerd`, … */
export const UNPACKED_ROOT = join(ROOT, ".cache/oracles");

/** Directories in which commands are sought: the caller's PATH, and the system ones that a plain PATH leaves out. */
const SEARCH = [
  ...new Set([
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
  ]),
];

/**
 * The absolute path of a command (or of an absolute path itself), or undefined where there is none.
 * @param {string} command
 */
export function findCommand(command) {
  return SEARCH.map((directory) => resolve(directory, command)).find((path) => existsSync(path));
}

/** Installs what is missing, where that is possible. Prints what could not be had; never throws. */
export function ensureOracles() {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version") || findCommand("apt-get") === undefined) return;
  const missing = Object.entries(INSTALLED).filter(([, command]) => findCommand(command) === undefined);
  const unpacked = existsSync(UNPACKED_ROOT) || (findCommand("dockerd") && findCommand("containerd")) !== undefined;
  if (missing.length === 0 && unpacked) return;
  const packages = missing.map(([name]) => name);
  console.error(
    `Installing the tools that tests compare with: ${[...packages, ...(unpacked ? [] : UNPACKED)].join(" ")} …`,
  );
  apt(["update"]);
  if (packages.length > 0) apt(["install", "-y", "--no-install-recommends", ...packages]);
  if (!unpacked) unpack();
}

/**
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function apt(args, cwd = ROOT) {
  return quietly("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=120", ...args], cwd);
}

/** Downloads and unpacks into a directory of its own, which appears whole or not at all. */
function unpack() {
  mkdirSync(join(UNPACKED_ROOT, ".."), { recursive: true });
  const work = mkdtempSync(`${UNPACKED_ROOT}-`);
  const root = join(work, "root");
  try {
    if (!apt(["download", "-o", "APT::Sandbox::User=root", ...UNPACKED], work)) return;
    for (const file of readdirSync(work).filter((name) => name.endsWith(".deb"))) {
      if (!quietly("dpkg", ["-x", file, root], work)) return;
    }
    renameSync(root, UNPACKED_ROOT);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Runs without showing the output, unless it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function quietly(command, args, cwd) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (result.status === 0) return true;
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`.trimEnd().split("\n").slice(-15).join("\n");
  console.error(`${command} ${args.join(" ")} failed; tests that need its tools will be skipped:\n${output}`);
  return false;
}
