/**
 * `npm run ok`: the gate. Everything that must hold before a change is done, except the tests; stops at the first failure and shows its output.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
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
 * @returns {Outcome}
 */
function tool(command, ...args) {
  const local = join(BIN, command);
  const result = spawnSync(existsSync(local) ? local : command, args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, npm_config_loglevel: "error" },
  });
  const output = [result.stdout, result.stderr, result.error?.message].filter(Boolean).join("");
  return { ok: result.status === 0, output };
}

/** @param {readonly (() => Outcome)[]} checks @returns {Outcome} of the first that fails, else of the last */
function all(...checks) {
  let outcome = { ok: true, output: "" };
  for (const check of checks) {
    outcome = check();
    if (!outcome.ok) break;
  }
  return outcome;
}

/** The boundaries, and that the checker saw any module: with a TypeScript it cannot load it sees none and is content. */
function boundaries() {
  const places = ["src", "test", "bench"].filter((path) => existsSync(join(ROOT, path)));
  const outcome = tool("depcruise", "--config", ".dependency-cruiser.cjs", ...places);
  const modules = Number(/(\d+) modules/.exec(outcome.output)?.[1] ?? 0);
  return modules > 0 ? outcome : { ok: false, output: `${outcome.output}\nThe boundary check saw no module.` };
}

/** Packs, and looks at the tarball as its users will: contents, entry points, types. */
function packageLint() {
  const work = mkdtempSync(join(CACHE, "pack-"));
  try {
    const packed = tool("npm", "pack", "--ignore-scripts", "--json", "--pack-destination", work);
    if (!packed.ok) return packed;
    const strangers = strangersIn(packed.output);
    if (strangers.length > 0) return { ok: false, output: `Not for the package: ${strangers.join(", ")}` };
    const tarball = join(work, readdirSync(work)[0] ?? "");
    return all(
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
function apiPages() {
  const work = mkdtempSync(join(CACHE, "api-"));
  try {
    const json = join(work, "api.json");
    const outcome = tool("typedoc", "--json", json);
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

/** @type {Readonly<Record<string, () => Outcome>>} */
const STEPS = {
  lockfile: () => tool("node", "scripts/lock.mjs", "--check"),
  types: () => tool("tsc", "-p", "."),
  format: () => tool("biome", "format", "."),
  lint: () =>
    all(
      () => tool("biome", "check", "--formatter-enabled=false", "--error-on-warnings", "--max-diagnostics=50", "."),
      () => tool("oxlint", "--type-aware", "--deny-warnings"),
    ),
  boundaries,
  "dead code": () => tool("knip"),
  build: () => tool("node", "scripts/build.mjs"),
  package: packageLint,
  docs: apiPages,
};

ensureInstalled();
mkdirSync(CACHE, { recursive: true });
const wanted = process.argv.slice(2);
for (const [name, step] of Object.entries(STEPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const start = performance.now();
  const { ok, output } = step();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${ok ? "✓" : "✗"} ${name.padEnd(12)} ${seconds.padStart(5)} s`);
  if (ok) continue;
  console.log(output.trimEnd());
  console.log(`\nNot ok: ${name}`);
  process.exit(1);
}
console.log("ok");
