/**
 * `node keep-compiled.mjs SOURCES BUNDLE [--mount]`: uses the command's bundle as people do, then keeps beside it what V8
 * compiled on the way, in groups of modules that the same uses need (docs/adr/0019). SOURCES is where the command's modules
 * lie one by one. With `--mount` an image is mounted, too; the mount namespace must be this process's own. What the verbs
 * print is of no use.
 *
 * `node keep-compiled.mjs SOURCES BUNDLE --trace FILE LINES`: runs command lines (JSON), writes to FILE which modules they
 * needed and keeps nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { serveLayout } from "./sample-registry.mjs";
import { ROOT } from "./setup.mjs";

/** @typedef {readonly (readonly string[])[]} Lines command lines, one after another */

const SAMPLE = join(ROOT, "examples/layers/image.tar");
const SAMPLE_NAME = "strata.example/layers:sample";
const [sources = "", bundle = "", mode = "", ...given] = process.argv.slice(2);
/** @param {string} name @returns {Promise<any>} */
const source = async (name) => import(pathToFileURL(join(sources, name)).href);
/** @type {typeof import("../src/cli/module-groups.ts")} */
const { groupSource, ModuleGroups } = await source("module-groups.js");
/** @type {typeof import("../src/cli/compiled-groups.ts")} */
const { compiledName, compileScript, encodeGroups } = await source("compiled-groups.js");

/**
 * @param {InstanceType<typeof ModuleGroups>} modules
 * @param {Lines} lines
 */
async function runLines(modules, lines) {
  const { runProcess } = /** @type {import("../src/cli/load-command.ts").Command} */ (modules.require("./command.js"));
  for (const line of lines) {
    await runProcess(line, "0");
    if (process.exitCode) throw new Error(`strata ${line.join(" ")} failed`);
  }
}

/**
 * The modules that command lines need, found by a process of their own.
 * @param {string} place
 * @param {Lines} lines
 * @returns {Promise<readonly string[]>}
 */
async function modulesFor(place, lines) {
  const result = join(place, "modules.json");
  const words = [import.meta.filename, sources, bundle, "--trace", result, JSON.stringify(lines)];
  const [code] = await once(spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] }), "exit");
  if (code !== 0) throw new Error("Tracing failed");
  return JSON.parse(readFileSync(result, "utf8"));
}

/**
 * What people do most, each use for itself: what it needs is loaded together. They follow each other: the second listing finds
 * what the first one kept.
 * @param {string} work a directory of this round's own, with what {@link prepare} puts there
 * @param {number} port
 * @returns {readonly Lines[]}
 */
function usesIn(work, port) {
  const root = ["--root", join(work, "root")];
  const list = ["ls", "-R", "--json", "--cache-dir", join(work, "cache"), SAMPLE];
  const pulled = ["--root", join(work, "pulled"), `127.0.0.1:${port}/layers:sample`];
  const made = join(work, "layer.tar.gz");
  return [
    [[...list, "--no-verify", "--no-cache"], list],
    [list],
    [["layers", SAMPLE]],
    [["pull", "--insecure", ...pulled]],
    [["changeset", "create", "", join(ROOT, "examples"), "--compression", "gzip", "-o", made]],
    [["edit", SAMPLE_NAME, "--cp", `${SAMPLE}:/image.tar`, "-t", "edited", ...root]],
    ...mountingIn(work).map((line) => [line]),
  ];
}

/**
 * None where nothing may be mounted.
 * @param {string} work
 * @returns {Lines}
 */
function mountingIn(work) {
  if (mode !== "--mount") return [];
  const [root, target] = [["--root", join(work, "root")], join(work, "target")];
  return [
    ["mount", SAMPLE_NAME, target, ...root],
    ["umount", target, ...root],
  ];
}

/**
 * A directory for one round of all uses. The image is in its store already: unpacking it is no part of mounting.
 * @param {string} work
 */
async function prepare(work) {
  mkdirSync(join(work, "target"), { recursive: true });
  const root = ["--root", join(work, "root")];
  const layout = join(work, "layout");
  const loading = [
    ["load", "-q", "-i", SAMPLE, ...root],
    ["copy", "-q", SAMPLE, `oci:${layout}`],
  ];
  await modulesFor(work, [...loading, ...mountingIn(work)]);
  return layout;
}

/**
 * Groups of modules that the same uses need.
 * @param {readonly (readonly string[])[]} needs of each use
 * @returns {string[][]}
 */
function groupsOf(needs) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  for (const id of new Set(needs.flat())) {
    const users = needs.map((modules) => modules.includes(id)).join();
    groups.set(users, [...(groups.get(users) ?? []), id]);
  }
  return [...groups.values()];
}

/** @param {string} place */
async function keep(place) {
  const [first, second] = [join(place, "first"), join(place, "second")];
  const registry = await serveLayout(await prepare(first));
  try {
    await prepare(second);
    const needs = [];
    for (const lines of usesIn(first, registry.port)) needs.push(await modulesFor(place, lines));
    const groups = groupsOf(needs).map((ids) => {
      const text = groupSource(new Map(ids.map((id) => [id, readFileSync(join(bundle, id), "latin1")])));
      return { modules: ids, source: text, script: compileScript(text, ids[0] ?? "") };
    });
    const modules = new ModuleGroups(
      bundle,
      groups.map(({ modules: ids, script }) => ({ modules: ids, script: () => script })),
    );
    await runLines(modules, usesIn(second, registry.port).flat());
    const compiled = groups.map((group) => ({ ...group, compiled: group.script.createCachedData() }));
    writeFileSync(join(bundle, compiledName()), encodeGroups(compiled));
  } finally {
    registry.close();
  }
}

async function trace() {
  const [file = "", lines = ""] = given;
  const modules = new ModuleGroups(bundle, []);
  await runLines(modules, JSON.parse(lines));
  writeFileSync(file, JSON.stringify(modules.loaded));
}

if (mode === "--trace") await trace();
else {
  const place = mkdtempSync(join(tmpdir(), "strata-compiled-"));
  try {
    await keep(place);
  } finally {
    rmSync(place, { recursive: true });
  }
}
