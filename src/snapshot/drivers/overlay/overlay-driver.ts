import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fromText } from "../../../base/index.ts";
import { changesOfLayer, extractChanges, measureTree } from "../../../directory/index.ts";
import { syncFileSystem } from "../../../linux/index.ts";
import type {
  CommittedFacts,
  DrivenSnapshot,
  DriverResources,
  NewSnapshot,
  SnapshotDriver,
  StageOptions,
} from "../../snapshot-driver.ts";
import type { LayerStack, Mount } from "../../snapshotter.ts";
import { asEmptyRoot } from "../empty-root.ts";
import { ownersOf } from "../owners-of.ts";
import { changesetOfUpper } from "./changeset-of-upper.ts";
import { copyAttributes } from "./copy-attributes.ts";
import { hasOwnMarks } from "./has-own-marks.ts";
import { writeLayerJournal } from "./layer-journal.ts";
import { overlayMounts } from "./overlay-mounts.ts";
import { together } from "./together.ts";
import { emptyOf, escapedOf, filesOf, journalOf, opaqueOf, workOf } from "./upper-places.ts";
import { needsUserXattrs } from "./user-xattrs.ts";
import { assertNoWhiteoutDevices } from "./whiteout-devices.ts";

/** OVL_MAX_STACK of the kernel. */
const MOST_LOWERS = 500;

/**
 * Keeps of every snapshot what it adds to its parent, as an upper directory of overlayfs: each layer is on disk once, and
 * all of them are mounted on top of each other, up to 500.
 *
 * `<id>/fs` is what the snapshot adds, `<id>/work` belongs to overlayfs, `<id>/tar-split.json.gz` is what the tar of a layer
 * has beside the files (see `openLayerTar`).
 */
export function createOverlayDriver({ root }: DriverResources): SnapshotDriver {
  let known: boolean | undefined;
  const usesUserXattrs = (): boolean => (known ??= needsUserXattrs(root));
  return {
    name: "overlay",
    create: (snapshot, parents) => createUpper(snapshot, parents),
    mounts: async (snapshot, parents) => mountsOf(snapshot, parents, usesUserXattrs()),
    commit: (snapshot) => makeDurable(snapshot),
    changeset: (snapshot, parents, options) =>
      changesetOfUpper(snapshot, shownOf(parents), { ...options, usesUserXattrs: usesUserXattrs() }),
    settle: removeWork,
    stage: (place, stack, options) => stageUpper(place, { ...options, stack, usesUserXattrs: usesUserXattrs() }),
    commitStaged: (place) => makeDurable(place),
    async warm() {},
    usage: (snapshot) => measureTree(filesOf(snapshot)),
    async remove() {},
    cleanup: removeLeftWork,
  };
}

async function createUpper(snapshot: DrivenSnapshot, [parent]: readonly DrivenSnapshot[]): Promise<void> {
  const isView = snapshot.info.kind === "view";
  await mkdir(emptyOf(snapshot), { mode: 0o755 });
  if (isView && parent !== undefined) return;
  await makeFiles(snapshot);
  if (!isView) await mkdir(workOf(snapshot), { mode: 0o700 });
  if (parent !== undefined) copyAttributes(filesOf(parent), filesOf(snapshot));
}

function mountsOf(
  snapshot: DrivenSnapshot,
  parents: readonly DrivenSnapshot[],
  usesUserXattrs: boolean,
): readonly Mount[] {
  const isView = snapshot.info.kind === "view";
  const shown = shownOf(parents);
  const lowers = shown.map(filesOf);
  const hasUpper = !isView || parents.length === 0;
  if (!hasUpper && wantsEmpty(shown)) lowers.push(emptyOf(snapshot));
  return overlayMounts({
    lowers,
    upper: hasUpper ? filesOf(snapshot) : undefined,
    work: isView ? undefined : workOf(snapshot),
    isReadOnly: isView,
    usesUserXattrs,
  });
}

/**
 * A view of several has an empty directory of its own at the bottom, by which its mounts are known. One layer alone is
 * bound, unless only an overlay shows it as it is: without an upper directory that takes two lower ones.
 */
function wantsEmpty(shown: readonly DrivenSnapshot[]): boolean {
  if (shown.length === 1) return shown.some((each) => existsSync(escapedOf(each)));
  return shown.length < MOST_LOWERS;
}

/** The parents down to the first that hides all below it. */
function shownOf(parents: readonly DrivenSnapshot[]): readonly DrivenSnapshot[] {
  const last = parents.findIndex((parent) => existsSync(opaqueOf(parent)));
  return last < 0 ? parents : parents.slice(0, last + 1);
}

async function removeWork(place: NewSnapshot): Promise<void> {
  await rm(workOf(place), { recursive: true, force: true });
}

/** Whoever died before it could {@link removeWork} left it. */
async function removeLeftWork(living: readonly DrivenSnapshot[]): Promise<readonly string[]> {
  const left = living.filter((snapshot) => snapshot.info.kind === "committed" && existsSync(workOf(snapshot)));
  for (const snapshot of left) await removeWork(snapshot);
  return left.map(workOf);
}

/** The journal needs the headers only, so it is written while others write the files. */
async function stageUpper(
  place: NewSnapshot,
  {
    stack,
    layer,
    signal,
    usesUserXattrs,
  }: StageOptions & { readonly stack: LayerStack; readonly usesUserXattrs: boolean },
): Promise<void> {
  const changes = changesOfLayer(stack.tree, layer);
  assertNoWhiteoutDevices(changes);
  await makeFiles(place);
  const whiteouts = usesUserXattrs ? "overlay-user" : "overlay";
  const owners = await ownersOf(place);
  await together(signal, [
    (both) => extractChanges(filesOf(place), changes, stack, { owners, whiteouts, signal: both }),
    (both) => writeLayerJournal(journalOf(place), { stack, changes, signal: both }),
  ]);
  if (hasOwnMarks(changes, usesUserXattrs)) await writeFile(escapedOf(place), "");
  if (changes.directories[0]?.isOpaque === true) await writeFile(opaqueOf(place), "");
}

async function makeFiles(place: NewSnapshot): Promise<void> {
  await mkdir(filesOf(place));
  await asEmptyRoot(filesOf(place));
}

async function makeDurable(place: NewSnapshot): Promise<CommittedFacts> {
  await syncFileSystem(fromText(place.directory));
  return { content: [], usage: await measureTree(filesOf(place)) };
}
