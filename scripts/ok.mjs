/**
 * `npm run ok [-- STEP…]`: the gate. Everything that must hold before a change is done, except the tests; a step on each
 * processor at a time. Begins none after the first failure, and shows its output.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CACHE, ensureInstalled, ROOT } from "./setup.mjs";

const BIN = join(ROOT, "node_modules/.bin");

/** What the package may hold besides the code in dist/. */
const PACKED = [
  "dist/cli/LICENSES.txt",
  "dist/cli/package.json",
  "examples/layers/image.tar",
  "LICENSE",
  "NOTICE",
  "README.md",
  "package.json",
];

/** @typedef {{ ok: boolean, output: string }} Outcome */

/**
 * @param {string} command a tool of node_modules, or `npm` or `node`
 * @param {readonly string[]} args
 * @returns {Promise<Outcome>}
 */
async function tool(command, ...args) {
  const local = join(BIN, command);
  const child = spawn(existsSync(local) ? local : command, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, npm_config_loglevel: "error" },
  });
  /** @type {Promise<string>} what went wrong, or nothing */
  const ended = new Promise((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", (code, signal) => resolve(code === 0 ? "" : `${command} ended with ${code ?? signal}`));
  });
  const [stdout, stderr, problem] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ok: problem === "", output: `${stdout}${stderr}${problem}` };
}

/** @param {readonly (() => Promise<Outcome>)[]} checks @returns {Promise<Outcome>} of the first that fails, else of the last */
async function all(...checks) {
  let outcome = { ok: true, output: "" };
  for (const check of checks) {
    outcome = await check();
    if (!outcome.ok) break;
  }
  return outcome;
}

/** The boundaries, and that the checker saw any module: with a TypeScript it cannot load it sees none and is content. */
async function boundaries() {
  const places = ["src", "test", "bench"].filter((path) => existsSync(join(ROOT, path)));
  const outcome = await tool("depcruise", "--config", ".dependency-cruiser.cjs", ...places);
  const modules = Number(/(\d+) modules/.exec(outcome.output)?.[1] ?? 0);
  return modules > 0 ? outcome : { ok: false, output: `${outcome.output}\nThe boundary check saw no module.` };
}

/** Packs, and looks at the tarball as its users will: contents, entry points, types. */
async function packageLint() {
  const work = mkdtempSync(join(CACHE, "pack-"));
  try {
    const packed = await tool("npm", "pack", "--ignore-scripts", "--json", "--pack-destination", work);
    if (!packed.ok) return packed;
    const strangers = strangersIn(packed.output);
    if (strangers.length > 0) return { ok: false, output: `Not for the package: ${strangers.join(", ")}` };
    const tarball = join(work, readdirSync(work)[0] ?? "");
    return await all(
      () => tool("publint", "run", tarball, "--strict"),
      () => tool("attw", tarball, "--profile", "esm-only"),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} packJson the answer of `npm pack --json` @returns {string[]} files that should not be in the package */
function strangersIn(packJson) {
  const [{ files }] = JSON.parse(packJson);
  return files
    .map((/** @type {{ path: string }} */ file) => file.path)
    .filter(
      (/** @type {string} */ path) =>
        !/^dist\/(.*\.(js|d\.ts)|cli\/command-.*\.bin)$/.test(path) && !PACKED.includes(path),
    );
}

/** typedoc can demand comments of functions only together with every method; ours is a rule about exports. */
const FUNCTION_KIND = 64;

/** The API pages build without a warning, and every exported function states its contract. */
async function apiPages() {
  const work = mkdtempSync(join(CACHE, "api-"));
  try {
    const json = join(work, "api.json");
    const outcome = await tool("typedoc", "--json", json);
    if (!outcome.ok) return outcome;
    const silent = silentFunctions(JSON.parse(readFileSync(json, "utf8")));
    return { ok: silent.length === 0, output: `Exported without a comment: ${silent.join(", ")}` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @typedef {{ name: string, kind: number, children?: Reflection[], signatures?: { comment?: object }[] }} Reflection */

/** @param {Reflection} project @returns {string[]} `room.function` */
function silentFunctions(project) {
  return (project.children ?? []).flatMap((room) =>
    (room.children ?? [])
      .filter(({ kind, signatures }) => kind === FUNCTION_KIND && !signatures?.some(({ comment }) => comment))
      .map(({ name }) => `${room.name}.${name}`),
  );
}

/**
 * By name, in the order in which they begin: long ones first.
 * @type {Readonly<Record<string, () => Promise<Outcome>>>}
 */
const STEPS = {
  // What the tests have built from the same sources need not be built again. The package is what was built.
  package: () => all(() => tool("node", "scripts/build.mjs", "--if-stale"), packageLint),
  types: () => tool("tsc", "-p", "."),
  docs: apiPages,
  lint: () =>
    all(
      () => tool("biome", "check", "--formatter-enabled=false", "--error-on-warnings", "--max-diagnostics=50", "."),
      () => tool("oxlint", "--type-aware", "--deny-warnings"),
    ),
  boundaries,
  "dead code": () => tool("knip"),
  format: () => tool("biome", "format", "."),
  lockfile: () => tool("node", "scripts/lock.mjs", "--check"),
};

ensureInstalled();
mkdirSync(CACHE, { recursive: true });
const wanted = process.argv.slice(2);
const waiting = Object.entries(STEPS).filter(([name]) => wanted.length === 0 || wanted.includes(name));
/** @type {string[]} */
const failed = [];

/** Takes one step after the other, until none is waiting or one has failed. */
async function takeSteps() {
  for (let next = waiting.shift(); next !== undefined && failed.length === 0; next = waiting.shift()) {
    const [name, step] = next;
    const start = performance.now();
    const { ok, output } = await step();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${ok ? "✓" : "✗"} ${name.padEnd(12)} ${seconds.padStart(5)} s`);
    if (ok) continue;
    console.log(output.trimEnd());
    failed.push(name);
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, takeSteps));
console.log(failed.length === 0 ? "ok" : `\nNot ok: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
