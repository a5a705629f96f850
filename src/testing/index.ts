/**
 * testing: archives and trees as values, and conformance suites: for layers, to run against any tool, and for ports.
 *
 * - A *step* ({@link dir}, {@link file}, {@link symlink}, {@link whiteout} …) is one entry. {@link tarScript} makes an archive of
 *   steps, {@link treeScript} the tree that they describe: one script, many worlds.
 * - {@link whiteoutCases}: images made by hand, each with the tree that must come out, the reason, and which other answers are
 *   acceptable. {@link runOnLibrary} applies a case with this library, {@link judge} compares.
 * - {@link layoutScript} packs layers into an OCI layout for tools; {@link readDirectory} reads back what they unpacked.
 * - {@link contentStoreSuite}: the laws of the port `ContentStore`, to run on any driver under any test runner.
 *
 * @example
 * const tar = tarScript(dir("etc"), file("etc/motd", "hello\n"), whiteout("etc/issue"));
 * for (const test of [...whiteoutCases.values()].flat()) {
 *   const outcome = await myTool(test.layers.map((steps) => tarScript(...steps)));
 *   console.log(test.name, judge(test, outcome).kind);
 * }
 *
 * @module
 */
export { readDirectory } from "./adapters/read-directory.ts";
export { type CommandTool, runOnCommand } from "./adapters/run-on-command.ts";
export { OUTSIDE } from "./cases/breakouts.ts";
export {
  type ConformanceCase,
  type Expectation,
  expectedText,
  judge,
  type Outcome,
  type Variant,
  type Verdict,
} from "./conformance-case.ts";
export type { ContentStorePlace } from "./content-store/content-store-case.ts";
export { contentStoreSuite, type RunnableCase } from "./content-store-suite.ts";
export { type LayoutFiles, type LayoutOptions, layoutScript } from "./layout-script.ts";
export { indexOf, mergedFiles } from "./merged-files.ts";
export { runOnLibrary } from "./run-on-library.ts";
export {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  opaque,
  SCRIPT_TIME,
  type StepAttributes,
  symlink,
  type TarStep,
  tarScript,
  whiteout,
} from "./tar-script.ts";
export { sortTree, type TreeFile, type TreeTextOptions, treeScript, treeText } from "./tree-script.ts";
export { whiteoutCases } from "./whiteout-cases.ts";
