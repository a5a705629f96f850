import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { oracleEnv, oraclePath } from "./oracles.ts";

/** Sections of its configuration file that are laid over ours, and where it starts from. */
export interface DockerRegistryOptions {
  readonly auth?: object;
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Where its blobs lie; temporary unless given. */
  readonly storage?: string;
}

/** Debian's docker-registry, running on loopback until it is disposed of. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as in a reference. */
  readonly host: string;
}

/** Starts a registry on a port of its own and waits until it answers. Needs the oracle `docker-registry`. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "docker-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(directory, "config.json");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(configuration(host, options.storage ?? join(directory, "storage"), options)));
  const child = spawn(oraclePath("docker-registry") ?? "docker-registry", ["serve", file], {
    env: { ...oracleEnv, OTEL_TRACES_EXPORTER: "none" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: string[] = [];
  child.stderr?.on("data", (text: Buffer) => log.push(text.toString()));
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(host, child, options);
  } catch (error) {
    await stop();
    throw new Error(`docker-registry did not start: ${log.join("").slice(-2000)}`, { cause: error });
  }
  return { host, [Symbol.asyncDispose]: stop };
}

function configuration(host: string, rootdirectory: string, { auth, tls }: DockerRegistryOptions): object {
  return {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory }, delete: { enabled: true } },
    http: { addr: host, secret: "only for tests", ...(tls === undefined ? {} : { tls }) },
    ...(auth === undefined ? {} : { auth }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function untilItAnswers(host: string, child: ChildProcess, { tls }: DockerRegistryOptions): Promise<void> {
  const isUp = async (): Promise<boolean> =>
    await new Promise((resolve) => {
      const url = `${tls === undefined ? "http" : "https"}://${host}/v2/`;
      const request =
        tls === undefined ? requestHttp(url) : requestHttps(url, { rejectUnauthorized: false, agent: false });
      request.on("response", (response) => {
        response.resume();
        resolve(true);
      });
      request.on("error", () => resolve(false));
      request.end();
    });
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (await isUp()) return;
    await delay(50);
  }
  throw new Error("it does not answer");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  child.kill("SIGKILL");
  await ended;
}
