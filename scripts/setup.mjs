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
  "bundle-command.mjs",
  "direct-imports.mjs",
  "keep-compiled.mjs",
  "late-child-process.cjs",
  "lmdb-binary.cjs",
  "no-msgpackr.cjs",
  "ordered-binary.cjs",
  "sample-registry.mjs",
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
    const bundled = run(process.execPath, [join(ROOT, "scripts/bundle-command.mjs"), work]);
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
