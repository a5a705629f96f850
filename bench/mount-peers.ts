import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A contestant: what is timed, what is done before and after it, untimed. */
export interface Peer {
  readonly command: readonly string[];
  readonly prepare?: () => void;
  readonly clean?: readonly string[];
}

/** A daemon that begins anew, with empty roots, whenever it is asked to. */
export interface Containerd extends AsyncDisposable {
  readonly socket: string;
  restart(): void;
}

/** What is pulled, and where it is mounted. */
export interface Pulled {
  readonly image: string;
  readonly target: string;
}

/** The peers that pull and give a root file system; all of `work` is empty when they begin. */
export function pullPeers(work: string, { image, target }: Pulled, containerd: Containerd): Record<string, Peer> {
  const shell = (text: string): string[] => ["sh", "-ec", text];
  const storage = `--root ${work}/root --runroot ${work}/run --storage-driver overlay`;
  const umountStorage = shell(`umount ${work}/root/overlay/*/merged ${work}/root/overlay 2>/dev/null || true`);
  const podman = `podman ${storage} --tmpdir ${work}/tmp --cgroup-manager cgroupfs --events-backend none`;
  const buildah = `buildah ${storage}`;
  const ctr = `ctr -a ${containerd.socket}`;
  return {
    "podman pull + image mount": {
      command: shell(`${podman} pull -q --tls-verify=false ${image} && ${podman} image mount ${image}`),
      clean: umountStorage,
    },
    "buildah from + mount": {
      command: shell(`c=$(${buildah} from -q --tls-verify=false ${image}) && ${buildah} mount $c`),
      clean: umountStorage,
    },
    "containerd pull + mount": {
      command: shell(`${ctr} images pull --plain-http ${image} && ${ctr} images mount ${image} ${target}`),
      prepare: () => containerd.restart(),
      clean: shell(`umount ${target}`),
    },
    "skopeo copy + umoci unpack": {
      command: shell(
        `skopeo --insecure-policy copy -q --src-tls-verify=false docker://${image} oci:${work}/oci:1 && umoci raw unpack --image ${work}/oci:1 ${work}/rootfs`,
      ),
    },
  };
}

/** The peers that make a directory of an OCI layout. GNU tar knows no whiteouts: it writes the same layers one by one. */
export function unpackPeers(work: string, layout: string, blobs: readonly string[]): Record<string, Peer> {
  const root = join(work, "root");
  const unpacked = blobs.map((blob) => `tar -xzpf ${blob} --xattrs --xattrs-include='*' --numeric-owner -C ${root}`);
  return {
    "umoci raw unpack": { command: ["umoci", "raw", "unpack", "--image", `${layout}:latest`, root] },
    "GNU tar -xz": { command: ["sh", "-ec", `mkdir -p ${root}; ${unpacked.join("; ")}`] },
  };
}

/** Starts containerd; its state lies in a short path of its own, its root below `work`. */
export function startContainerd(work: string): Containerd {
  const state = mkdtempSync("/run/bench-");
  const socket = join(state, "c.sock");
  const config = join(state, "config.toml");
  writeFileSync(
    config,
    [
      "version = 2",
      `root = "${work}/containerd"`,
      `state = "${state}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\n  address = "${socket}"`,
      `[ttrpc]\n  address = "${socket}.ttrpc"`,
    ].join("\n"),
  );
  let pid: string | undefined;
  const stop = (): void => {
    if (pid !== undefined) spawnSync("sh", ["-c", 'kill "$1"; tail --pid="$1" -f /dev/null', "sh", pid]);
    pid = undefined;
    rmSync(socket, { force: true });
  };
  const restart = (): void => {
    stop();
    mkdirSync(work, { recursive: true });
    // A child of the shell that ends: nobody here could reap it while commands are timed.
    const start = 'containerd --config "$1" --log-level error >/dev/null 2>&1 & echo $!';
    pid = spawnSync("sh", ["-c", start, "sh", config], { encoding: "utf8" }).stdout.trim();
    for (let i = 0; i < 200 && !existsSync(socket); i++) spawnSync("sleep", ["0.05"]);
  };
  return {
    socket,
    restart,
    async [Symbol.asyncDispose]() {
      stop();
      rmSync(state, { recursive: true, force: true });
    },
  };
}
