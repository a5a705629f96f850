import { setImmediate as nextTurn } from "node:timers/promises";
import { addDetails, assertNotAborted, type ByteString } from "../../base/index.ts";
import {
  type ChangesetPlacement,
  type ChangesetRemoval,
  DIRECTORY,
  HARDLINK,
  type LayerIndex,
  planChangeset,
  SYMLINK,
} from "../../layer/index.ts";
import { baseNameOf, clampEntryName, joinPath, parentOf } from "../../tree/index.ts";
import type { ExistingFiles } from "./existing-files.ts";

/** More than a merge follows on one way. */
const MAX_LINKS = 256;
const STEPS_PER_TURN = 5000;

/**
 * Looks at every file of a directory that applying layers to it could touch: what they name, what leads there, and what lies
 * below directories that they remove or replace. So ten files are applied to a tree of thousands without a walk through it.
 * Where the answer would depend on links that the layers themselves make, everything is looked at.
 *
 * @throws StrataError as `planChangeset`, with the number of the layer
 */
export async function lookWhereLayersReach(
  files: ExistingFiles,
  layers: readonly LayerIndex[],
  signal?: AbortSignal,
): Promise<void> {
  const reach = new Reach(files, linkNamesOf(layers));
  let steps = 0;
  for (const [layer, index] of layers.entries()) {
    try {
      const { removals, placements } = planChangeset(index);
      for (const removal of removals) reach.takeRemoval(removal);
      for (const placement of placements) {
        reach.takePlacement(placement, index);
        if (++steps % STEPS_PER_TURN > 0) continue;
        await nextTurn();
        assertNotAborted(signal);
      }
    } catch (error) {
      throw addDetails(error, { layer });
    }
  }
  if (reach.isUncertain) files.lookBelow("");
}

/** Last names of everything that may be a symlink of a layer: a hardlink can be one more name of a symlink. */
function linkNamesOf(layers: readonly LayerIndex[]): ReadonlySet<ByteString> {
  const names = new Set<ByteString>();
  for (const index of layers) {
    for (let entry = 0; entry < index.count; entry++) {
      const type = index.columns.type[entry];
      if (type === SYMLINK || type === HARDLINK) names.add(baseNameOf(clampEntryName(index.name(entry))));
    }
  }
  return names;
}

class Reach {
  /** Whether something was met that only the merge itself can answer. */
  isUncertain = false;
  readonly #files: ExistingFiles;
  readonly #linkNames: ReadonlySet<ByteString>;
  /** Where directories of layers lead to, by their literal paths; undefined: to nothing that is there. */
  readonly #directories = new Map<ByteString, ByteString | undefined>([["", ""]]);

  constructor(files: ExistingFiles, linkNames: ReadonlySet<ByteString>) {
    this.#files = files;
    this.#linkNames = linkNames;
  }

  takeRemoval(removal: ChangesetRemoval): void {
    const directory = this.#ownDirectory(removal.directory);
    if (directory === undefined) return;
    if (removal.kind === "opaque") this.#files.lookBelow(directory);
    else this.#lookThrough(joinPath(directory, removal.name));
  }

  takePlacement(placement: ChangesetPlacement, index: LayerIndex): void {
    if (placement.kind === "root" || placement.kind === "plumbing") return;
    const directory = this.#ownDirectory(placement.directory);
    if (directory !== undefined) {
      const path = joinPath(directory, placement.name);
      if (index.columns.type[placement.entry] === DIRECTORY) this.#files.look(path);
      else this.#lookThrough(path);
    }
    if (placement.kind === "link") this.#takeTarget(placement.target);
  }

  /** Its other names may be anywhere. */
  #takeTarget(target: ByteString): void {
    const directory = this.#ownDirectory(parentOf(target));
    const file = directory === undefined ? undefined : this.#files.look(joinPath(directory, baseNameOf(target)));
    if (file !== undefined && file.names > 1) this.isUncertain = true;
  }

  /** Something that goes, with all that is in it. */
  #lookThrough(path: ByteString): void {
    if (this.#files.look(path)?.type === "directory") this.#files.lookBelow(path);
  }

  /** Undefined for a mount point too: what lies on other file systems is not touched. */
  #ownDirectory(path: ByteString): ByteString | undefined {
    const directory = this.#directory(path);
    return directory === undefined || this.#files.look(directory)?.isMountPoint === true ? undefined : directory;
  }

  #directory(path: ByteString): ByteString | undefined {
    if (this.#directories.has(path)) return this.#directories.get(path);
    const names: ByteString[] = [];
    let known = path;
    for (; !this.#directories.has(known); known = parentOf(known)) names.push(baseNameOf(known));
    let at = this.#directories.get(known);
    for (const name of names.reverse()) {
      at = at === undefined ? undefined : this.#enter(at, name);
      known = joinPath(known, name);
      this.#directories.set(known, at);
    }
    return at;
  }

  /** The directory that a name leads to, links followed. */
  #enter(directory: ByteString, name: ByteString): ByteString | undefined {
    const way: Way = { at: directory, pending: [name], names: 0, links: 0 };
    for (let next = way.pending.pop(); next !== undefined; next = way.pending.pop()) {
      if (next === "" || next === ".") continue;
      if (next === "..") this.#goUp(way);
      else if (!this.#goDown(way, next)) return undefined;
    }
    return way.at;
  }

  /** Where the merge has something else behind a name before this, it leads elsewhere. */
  #goUp(way: Way): void {
    if (way.names > 1) this.isUncertain = true;
    way.at = parentOf(way.at);
  }

  /** @returns whether there is a directory, or a link that may lead to one */
  #goDown(way: Way, name: ByteString): boolean {
    way.names++;
    if (this.#linkNames.has(name)) this.isUncertain = true;
    const path = joinPath(way.at, name);
    const file = this.#files.look(way.at)?.isMountPoint === true ? undefined : this.#files.look(path);
    if (file?.type === "directory") {
      way.at = path;
      return true;
    }
    if (file?.type !== "symlink" || way.links++ > MAX_LINKS) {
      if (way.pending.includes("..")) this.isUncertain = true;
      return false;
    }
    if (file.target.startsWith("/")) way.at = "";
    way.pending.push(...file.target.split("/").reverse());
    return true;
  }
}

/** Being on the way to a directory. */
interface Way {
  at: ByteString;
  /** Names still to go, the next one last. */
  readonly pending: ByteString[];
  /** Names so far. */
  names: number;
  /** Links followed so far. */
  links: number;
}
