/**
 * `npm run lock [-- --check]`: completes package-lock.json with the binaries of other platforms.
 *
 * A registry mirror may carry only the binaries of its own platform. `npm install` then leaves the others out of the lock without a word,
 * and `npm ci` refuses that lock on every machine. Their names and versions stand in the packages that want them; npm fetches them where
 * they are needed, and ignores them elsewhere.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

const PATH = join(ROOT, "package-lock.json");
const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const PROCESSORS = ["arm64", "ia32", "ppc64", "riscv64", "s390x", "x64", "arm"];

/** @typedef {{ version: string, dev?: true, optionalDependencies?: Record<string, string> }} Locked */

/**
 * The entries that the lock lacks.
 * @param {Record<string, Locked>} packages
 * @returns {Record<string, object>}
 */
function missingBinaries(packages) {
  /** @type {Record<string, object>} */
  const missing = {};
  for (const [path, locked] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      if (key in packages || `${path}/${key}` in packages) continue;
      missing[key] = { version, ...(locked.dev ? { dev: true } : {}), optional: true, ...platformIn(name) };
    }
  }
  return missing;
}

/**
 * What a binary's name says about its platform.
 * @param {string} name
 */
function platformIn(name) {
  const file = name.slice(name.lastIndexOf("/") + 1);
  const os = SYSTEMS.filter((system) => file.includes(system)).slice(0, 1);
  const cpu = PROCESSORS.filter((processor) => file.includes(processor)).slice(0, 1);
  const libc = ["musl", "gnu"].filter((word) => file.includes(word)).map((word) => (word === "gnu" ? "glibc" : word));
  return { os, cpu, ...(os[0] === "linux" && libc.length > 0 ? { libc: libc.slice(0, 1) } : {}) };
}

const lock = JSON.parse(readFileSync(PATH, "utf8"));
const missing = missingBinaries(lock.packages);
const names = Object.keys(missing);

if (names.length === 0) {
  console.log("package-lock.json is complete.");
} else if (process.argv.includes("--check")) {
  console.error(
    `package-lock.json lacks ${names.length} binaries of other platforms, first ${names[0]}. Run: npm run lock`,
  );
  process.exitCode = 1;
} else {
  const entries = Object.entries({ ...lock.packages, ...missing });
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(PATH, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`Added ${names.length} binaries of other platforms to package-lock.json.`);
}
