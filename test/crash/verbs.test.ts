import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { FixtureLayout, layerOf } from "../support/image-fixtures.ts";
import { type RegistryServer, startRegistryServer } from "../support/registry-server.ts";
import { serveFixture } from "../support/serve-fixture.ts";

const LAYERS = 4;
const LAYER_BYTES = 3_000_000;
const KILLS = 8;
const FILES = ["file-0", "file-1", "file-2", "file-3"];

let directory: string;
let registry: RegistryServer;
/** An image of {@link LAYERS} layers, in the registry and as an archive. */
let reference: string;
let archive: string;
let layerDigests: readonly string[];

beforeAll(async () => {
  ensureBuilt();
  directory = mkdtempSync(join(tmpdir(), "strata-verbs-"));
  registry = await startRegistryServer();
  reference = `${registry.host}/crash:1`;
  await putImage();
  archive = join(directory, "image.tar");
  await succeed(["copy", `docker://${reference}`, `docker-archive:${archive}:crash:1`], join(directory, "unused"));
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Layers with one file that does not compress: what matters here is how long the bytes are on their way. */
async function putImage(): Promise<void> {
  const contents = Array.from({ length: LAYERS }, (_, i) => ({ [`file-${i}`]: randomBytes(LAYER_BYTES) }));
  const layers = await Promise.all(contents.map((files) => layerOf(files, { compress: false })));
  layerDigests = layers.map(({ diffId }) => diffId);
  const layout = new FixtureLayout();
  serveFixture(registry, { repository: "crash", layout, root: layout.image(layers), tag: "1" });
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], store: string): { child: ChildProcess; end: Promise<End> } {
  const env = { ...process.env, STRATA_ROOT: store, XDG_CACHE_HOME: directory, HOME: directory };
  const child = spawn(process.execPath, [join(ROOT, "dist/cli/main.js"), ...args], { env, stdio: "pipe" });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  const end = new Promise<End>((resolve) => child.on("close", (code, signal) => resolve({ code, signal, ...texts })));
  return { child, end };
}

async function succeed(args: readonly string[], store: string): Promise<End> {
  const end = await start(args, store).end;
  expect(end.code, `strata ${args.join(" ")}: ${end.stderr}`).toBe(0);
  return end;
}

/** Kills a verb at some moment, mostly while it works. */
async function killed(args: readonly string[], store: string): Promise<void> {
  const { child, end } = start(args, store);
  const timer = setTimeout(() => child.kill("SIGKILL"), 60 + Math.random() * 500);
  await end;
  clearTimeout(timer);
}

/** No fault but left-overs, and no half image. */
async function assertClean(store: string): Promise<void> {
  // A verb that was killed at once has not made the store yet.
  if (!existsSync(join(store, "version"))) return;
  const { code, stdout } = await start(["fsck", "--json"], store).end;
  const faults = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as { severity: string }]));
  expect({ code, faults: faults.filter(({ severity }) => severity !== "info") }).toEqual({ code: 0, faults: [] });
}

describe("a verb that is killed", () => {
  it.each([
    ["pull", () => ["pull", reference]],
    ["load", () => ["load", "-i", archive]],
  ] as const)("leaves a store that is clean and that the next %s completes", async (_, args) => {
    const store = mkdtempSync(join(directory, "store-"));
    for (let i = 0; i < KILLS; i++) {
      await killed(args(), store);
      await assertClean(store);
    }
    await succeed(args(), store);
    const images = (await succeed(["images", "-q"], store)).stdout;
    expect(images).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect((await succeed(["ls", images.trim()], store)).stdout).toBe("file-0\nfile-1\nfile-2\nfile-3\n");
    expect(JSON.parse((await succeed(["prune", "--force", "--json"], store)).stdout)).toMatchObject({
      blobs: { count: 0 },
    });
    await assertClean(store);
  });

  it("shows no half of an image in a directory, and the next unpack removes what it left", async () => {
    const store = join(directory, "unused");
    const place = mkdtempSync(join(directory, "unpack-"));
    const target = join(place, "root");
    for (let i = 0; i < KILLS; i++) {
      await killed(["unpack", `docker-archive:${archive}`, target], store);
      if (!existsSync(target)) continue;
      expect(readdirSync(target)).toEqual(FILES);
      rmSync(target, { recursive: true });
    }
    mkdirSync(target);
    await succeed(["unpack", `docker-archive:${archive}`, target], store);
    expect(readdirSync(place)).toEqual(["root"]);
    expect(FILES.map((name) => statSync(join(target, name)).size)).toEqual(Array(LAYERS).fill(LAYER_BYTES));
  });

  it("leaves the rest of a store as it was, when it frees", async () => {
    const store = mkdtempSync(join(directory, "store-"));
    await succeed(["load", "-i", join(ROOT, "examples/layers/image.tar")], store);
    for (let i = 0; i < KILLS; i++) {
      await succeed(["pull", reference], store);
      await killed(i % 2 === 0 ? ["rmi", reference] : ["prune", "--all", "--force"], store);
      await assertClean(store);
      await succeed(["load", "-i", join(ROOT, "examples/layers/image.tar")], store);
    }
    expect((await succeed(["ls", "strata.example/layers:sample", "/app"], store)).stdout).toBe("hello.sh\n");
  });

  it("leaves a registry that the next push completes", async () => {
    const store = mkdtempSync(join(directory, "store-"));
    await succeed(["load", "-i", archive], store);
    const target = `${registry.host}/pushed:1`;
    for (let i = 0; i < KILLS / 2; i++) await killed(["push", "crash:1", target], store);
    await succeed(["push", "crash:1", target], store);
    expect((await succeed(["ls", `docker://${target}`], store)).stdout).toBe("file-0\nfile-1\nfile-2\nfile-3\n");
    await assertClean(store);
  });
});

describe("a pull", () => {
  it("stops cleanly at an interrupt, and goes on from there", async () => {
    const store = mkdtempSync(join(directory, "store-"));
    // One layer never ends: the others are complete or under way when the interrupt comes.
    let isHanging = false;
    registry.fault = ({ method, path }) => {
      if (method !== "GET" || !path.includes("/blobs/") || isHanging) return undefined;
      isHanging = true;
      return { kind: "hang", at: "body", after: 1_000_000 };
    };
    const { child, end } = start(["pull", "--json", reference], store);
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (text: string) => {
        if (text.includes("blob-done")) resolve();
      });
    });
    child.kill("SIGINT");
    const { code, signal } = await end;
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    registry.fault = undefined;
    await assertClean(store);
    const { stdout } = await succeed(["pull", "--json", reference], store);
    expect(stdout).toContain('"result":"present"');
  });

  it("meets another pull of the same image, and each layer comes once", async () => {
    const store = mkdtempSync(join(directory, "store-"));
    const before = registry.requests.length;
    await Promise.all([succeed(["pull", reference], store), succeed(["pull", reference], store)]);
    const fetched = registry.requests.slice(before).filter(({ method }) => method === "GET");
    const times = layerDigests.map((digest) => fetched.filter(({ path }) => path.endsWith(`/blobs/${digest}`)).length);
    expect(times).toEqual(Array(LAYERS).fill(1));
    await assertClean(store);
  });
});
