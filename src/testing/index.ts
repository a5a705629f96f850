/**
 * testing: archives and trees as values, and conformance suites: for layers, to run against any tool, and for ports.
 *
 * - A *step* ({@link dir}, {@link file}, {@link symlink}, {@link whiteout} …) is one entry. {@link tarScript} makes an archive of
 *   steps, {@link treeScript} the tree that they describe: one script, many worlds.
 * - {@link whiteoutCases}: images made by hand, each with the tree that must come out, the reason, and which other answers are
 *   acceptable. {@link runOnLibrary} applies a case with this library, {@link judge} compares.
 * - {@link layoutScript} packs layers into an OCI layout for tools; {@link readDirectory} reads back what they unpacked.
 * - {@link contentStoreSuite} and {@link snapshotterSuite}: the laws of the ports `ContentStore` and `Snapshotter`, to run on any
 *   driver under any test runner. {@link localSnapshotterPlace} is a place for the second.
 * - {@link applyCases} and {@link createCases}: what the suites of containerd, umoci and docker hold of changesets, for any black box
 *   that applies or creates them ({@link changesetCommands}); {@link judgeApplier}, {@link runOnCreator} and {@link judgeCreated} run it.
 * - {@link editDirectory} does to a mounted tree what steps and edits ({@link remove}, {@link rename} …) say.
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
export {
  type AppliedVerdict,
  type ChangesetCommands,
  type ChangesetTool,
  changesetCommands,
  changesetLibrary,
  judgeApplier,
  runOnCreator,
} from "./adapters/changeset-tool.ts";
export {
  chmod,
  chown,
  type DirectoryEdit,
  editDirectory,
  remove,
  rename,
} from "./adapters/edit-directory.ts";
export { localSnapshotterPlace } from "./adapters/local-snapshotter-place.ts";
export { readDirectory } from "./adapters/read-directory.ts";
export { type CommandTool, runOnCommand } from "./adapters/run-on-command.ts";
export { aimedAt, makeWitness, type Witness } from "./adapters/witness.ts";
export { OUTSIDE } from "./cases/breakouts.ts";
export { applyCases, createCases } from "./changeset-cases.ts";
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
export { type CreateCase, type CreateOutcome, entriesText, judgeCreated } from "./create-case.ts";
export { type LayoutFiles, type LayoutOptions, layoutScript } from "./layout-script.ts";
export { indexOf, mergedFiles } from "./merged-files.ts";
export { runOnLibrary } from "./run-on-library.ts";
export { layerStack } from "./snapshotter/layer-stack.ts";
export type { SnapshotterCase, SnapshotterPlace } from "./snapshotter/snapshotter-case.ts";
export { type SnapshotterSuiteOptions, snapshotterSuite } from "./snapshotter-suite.ts";
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
