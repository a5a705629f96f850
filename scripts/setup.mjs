/**
 * Everything that a fresh machine needs before the project can run, done only when it is missing. Plain Node: this runs before any package
 * is installed. Each step is silent and takes milliseconds when there is nothing to do.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { copyWithDirectImports } from "./direct-imports.mjs";
import { onlyOne } from "./only-one.mjs";

export const ROOT = join(import.meta.dirname, "..");
/** What may be deleted at any time. */
export const CACHE = join(ROOT, ".cache");
const FINGERPRINT = join(CACHE, "build.fingerprint");

/**
 * Runs a command in the project's root with its output shown.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env] added to our own environment
 * @param {"inherit" | "ignore"} [stdout] where its output goes
 * @returns {number} its exit code; 1 when it could not be started or was killed
 */
export function run(command, args, env = {}, stdout = "inherit") {
  // npm is a script on Windows, which only a shell starts.
  const shell = process.platform === "win32" && command === "npm";
  /** @type {import("node:child_process").StdioOptions} */
  const stdio = ["inherit", stdout, "inherit"];
  const result = spawnSync(command, args, { cwd: ROOT, stdio, shell, env: { ...process.env, ...env } });
  if (result.error) console.error(`${command}: ${result.error.message}`);
  return result.status ?? 1;
}

/**
 * Ends the process with the code of a step that failed.
 * @param {number} code
 * @param {string} what
 */
function demand(code, what) {
  if (code === 0) return;
  console.error(`${what} failed (exit code ${code}).`);
  process.exit(code);
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** Whether node_modules is what package-lock.json asks for. Packages of other platforms may be missing. */
function isInstalled() {
  const installedLock = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installedLock)) return false;
  const installed = readJson(installedLock).packages;
  return Object.entries(readJson(join(ROOT, "package-lock.json")).packages).every(
    ([path, wanted]) =>
      path === "" || (installed[path] ? installed[path].version === wanted.version : wanted.optional === true),
  );
}

/** Installs the packages, exactly as locked, unless they are there. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.error("Installing packages (npm ci) …");
  demand(run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]), "npm ci");
}

/** What the build runs and what it puts into the bundle, beside the sources. */
const BUILD_SCRIPTS = [
  "setup.mjs",
  "direct-imports.mjs",
  "keep-compiled.mjs",
  "late-child-process.cjs",
  "undici-parts.cjs",
];

/** What the build depends on, by name, size and time. */
function buildFingerprint() {
  const hash = createHash("sha256").update(process.version);
  /** @param {string} path */
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const path of ["package-lock.json", "tsconfig.json", "tsconfig.build.json"]) add(path);
  for (const name of BUILD_SCRIPTS) add(join("scripts", name));
  for (const path of readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).sort()) {
    if (path.endsWith(".ts") && !path.endsWith(".test.ts")) add(join("src", path));
  }
  return hash.digest("hex");
}

/** Compiles src/ to dist/, from nothing: no file of a deleted module stays behind, and a failure leaves dist/ as it was. Returns the compiler's exit code. */
export function build() {
  const fingerprint = buildFingerprint();
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, "dist-"));
  try {
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const code = run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", work]);
    if (code !== 0) return code;
    if (hasSourceImports(work)) return 1;
    const bundled = bundleCommand(work);
    if (bundled !== 0) return bundled;
    // A temporary directory is private, what is built is not.
    chmodSync(work, 0o755);
    makeExecutable(join(work, "cli/main.js"));
    rmSync(join(ROOT, "dist"), { recursive: true, force: true });
    renameSync(work, join(ROOT, "dist"));
    writeFileSync(FINGERPRINT, fingerprint);
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Whether a compiled module would import a source: TypeScript forgets to rewrite the path of a dynamic import in a
 * function that it also rewrites for `using`.
 * @param {string} directory
 */
function hasSourceImports(directory) {
  const wrong = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".js"))
    .filter((path) => /import\("[^"]*\.ts"\)/.test(readFileSync(join(directory, path), "utf8")));
  for (const path of wrong) console.error(`${path} imports a source: move the import() into a function without using`);
  return wrong.length > 0;
}

/**
 * Packages that become part of the command. All others stay where npm puts them: koffi and lmdb have binaries, the encoder
 * of zstd reads a file beside its code.
 */
const BUNDLED_PACKAGES = ["commander", "fzstd", "undici", "valibot"];
/** Of undici only what speaks HTTP: its own entry loads four times as many modules, which takes 70 ms. */
const UNDICI = join(ROOT, "scripts/undici-parts.cjs");
const CHILD_PROCESS = join(ROOT, "scripts/late-child-process.cjs");

/** What a module knows of itself, said in CommonJS. */
const IMPORT_META = {
  "import.meta.url": "moduleUrl",
  "import.meta.filename": "__filename",
  "import.meta.dirname": "__dirname",
};
const BANNER = "const moduleUrl=require('node:url').pathToFileURL(__filename).href;";

/**
 * Joins the modules of the command and four packages into one file, and the program of its threads into another: Node
 * takes about a third of a millisecond to find and load a module, and a verb needs more than two hundred
 * (docs/adr/0009). CommonJS, because V8's compiled code can be kept only for scripts (docs/adr/0010). The library's
 * modules stay as they are.
 * @param {string} directory the compiled sources; its `cli` is replaced by the bundle
 */
function bundleCommand(directory) {
  const command = join(directory, "cli");
  const bundle = join(directory, "cli-bundle");
  const direct = join(directory, "cli-direct");
  const entries = ["main=cli/main.js", "command=cli/run-process.js", ...threadPrograms(directory)];
  copyWithDirectImports(directory, direct);
  const dependencies = Object.keys(readJson(join(ROOT, "package.json")).dependencies);
  const options = [
    "--bundle",
    "--format=cjs",
    "--platform=node",
    "--target=node20",
    "--minify-whitespace",
    // What V8 keeps of a script has all names in it, and loading it costs by its length: a third less with short ones.
    "--minify-identifiers",
    // A script that comes with its compiled code cannot import, only require.
    "--supported:dynamic-import=false",
    "--log-level=warning",
    `--outdir=${bundle}`,
    `--banner:js=${BANNER}`,
    `--alias:undici=${UNDICI}`,
    `--alias:node:child_process=${CHILD_PROCESS}`,
    ...Object.entries(IMPORT_META).map(([name, value]) => `--define:${name}=${value}`),
    ...dependencies.filter((name) => !BUNDLED_PACKAGES.includes(name)).map((name) => `--external:${name}`),
  ];
  const esbuild = join(ROOT, "node_modules/esbuild/bin/esbuild");
  const inputs = entries.map((entry) => entry.replace("=", `=${direct}/`));
  const code = run(process.execPath, [esbuild, ...inputs, ...options]);
  if (code !== 0) return code;
  writeFileSync(join(bundle, "package.json"), '{ "type": "commonjs" }\n');
  writeFileSync(join(bundle, "LICENSES.txt"), licenses());
  const kept = keepCompiled(command, bundle);
  if (kept !== 0) return kept;
  rmSync(direct, { recursive: true });
  rmSync(command, { recursive: true });
  renameSync(bundle, command);
  return 0;
}

/**
 * Keeps what V8 compiles while the bundle is used. Mounting is among that, so it happens in a namespace of its own, which
 * goes with the process; where there can be none, nothing is mounted.
 * @param {string} command the modules of the command
 * @param {string} bundle
 */
function keepCompiled(command, bundle) {
  const words = [process.execPath, join(ROOT, "scripts/keep-compiled.mjs"), command, bundle];
  const namespace = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
  if (spawnSync("unshare", [...namespace, ...words, "--mount"], { stdio: "ignore" }).status === 0) return 0;
  return run(words[0] ?? "", words.slice(1), {}, "ignore");
}

/**
 * The programs of threads, `ROOM/NAME-worker.js`: a thread looks for its own beside the bundle.
 * @param {string} directory the compiled sources
 */
function threadPrograms(directory) {
  const files = readdirSync(directory, { recursive: true }).map(String);
  return files
    .filter((file) => file.endsWith("-worker.js"))
    .sort()
    .map((file) => `${file.replace(/^.*\/|\.js$/g, "")}=${file}`);
}

/** The licenses of the packages inside the bundle, which ask to go where the code goes. */
function licenses() {
  return BUNDLED_PACKAGES.map((name) => {
    const directory = join(ROOT, "node_modules", name);
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry)) ?? "package.json";
    return `${name}\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}

/** @param {string} path */
function makeExecutable(path) {
  if (existsSync(path)) chmodSync(path, 0o755);
}

/** Whether dist/ is that of today's sources. */
function isBuilt() {
  return (
    existsSync(join(ROOT, "dist/cli/main.js")) &&
    existsSync(FINGERPRINT) &&
    readFileSync(FINGERPRINT, "utf8") === buildFingerprint()
  );
}

/** Builds unless dist/ is that of today's sources. */
export function ensureBuilt() {
  if (isBuilt()) return;
  mkdirSync(CACHE, { recursive: true });
  onlyOne(join(CACHE, "building"), () => {
    if (isBuilt()) return;
    console.error("Building (tsc) …");
    demand(build(), "The build");
  });
}
