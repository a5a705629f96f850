import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { oracleEnv, oraclePath } from "./oracles.ts";

/** A containerd of the test's own; disposing ends it. */
export interface ContainerdDaemon extends AsyncDisposable {
  /** Runs `ctr`; what it prints on stdout. @throws when it fails */
  run(...args: readonly string[]): string;
  /** The same, when what it prints is no text. */
  bytes(...args: readonly string[]): Buffer;
}

/** Starts a daemon whose data lies in `directory/containerd`. Needs root. */
export async function startContainerd(directory: string): Promise<ContainerdDaemon> {
  // Sockets need short paths.
  const state = mkdtempSync(join("/run", "c-"));
  const socket = join(state, "s");
  const config = join(state, "config.toml");
  writeFileSync(
    config,
    [
      "version = 2",
      `root = "${directory}/containerd"`,
      `state = "${state}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\n  address = "${socket}"`,
      `[ttrpc]\n  address = "${socket}.ttrpc"`,
    ].join("\n"),
  );
  const command = oraclePath("containerd")!;
  const daemon = spawn(command, ["--config", config, "--log-level", "error"], { env: oracleEnv, stdio: "ignore" });
  const ctr = join(dirname(command), "ctr");
  const bytes = (...args: readonly string[]): Buffer =>
    execFileSync(ctr, ["-a", socket, ...args], {
      env: oracleEnv,
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 28,
    });
  const run = (...args: readonly string[]): string =>
    bytes(...args)
      .toString()
      .trim();
  const stop = async (): Promise<void> => {
    daemon.kill("SIGTERM");
    if (daemon.exitCode === null) await new Promise((done) => daemon.once("exit", done));
    rmSync(state, { recursive: true, force: true });
  };
  await untilReady(() => existsSync(socket) && run("version"), daemon);
  return { run, bytes, [Symbol.asyncDispose]: stop };
}

async function untilReady(ask: () => unknown, daemon: ChildProcess): Promise<void> {
  let failure: unknown;
  for (let tries = 0; daemon.exitCode === null && tries < 300; tries++) {
    try {
      if (ask() !== false) return;
    } catch (error) {
      failure = error;
    }
    await sleep(100);
  }
  throw new Error(`containerd ended with status ${daemon.exitCode}`, { cause: failure });
}
