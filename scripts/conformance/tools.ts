import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { CommandTool } from "../../src/testing/index.ts";
import { findCommand, UNPACKED_ROOT } from "../oracles.mjs";

/** A tool as the conformance suite runs it, and what to say about it. */
export interface ConformanceTool extends CommandTool {
  readonly version: string;
  /** How it comes to its tree, in one sentence. */
  readonly how: string;
}

interface Candidate extends CommandTool {
  /** Every command it needs; the first tells the version. */
  readonly needs: readonly [string, ...string[]];
  readonly how: string;
}

/** `ctr images mount` of 1.6 knows overlayfs only; the snapshots of the other are directories, numbered from the base up. */
const COPY_SNAPSHOT = {
  native: `
    snapshots=$WORK/root/io.containerd.snapshotter.v1.native/snapshots
    cp -a $snapshots/$(ls $snapshots | sort -n | tail -1)/. $OUT`,
  overlayfs: `
    mkdir $WORK/mounted
    ctr -a /run/c.sock images mount localhost/case:$TAG $WORK/mounted >&2
    cp -a $WORK/mounted/. $OUT || true
    umount $WORK/mounted`,
};

const CANDIDATES: readonly Candidate[] = [
  {
    name: "umoci",
    needs: ["umoci"],
    how: "`umoci raw unpack`: applies the layers one after the other to one directory.",
    script: 'umoci raw unpack --image "$LAYOUT:$TAG" "$OUT"',
  },
  {
    name: "podman overlay",
    needs: ["podman", "skopeo"],
    how: "`skopeo copy` into containers/storage, `podman image mount`: unpacks each layer for itself, the kernel's overlay merges.",
    script: podmanScript("overlay"),
  },
  {
    name: "podman vfs",
    needs: ["podman", "skopeo"],
    how: "the same with the driver vfs: copies the lower layer and applies the next to the copy.",
    script: podmanScript("vfs"),
  },
  {
    name: "containerd",
    needs: ["containerd", "ctr"],
    how: "`ctr images import` with the native snapshotter: copies the lower snapshot and applies the next layer to the copy.",
    script: containerdScript("native"),
  },
  {
    name: "containerd overlay",
    needs: ["containerd", "ctr"],
    how: "the same with the overlayfs snapshotter and `ctr images mount`: unpacks each layer for itself, the kernel's overlay merges.",
    script: containerdScript("overlayfs"),
  },
  {
    name: "GNU tar",
    needs: ["tar"],
    how: "`tar -x` of one layer after the other: what a script does that knows nothing about layers.",
    script: 'for layer in $LAYERS; do tar -xpf $layer -C "$OUT" --numeric-owner --xattrs --xattrs-include="*"; done',
  },
];

/** The tools that are installed here. */
export function conformanceTools(): ConformanceTool[] {
  if (findCommand("bwrap") === undefined) return [];
  return CANDIDATES.filter(({ needs }) => needs.every((command) => locate(command) !== undefined)).map(
    ({ name, how, script, needs }) => ({
      name,
      how,
      script: `PATH=$PATH:${UNPACKED}\n${script}`,
      version: versionOf(needs[0]),
    }),
  );
}

/** Where the tools lie that were unpacked and not installed, so that no daemon of theirs was started. */
const UNPACKED = join(UNPACKED_ROOT, "usr/bin");

function locate(command: string): string | undefined {
  return findCommand(command) ?? findCommand(join(UNPACKED, command));
}

function versionOf(command: string): string {
  const output = execFileSync(locate(command) ?? command, ["--version"], { encoding: "utf8" });
  return /\d+(\.\d+)+/.exec(output)?.[0] ?? "unknown";
}

// Overlay lists whiteouts of unmerged directories as names without a file. `cp` complains, but what is there is what counts.

function podmanScript(driver: string): string {
  return `
    skopeo --insecure-policy copy --quiet "oci:$LAYOUT:$TAG" \\
      "containers-storage:[${driver}@$WORK/root+$WORK/run]localhost/case:latest" >&2
    mounted=$(podman --root $WORK/root --runroot $WORK/run --tmpdir $WORK/tmp --storage-driver ${driver} \\
      --cgroup-manager cgroupfs --events-backend none image mount localhost/case:latest)
    cp -a "$mounted/." "$OUT" || true
    umount -l "$mounted" || true
    umount -l $WORK/root/overlay || true`;
}

function containerdScript(snapshotter: "native" | "overlayfs"): string {
  return `
    export CONTAINERD_SNAPSHOTTER=${snapshotter}
    cat > $WORK/config.toml <<END
version = 2
root = "$WORK/root"
state = "/run/c"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/c.sock"
[ttrpc]
address = "/run/t.sock"
END
    containerd --config $WORK/config.toml > $WORK/log 2>&1 &
    for i in $(seq 100); do ctr -a /run/c.sock version > /dev/null 2>&1 && break; sleep 0.05; done
    tar -cf $WORK/image.tar -C $LAYOUT .
    ctr -a /run/c.sock images import $WORK/image.tar >&2
    ${COPY_SNAPSHOT[snapshotter]}`;
}
