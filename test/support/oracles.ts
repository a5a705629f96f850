import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findCommand, UNPACKED_ROOT } from "../../scripts/oracles.mjs";
import { requireOrSkip } from "./skip.ts";

/** The real tools that tests compare with, by the name of their command. */
export type Oracle =
  | "skopeo"
  | "umoci"
  | "buildah"
  | "podman"
  | "fuse-overlayfs"
  | "crun"
  | "runc"
  | "busybox"
  | "mmdebstrap"
  | "bwrap"
  | "getfattr"
  | "setfattr"
  | "zstd"
  | "gzip"
  | "mkfs.erofs"
  | "mkfs.btrfs"
  | "docker-registry"
  | "dockerd"
  | "docker"
  | "containerd"
  | "tar"
  | "unshare"
  | "setpriv"
  | "newuidmap"
  | "newgidmap"
  | "git";

/** What a suite may need: a tool, to be root, or to be allowed to mount. */
export type Need = Oracle | "root" | "mount";

/** Tools that come from unpacked packages and not from the machine, so that no daemon of theirs was started. */
const UNPACKED_PATHS: Readonly<Partial<Record<Oracle, string>>> = {
  dockerd: join(UNPACKED_ROOT, "usr/sbin/dockerd"),
  docker: join(UNPACKED_ROOT, "usr/bin/docker"),
  containerd: join(UNPACKED_ROOT, "usr/bin/containerd"),
};

/** Whether we run as root. */
export const isRoot: boolean = process.getuid?.() === 0;

/** The environment in which the tools find their own helpers (dockerd its containerd, shim and init). */
export const oracleEnv: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [
    join(UNPACKED_ROOT, "usr/sbin"),
    join(UNPACKED_ROOT, "usr/bin"),
    process.env["PATH"],
    "/usr/local/sbin:/usr/sbin:/sbin",
  ].join(":"),
};

/** The absolute path of a tool, or undefined where it is not installed. */
export function oraclePath(oracle: Oracle): string | undefined {
  const unpacked = UNPACKED_PATHS[oracle];
  return (unpacked === undefined ? undefined : findCommand(unpacked)) ?? findCommand(oracle);
}

/** Why the needs are not met on this machine, as one clause; undefined when they are. */
export function whyMissing(needs: readonly Need[]): string | undefined {
  const missing = needs.flatMap((need) => complaint(need) ?? []);
  return missing.length === 0 ? undefined : missing.join(", ");
}

/**
 * A suite that stands on real tools: `describe(name, body)` where all needs are met, else a skip that says what is missing.
 *
 * @example
 * describeWith(["umoci", "root"], "umoci unpacks the same tree", () => { it("for …", …); });
 */
export function describeWith(needs: readonly Need[], name: string, body: () => void): void {
  const missing = whyMissing(needs);
  requireOrSkip(name, missing === undefined, missing ?? "")(body);
}

function complaint(need: Need): string | undefined {
  if (need === "root") return isRoot ? undefined : "not root";
  if (need === "mount") return canMount() ? undefined : "not allowed to mount";
  return oraclePath(need) === undefined ? `${need} is not installed` : undefined;
}

let mountAnswer: boolean | undefined;

/** Asks the kernel, in a mount namespace that ends with the question. */
function canMount(): boolean {
  mountAnswer ??= isRoot && spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
  return mountAnswer;
}
