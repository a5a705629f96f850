import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openImage } from "../../src/index.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { FixtureLayout, layerOf, named, writeFiles } from "../support/image-fixtures.ts";
import { describeWith, oracleEnv, oraclePath } from "../support/oracles.ts";

function run(command: Parameters<typeof oraclePath>[0], ...args: string[]): string {
  const options = { env: oracleEnv, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(oraclePath(command) ?? command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

const skopeo = (...args: string[]): string => run("skopeo", "--insecure-policy", ...args);

describeWith(["docker-registry", "skopeo"], "an image in a registry", () => {
  let directory: string;
  let registry: DockerRegistry;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "registry-"));
    registry = await startDockerRegistry();
    const layout = new FixtureLayout();
    const layers = [await layerOf({ "etc/motd": "hello\n" }), await layerOf({ "app/data": "x".repeat(50_000) })];
    await writeFiles(join(directory, "source"), layout.finish([named(layout.image(layers), "v1")]));
    skopeo("copy", "-q", "--dest-tls-verify=false", `oci:${directory}/source:v1`, `docker://${registry.host}/app:v1`);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  it("shows its files", async () => {
    await using image = await openImage(`docker://${registry.host}/app:v1`);
    expect(await image.fs.readFile("/etc/motd", "utf8")).toBe("hello\n");
    expect(await image.fs.readFile("/app/data", "utf8")).toBe("x".repeat(50_000));
  });
});
