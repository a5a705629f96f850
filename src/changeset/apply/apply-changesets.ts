import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { addDetails, assertNotAborted, now, packError, StrataError, sliceSource } from "../../base/index.ts";
import { fileError, type LocatedSource } from "../../content/index.ts";
import {
  changesOfLayer,
  type ExtractOptions,
  type ExtractReport,
  extractChanges,
  extractMergedTree,
  fillDirectory,
  type TreeChanges,
} from "../../directory/index.ts";
import { LayerIndexBuilder, noWhiteouts } from "../../layer/index.ts";
import { fileMaker, isRoot } from "../../linux/index.ts";
import { looseEntry } from "../../tar/index.ts";
import { mergeLayers, type ProvenanceTree } from "../../union/index.ts";
import type { ApplyOptions, ChangesetInput } from "./apply-options.ts";
import { assertRoom } from "./assert-room.ts";
import { assertWritable } from "./assert-writable.ts";
import { ExistingFiles, type ExistingLayer } from "./existing-files.ts";
import { openExistingTar } from "./existing-tar.ts";
import { lookWhereLayersReach } from "./look-where-layers-reach.ts";
import { limitsOf, type ReadChangeset, readChangeset } from "./read-changeset.ts";
import { spareMountPoints } from "./spare-mount-points.ts";

/**
 * Applies changesets, the lowest first, to a directory: what image-spec layer.md#applying-changesets asks for. Names and links
 * are resolved inside the directory, with what is there; what no changeset names stays as it is, also what is mounted inside.
 *
 * All of it is decided before anything is written: whatever is wrong with a changeset, the directory is then as before. One that
 * was absent is made, and one that was absent or empty appears whole, or stays what it was. Writing into one that is not empty
 * can still fail half way, where the disk fails or somebody changes it meanwhile.
 *
 * @throws StrataError with the `layer` that is to blame, from 0, its `entry` and `offset`: of kind `malformed`, `hostile`,
 *   `unsupported`; `not-a-directory`, `no-space`, `in-the-way` (something is mounted there); as `extractChanges`
 *
 * @example
 * await using scratch = createLocalScratch();
 * await applyChangesets("rootfs", [() => openFile("layer.tar.gz"), () => process.stdin], { scratch });
 */
export async function applyChangesets(
  directory: string,
  inputs: readonly ChangesetInput[],
  options: ApplyOptions,
): Promise<ExtractReport> {
  const state = stateOf(directory);
  const changesets: ReadChangeset[] = [];
  try {
    for (const [layer, input] of inputs.entries()) changesets.push(await readNext(input, layer, options));
    const work = { directory, changesets, options };
    return state === "filled" ? await change(work) : await fill(state, work);
  } finally {
    for (const { tar } of changesets) await tar[Symbol.asyncDispose]();
  }
}

function stateOf(directory: string): "absent" | "empty" | "filled" {
  try {
    const stats = statSync(directory, { throwIfNoEntry: false });
    if (stats === undefined) return "absent";
    if (stats.isDirectory()) return readdirSync(directory, { encoding: "buffer" }).length === 0 ? "empty" : "filled";
  } catch (error) {
    throw fileError(error, directory);
  }
  throw new StrataError({
    code: "not-a-directory",
    kind: "invalid-argument",
    message: `Cannot apply changesets to ${directory}: it is not a directory`,
    details: { path: directory },
  });
}

async function readNext(input: ChangesetInput, layer: number, options: ApplyOptions): Promise<ReadChangeset> {
  const { scratch, signal } = options;
  let changeset: ReadChangeset | undefined;
  try {
    assertNotAborted(signal);
    changeset = await readChangeset(input, { scratch, signal, limits: limitsOf(options.limits) });
    assertWritable(changeset.index);
    return changeset;
  } catch (error) {
    await changeset?.tar[Symbol.asyncDispose]();
    throw addDetails(error, { layer });
  }
}

/** Changesets that were read, and where they go. What is there is layer 0 of their merge. */
interface Work {
  readonly directory: string;
  readonly changesets: readonly ReadChangeset[];
  readonly options: ApplyOptions;
}

/** Into a directory without files. */
async function fill(state: "absent" | "empty", { directory, changesets, options }: Work): Promise<ExtractReport> {
  const existing = state === "empty" ? new ExistingFiles(directory).finish() : newDirectory(mannerOf(options));
  return await countingLayers(async () => {
    const tree = mergeWith(existing, changesets);
    assertRoom(state === "empty" ? directory : dirname(directory), tree, existing);
    const source = { openTar: async (layer: number) => lend(changesets[layer - 1] as ReadChangeset) };
    return await fillDirectory(directory, (place) => extractMergedTree(place, tree, source, mannerOf(options)));
  });
}

/** Into a directory that has files. */
async function change({ directory, changesets, options }: Work): Promise<ExtractReport> {
  const files = new ExistingFiles(directory);
  const indexes = changesets.map(({ index }) => index);
  await lookWhereLayersReach(files, indexes, options.signal);
  const existing = files.finish();
  return await countingLayers(async () => {
    const tree = mergeWith(existing, changesets);
    const { changes, skipped } = spareMountPoints(changesOfLayer(tree, indexes.length, 1), existing.mountPoints);
    assertRoom(directory, tree, existing);
    const openTar = async (layer: number): Promise<LocatedSource> =>
      layer === 0
        ? openExistingTar(directory, existing.index, renamedEntries(changes))
        : lend(changesets[layer - 1] as ReadChangeset);
    const report = await extractChanges(directory, changes, { openTar }, mannerOf(options));
    return { ...report, skipped: [...report.skipped, ...skipped] };
  });
}

function mergeWith({ index }: ExistingLayer, changesets: readonly ReadChangeset[]): ProvenanceTree {
  return mergeLayers([index, ...changesets.map((changeset) => changeset.index)], [noWhiteouts]);
}

function mannerOf({ owners, sync, signal }: ApplyOptions): ExtractOptions {
  return { owners: owners ?? (isRoot() ? "apply" : "record"), sync: sync ?? false, signal };
}

/** A directory that is not there yet, as mkdir(2) makes it; where owners are recorded, it is root's. */
function newDirectory({ owners }: ExtractOptions): ExistingLayer {
  const { umask, ...maker } = fileMaker();
  const { uid, gid } = owners === "record" ? { uid: 0, gid: 0 } : maker;
  const mtime = { seconds: Math.floor(now() / 1000), nanoseconds: 0 };
  const builder = new LayerIndexBuilder();
  builder.add(looseEntry("", "directory", { mode: 0o777 & ~umask, uid, gid, mtime }));
  return { index: builder.finish(), storedBytes: new Float64Array(1), mountPoints: [] };
}

/** Files of the directory that lose all names they have, and get others. */
function renamedEntries({ files }: TreeChanges): number[] {
  return files.flatMap(({ node, kept }) => (node.layer === 0 && kept.length === 0 ? node.entry : []));
}

/** The tar of a changeset for those who dispose what they are given. */
function lend({ tar }: ReadChangeset): LocatedSource {
  return { ...sliceSource(tar, 0, tar.size), location: tar.location };
}

async function countingLayers<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw countedAsGiven(error);
  }
}

/** Errors of the merge count what is there as a layer, callers do not. */
function countedAsGiven(error: unknown): unknown {
  if (!(error instanceof StrataError) || error.details.layer === undefined) return error;
  const layer = error.details.layer - 1;
  const message = error.message.replace(`layer ${layer + 1}`, `layer ${layer}`);
  return new StrataError({ ...packError(error), message, details: { ...error.details, layer }, cause: error.cause });
}
