/**
 * `node keep-compiled.mjs MODULES BUNDLE`: uses the command's bundle as people do, then keeps beside it what V8 compiled
 * on the way (docs/adr/0010). MODULES is where the command's modules lie one by one. What the verbs print is of no use.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./setup.mjs";

const SAMPLE = join(ROOT, "examples/layers/image.tar");
const [modules = "", bundle = ""] = process.argv.slice(2);
const { compileCommand, compiledName } = await import(pathToFileURL(join(modules, "load-command.js")).href);

const path = join(bundle, "command.js");
const script = compileCommand(path);
/** @type {{ exports: { runProcess?: import("../src/cli/run-process.ts").runProcess } }} */
const command = { exports: {} };
script.runInThisContext()(command.exports, createRequire(path), command, path, dirname(path));

const cache = mkdtempSync(join(tmpdir(), "strata-compiled-"));
try {
  for (const words of ["ls -R --json --no-verify --no-cache", "ls -R --json", "ls -R --json"]) {
    await command.exports.runProcess?.([...words.split(" "), "--cache-dir", cache, SAMPLE], "0");
  }
  writeFileSync(join(bundle, compiledName()), script.createCachedData());
} finally {
  rmSync(cache, { recursive: true });
}
