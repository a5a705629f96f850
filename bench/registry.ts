import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";

const STRATA = join(import.meta.dirname, "../dist/cli/main.js");

/** Debian's registry on a port of its own. */
export interface BenchRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): void;
}

/**
 * Starts a registry that keeps its blobs below a directory, and fills it.
 * @param images what to copy in: repository by the name of the image
 */
export async function startBenchRegistry(
  directory: string,
  images: Readonly<Record<string, string>>,
): Promise<BenchRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const configuration = join(directory, "registry.yml");
  const storage = { filesystem: { rootdirectory: join(directory, "registry") } };
  writeFileSync(
    configuration,
    JSON.stringify({ version: "0.1", storage, http: { addr: host }, log: { level: "error" } }),
  );
  const child = spawn("docker-registry", ["serve", configuration], { stdio: "ignore" });
  for (const [from, repository] of Object.entries(images)) {
    const put = [STRATA, "copy", "--retries", "9", "--quiet", from, `docker://${host}/${repository}:1`];
    execFileSync(process.execPath, put, { stdio: "ignore" });
  }
  return { host, stop: () => void child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
