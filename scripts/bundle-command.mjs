/**
 * `node bundle-command.mjs DIST`: joins the modules of the command, in DIST as `tsc` wrote them, into those that are always
 * needed together, and each program of its threads into one (docs/adr/0009, docs/adr/0019). They take the place of DIST/cli.
 * CommonJS, because V8's compiled code can be kept only for scripts. The library's modules stay as they are.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { build } from "rolldown";
import { copyWithDirectImports } from "./direct-imports.mjs";
import { ROOT, run } from "./setup.mjs";

/**
 * Packages of which code becomes part of the command. All others stay where npm puts them: koffi is a binary, the encoder of zstd
 * reads a file beside its code.
 */
const BUNDLED_PACKAGES = [
  "commander",
  "fzstd",
  "undici",
  "valibot",
  "lmdb",
  "@harperfast/extended-iterable",
  "weak-lru-cache",
];

const ALIASES = {
  // Of undici only what speaks HTTP: its own entry loads four times as many modules, which takes 70 ms.
  undici: join(ROOT, "scripts/undici-parts.cjs"),
  "node:child_process": join(ROOT, "scripts/late-child-process.cjs"),
  "node-gyp-build-optional-packages": join(ROOT, "scripts/lmdb-binary.cjs"),
  msgpackr: join(ROOT, "scripts/no-msgpackr.cjs"),
  "ordered-binary": join(ROOT, "scripts/ordered-binary.cjs"),
};

/** What a module knows of itself, said in CommonJS. */
const IMPORT_META = { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" };

/** Names are made short: what V8 keeps of a script has them all, and loading it costs by its length. */
const MINIFY = { mangle: true, compress: false, codegen: { removeWhitespace: true } };

/**
 * Writes bundles.
 * @param {Record<string, string>} input the modules to begin with, by the names that they shall have
 * @param {string} directory where they go
 * @param {boolean} isSplit into what is loaded at different times
 */
async function writeBundles(input, directory, isSplit) {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const { output } = await build({
    input,
    external: Object.keys(dependencies).filter((name) => !BUNDLED_PACKAGES.includes(name)),
    platform: "node",
    resolve: { alias: ALIASES },
    transform: { target: "node20", define: IMPORT_META },
    // Whether a dynamic import makes a module of its own is a matter of taste.
    checks: { ineffectiveDynamicImport: false },
    output: {
      dir: directory,
      format: "cjs",
      codeSplitting: isSplit,
      chunkFileNames: "[name].js",
      minify: MINIFY,
      // What is `const` is checked for being there at every use.
      topLevelVar: true,
      // Node's loader of ES modules takes milliseconds to start.
      dynamicImportInCjs: false,
    },
  });
  for (const { fileName } of output) makeQuick(join(directory, fileName));
}

/** How rolldown writes what a module exports. */
const GETTER = /Object\.defineProperty\(exports,"([^"]+)",\{enumerable:true,get:function\(\)\{return ([\w$]+)\}\}\)/g;

/**
 * Makes the source quicker to load and to run. ASCII needs no decoding, and takes half of the memory. A value is read more quickly
 * than a getter, which listing an image does a few hundred thousand times: 8 % of its time.
 * @param {string} path
 */
function makeQuick(path) {
  const source = readFileSync(path, "utf8");
  /** @param {string} unit */
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // Outside of strings and patterns there are such letters only in comments, which are gone.
  writeFileSync(path, source.replaceAll(/[^\0-\x7f]/g, escaped).replaceAll(GETTER, "exports.$1=$2"));
}

/**
 * Refuses exports that get another value after their module has run: nobody would see it, see {@link makeQuick}.
 * @param {string} directory
 */
function assertSettledExports(directory) {
  for (const file of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".js") || !/^export let /m.test(readFileSync(join(directory, file), "utf8"))) continue;
    throw new Error(`${file} exports a variable: export a function that returns it`);
  }
}

/**
 * The programs of threads, `ROOM/NAME-worker.js`: a thread looks for its own beside the command's modules.
 * @param {string} directory
 */
function threadPrograms(directory) {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith("-worker.js"));
}

/** The licenses of the packages inside, which ask to go where the code goes. */
function licenses() {
  return BUNDLED_PACKAGES.map((name) => {
    const directory = join(ROOT, "node_modules", name);
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry)) ?? "package.json";
    return `${name}\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}

/**
 * Keeps what V8 compiles while the command is used. Mounting is among that, so it happens in a namespace of its own, which
 * goes with the process; where there can be none, nothing is mounted.
 * @param {string} modules the command's, one by one
 * @param {string} bundle
 */
function keepCompiled(modules, bundle) {
  const words = [process.execPath, join(ROOT, "scripts/keep-compiled.mjs"), modules, bundle];
  const namespace = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
  if (spawnSync("unshare", [...namespace, ...words, "--mount"], { stdio: "ignore" }).status === 0) return 0;
  return run(words[0] ?? "", words.slice(1), {}, "ignore");
}

const dist = process.argv[2] ?? "";
const command = join(dist, "cli");
const bundle = join(dist, "cli-bundle");
const direct = join(dist, "cli-direct");
copyWithDirectImports(dist, direct);
assertSettledExports(direct);
await writeBundles({ command: join(direct, "cli/run-process.js") }, bundle, true);
const alone = ["cli/main.js", ...threadPrograms(direct)];
for (const file of alone) await writeBundles({ [basename(file, ".js")]: join(direct, file) }, bundle, false);
writeFileSync(join(bundle, "package.json"), '{ "type": "commonjs" }\n');
writeFileSync(join(bundle, "LICENSES.txt"), licenses());
process.exitCode = keepCompiled(command, bundle);
if (process.exitCode === 0) {
  for (const path of [direct, command]) rmSync(path, { recursive: true });
  renameSync(bundle, command);
}
