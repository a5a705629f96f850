import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { oracleEnv, oraclePath } from "./oracles.ts";

/** A docker of the test's own; disposing ends its daemon. */
export interface DockerDaemon extends AsyncDisposable {
  /** Runs the client; what it prints on stdout. @throws when it fails */
  run(...args: readonly string[]): string;
}

/** How a daemon is started. */
export interface DockerDaemonOptions {
  /** Default: `overlay2`. */
  readonly storageDriver?: string;
}

/** Starts a daemon whose data lies in `directory/docker`, without a network. Needs root. */
export async function startDocker(
  directory: string,
  { storageDriver = "overlay2" }: DockerDaemonOptions = {},
): Promise<DockerDaemon> {
  // Sockets need short paths.
  const exec = mkdtempSync(join("/run", "d-"));
  const socket = `unix://${exec}/s`;
  const config = join(directory, "daemon.json");
  writeFileSync(config, "{}");
  const places = ["--data-root", join(directory, "docker"), "--exec-root", exec, "--pidfile", join(exec, "pid")];
  const network = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false"];
  const rest = ["-H", socket, "--storage-driver", storageDriver, "--config-file", config];
  const daemon = spawn(oraclePath("dockerd")!, [...places, ...network, ...rest], { env: oracleEnv, stdio: "ignore" });
  const run = (...args: readonly string[]): string =>
    execFileSync(oraclePath("docker")!, ["-H", socket, ...args], {
      encoding: "utf8",
      env: { ...oracleEnv, DOCKER_BUILDKIT: "0", DOCKER_CONFIG: directory },
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  await untilReady(() => run("version"), daemon);
  return {
    run,
    async [Symbol.asyncDispose]() {
      daemon.kill("SIGTERM");
      await new Promise((done) => (daemon.exitCode === null ? daemon.once("exit", done) : done(undefined)));
      rmSync(exec, { recursive: true, force: true });
    },
  };
}

async function untilReady(ask: () => string, daemon: ChildProcess): Promise<void> {
  for (let tries = 0; daemon.exitCode === null; tries++) {
    try {
      ask();
      return;
    } catch (error) {
      if (tries > 300) throw error;
      await sleep(100);
    }
  }
  throw new Error(`dockerd ended with status ${daemon.exitCode}`);
}
