/**
 * `node keep-compiled.mjs MODULES BUNDLE [--mount]`: uses the command's bundle as people do, then keeps beside it what V8
 * compiled on the way (docs/adr/0010). MODULES is where the command's modules lie one by one. With `--mount` an image is
 * mounted, too; the mount namespace must be this process's own. What the verbs print is of no use.
 *
 * `node keep-compiled.mjs MODULES BUNDLE --only VERB…` runs command lines and keeps nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./setup.mjs";

const SAMPLE = join(ROOT, "examples/layers/image.tar");
const SAMPLE_NAME = "strata.example/layers:sample";
const [modules = "", bundle = "", mode = "", ...given] = process.argv.slice(2);
const { compileCommand, compiledName } = await import(pathToFileURL(join(modules, "load-command.js")).href);

const path = join(bundle, "command.js");
const script = compileCommand(path);
/** @type {{ exports: { runProcess?: import("../src/cli/run-process.ts").runProcess } }} */
const command = { exports: {} };
script.runInThisContext()(command.exports, createRequire(path), command, path, dirname(path));

/** @param {readonly string[]} lines */
async function runVerbs(lines) {
  for (const line of lines) {
    await command.exports.runProcess?.(line.split(" "), "0");
    if (process.exitCode) throw new Error(`strata ${line} failed`);
  }
}

/**
 * Mounts what is unpacked: unpacking is left to another process, because its code would be a load for all verbs.
 * @param {string} place
 */
async function runMounting(place) {
  const [root, target] = [join(place, "root"), join(place, "target")];
  mkdirSync(target);
  const lines = [`mount ${SAMPLE_NAME} ${target} --root ${root}`, `umount ${target} --root ${root}`];
  const before = [`load -q -i ${SAMPLE} --root ${root}`, ...lines];
  const other = spawnSync(process.execPath, [import.meta.filename, modules, bundle, "--only", ...before]);
  if (other.status !== 0) throw new Error("The sample could not be unpacked");
  await runVerbs(lines);
}

const place = mkdtempSync(join(tmpdir(), "strata-compiled-"));
try {
  if (mode === "--only") await runVerbs(given);
  else {
    const cache = join(place, "cache");
    const quick = `ls -R --json --cache-dir ${cache} ${SAMPLE}`;
    await runVerbs([`${quick} --no-verify --no-cache`, quick, quick]);
    if (mode === "--mount") await runMounting(place);
    writeFileSync(join(bundle, compiledName()), script.createCachedData());
  }
} finally {
  rmSync(place, { recursive: true });
}
