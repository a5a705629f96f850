import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, type ByteString } from "../../base/index.ts";
import type { Notice } from "../../directory/index.ts";
import type { ListedTree } from "../listed-tree.ts";
import { type LayerFile, LayerFiles } from "./layer-files.ts";
import { type OverlayFile, OverlayFiles, rootOf } from "./overlay-files.ts";
import type { OverlayPlace } from "./overlay-place.ts";
import type { OverlayTreeOptions } from "./overlay-tree.ts";
import { TreeCollector } from "./tree-collector.ts";

const ENTRIES_PER_TURN = 1000;

/**
 * What an upper directory tells of, before and after: two trees without all that it does not touch. They differ as the whole ones do.
 */
export interface OverlayPair {
  /** What the lowers have at the paths of the upper, and what it hides of them. */
  readonly lower: ListedTree;
  /** {@link lower} without the directories that are replaced. */
  readonly kept: ListedTree;
  /** What the upper adds or replaces. */
  readonly upper: ListedTree;
  /** Paths of the directories that are replaced: they hide what was in them. */
  readonly replaced: ReadonlySet<ByteString>;
}

/** A path of both trees. */
interface PairedPath {
  readonly path: ByteString;
  /** Undefined where the upper deletes it, or says nothing of it. */
  readonly upper: LayerFile | undefined;
  readonly lower: OverlayFile | undefined;
  /** Whether it lies in a directory that is replaced. */
  readonly isReplaced: boolean;
}

/**
 * Reads an upper directory, and of the lowers what it touches.
 * @returns undefined when the upper cannot be understood by itself: directories were renamed, files have their data elsewhere
 * @throws StrataError as `fileError`; `aborted`
 */
export async function overlayPair(
  { lowers, upper }: OverlayPlace,
  { signal, ...dialect }: OverlayTreeOptions,
): Promise<OverlayPair | undefined> {
  const walk = new PairWalk(new LayerFiles(upper, 0, dialect), new OverlayFiles(lowers, dialect));
  for (const entries of walk.run()) {
    if (entries === "not-plain") return undefined;
    if (entries % ENTRIES_PER_TURN > 0) continue;
    assertNotAborted(signal);
    await nextTurn();
  }
  return walk.finish();
}

class PairWalk {
  readonly #layer: LayerFiles;
  readonly #lowers: OverlayFiles;
  readonly #trees = { lower: new TreeCollector(), kept: new TreeCollector(), upper: new TreeCollector() };
  readonly #replaced = new Set<ByteString>();
  readonly #notices: Notice[] = [];

  constructor(layer: LayerFiles, lowers: OverlayFiles) {
    this.#layer = layer;
    this.#lowers = lowers;
  }

  *run(): Generator<number | "not-plain"> {
    /** Still to visit; the next is the last. */
    const pending: PairedPath[] = [this.#root()];
    for (let at = pending.pop(), entries = 1; at !== undefined; at = pending.pop(), entries++) {
      if (at.upper !== undefined && !isPlain(at.upper)) {
        yield "not-plain";
        return;
      }
      const children = this.#visit(at);
      for (const child of children.reverse()) pending.push(child);
      yield entries;
    }
  }

  finish(): OverlayPair {
    const { lower, kept, upper } = this.#trees;
    return {
      lower: lower.finish([]),
      kept: kept.finish([]),
      upper: upper.finish(this.#notices),
      replaced: this.#replaced,
    };
  }

  #root(): PairedPath {
    return { path: "", upper: rootOf(this.#layer), lower: this.#lowers.root, isReplaced: false };
  }

  #visit(at: PairedPath): PairedPath[] {
    const { path, upper, lower } = at;
    const isOpaque = path !== "" && upper?.notes.isOpaque === true && isDirectory(lower);
    const isHiding = isOpaque && !this.#lowers.isEmpty(lower);
    if (isHiding && !at.isReplaced) this.#replaced.add(path);
    const isReplaced = at.isReplaced || isHiding;
    if (upper !== undefined) this.#trees.upper.add(path, { top: upper, data: upper });
    if (lower !== undefined) this.#trees.lower.add(path, lower);
    if (lower !== undefined && !isReplaced) this.#trees.kept.add(path, lower);
    if (upper?.entry.type !== "directory") return [];
    const below = isDirectory(lower) ? lower : undefined;
    const names = this.#layer.names(path);
    // What is hidden is gone, unless the upper has it too.
    const all = isReplaced && below !== undefined ? joined(names, this.#lowers.names(below)) : names;
    return all.flatMap((name) => this.#child({ path, below, isReplaced }, name) ?? []);
  }

  #child(
    { path, below, isReplaced }: { path: ByteString; below: OverlayFile | undefined; isReplaced: boolean },
    name: ByteString,
  ): PairedPath | undefined {
    const child = path === "" ? name : `${path}/${name}`;
    const lower = below && this.#lowers.find(below, name);
    const upper = this.#upperAt(path, name, child);
    return upper === undefined && lower === undefined ? undefined : { path: child, upper, lower, isReplaced };
  }

  #upperAt(directory: ByteString, name: ByteString, path: ByteString): LayerFile | undefined {
    if (this.#layer.hasWhiteoutFor(directory, name)) return undefined;
    const found = this.#layer.find(path);
    if (found === "socket")
      this.#notices.push({ what: "socket", path, reason: "is a socket, which no layer can hold" });
    return found === "socket" || found?.notes.isWhiteout === true ? undefined : found;
  }
}

/** Whether a file of the upper says all by itself. What is noted of an opaque directory's old name says nothing. */
function isPlain({ entry, notes }: LayerFile): boolean {
  if (notes.isMetacopy || notes.isIndexed) return false;
  return entry.type !== "directory" || notes.redirect === undefined || notes.isOpaque;
}

function isDirectory(file: OverlayFile | undefined): file is OverlayFile {
  return file?.top.entry.type === "directory";
}

/** Of two lists in order, one. */
function joined(a: readonly ByteString[], b: readonly ByteString[]): readonly ByteString[] {
  return [...new Set([...a, ...b])].sort((x, y) => (x < y ? -1 : 1));
}
