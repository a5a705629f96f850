import { isSameTime } from "../base/index.ts";
import type { FileNode } from "../tree/index.ts";
import { type MergedNode, mergedNode } from "./merged-node.ts";
import type { Slot } from "./slot.ts";
import { CHANGE_CAUSES, type ChangeCause, type UnionState } from "./union-state.ts";

/** A fact about a file that can change while its content stays. */
export type MetadataField = "type" | "mode" | "owner" | "mtime" | "xattrs" | "device" | "target";

/** What one layer, taken as a whole, did to one path. */
export interface LayerChange {
  readonly slot: Slot;
  readonly layer: number;
  readonly kind: "add" | "modify" | "delete";
  /** How it was done; for `delete`, `ancestor` means that the path went away with a directory above it. */
  readonly cause: ChangeCause;
  /** The entry of this layer that did it. */
  readonly entry: number;
  /** The file before the layer; absent for `add`. */
  readonly before?: MergedNode;
  /** The file after the layer; absent for `delete`. */
  readonly after?: MergedNode;
  /** For `modify`: which metadata differ. */
  readonly metadata: readonly MetadataField[];
  /**
   * For `modify` of a file by a file: whether the bytes differ, as far as the indexes tell. `unknown` is two entries of
   * the same size: only their bytes can tell. Everything that is not a file over a file is `same`.
   */
  readonly content: "same" | "changed" | "unknown";
}

/** All that a layer changed, each path once. Directories that a layer only mentions again do not count. */
export function* changesOfLayer(state: UnionState, layer: number): Generator<LayerChange> {
  const start = state.layerChanges[layer] as number;
  const end = state.layerChanges[layer + 1] as number;
  for (let change = start; change < end; change++) {
    const isFirstOfSlot = state.changeBefore.at(change) < start;
    if (!isFirstOfSlot) continue;
    const found = changeOfSlot(state, state.changeSlot.at(change), layer);
    if (found !== undefined) yield found;
  }
}

/** What a layer did to a slot; undefined when it left it as it was. */
export function changeOfSlot(state: UnionState, slot: Slot, layer: number): LayerChange | undefined {
  const newest = newestUpTo(state, slot, layer);
  const start = state.layerChanges[layer] as number;
  if (newest < start) return undefined;
  const before = viewOf(state, state.changeNode.at(lastBefore(state, newest, start)));
  const after = viewOf(state, state.changeNode.at(newest));
  if (before === undefined && after === undefined) return undefined;
  return describe(state, newest, before, after);
}

/** A path before and after a layer that touched it. */
export interface LayerStep {
  readonly slot: Slot;
  /** Why it holds now what it holds, as in {@link LayerChange.cause}. */
  readonly cause: ChangeCause;
  /** Absent where nothing was. The number of names of these nodes is not kept. */
  readonly before?: MergedNode;
  /** Absent where nothing is. */
  readonly after?: MergedNode;
}

/** All slots that the layers from `since` to `layer` touched, also those that they left as they were; each once. */
export function* stepsOfLayers(state: UnionState, since: number, layer: number): Generator<LayerStep> {
  const start = state.layerChanges[since] as number;
  const end = state.layerChanges[layer + 1] as number;
  for (let change = start; change < end; change++) {
    if (state.changeBefore.at(change) >= start) continue;
    const slot = state.changeSlot.at(change);
    const newest = newestUpTo(state, slot, layer);
    const before = viewOf(state, state.changeNode.at(state.changeBefore.at(change)));
    const after = viewOf(state, state.changeNode.at(newest));
    const cause = CHANGE_CAUSES[state.changeCause.at(newest)] as ChangeCause;
    yield { slot, cause, ...(before && { before }), ...(after && { after }) };
  }
}

/** One thing that a layer did to one slot. */
export interface LayerEvent {
  readonly slot: Slot;
  readonly cause: ChangeCause;
  /** The entry of this layer that did it; -1 for what no entry did. */
  readonly entry: number;
  /** What the slot holds from now on, until the next event there; absent for nothing. */
  readonly node?: Pick<MergedNode, "layer" | "entry" | "inode">;
}

/** Everything that a layer did, in the order in which it did it: also what it undid again. */
export function* eventsOfLayer(state: UnionState, layer: number): Generator<LayerEvent> {
  const end = state.layerChanges[layer + 1] as number;
  for (let change = state.layerChanges[layer] as number; change < end; change++) {
    const inode = state.changeNode.at(change);
    const node = { layer: state.nodeLayer.at(inode), entry: state.nodeEntry.at(inode), inode };
    yield {
      slot: state.changeSlot.at(change),
      cause: CHANGE_CAUSES[state.changeCause.at(change)] as ChangeCause,
      entry: state.changeEntry.at(change),
      ...(inode !== 0 && { node }),
    };
  }
}

/** What a slot held when layers up to this one were applied (-1: none was); undefined for nothing. */
export function nodeAfter(state: UnionState, slot: Slot, layer: number): MergedNode | undefined {
  return layer < 0 ? undefined : viewOf(state, state.changeNode.at(newestUpTo(state, slot, layer)));
}

/** The last change of a chain that lies before the change `start`. */
function lastBefore(state: UnionState, newest: number, start: number): number {
  let change = newest;
  while (change >= start) change = state.changeBefore.at(change);
  return change;
}

/** The newest change of a slot that layers up to this one made. */
function newestUpTo(state: UnionState, slot: Slot, layer: number): number {
  return lastBefore(state, state.lastChange(slot), state.layerChanges[layer + 1] as number);
}

/** A node of the past: how many names it had then is not kept. */
function viewOf(state: UnionState, node: number): MergedNode | undefined {
  return node === 0 ? undefined : mergedNode(state, node, 1);
}

function describe(
  state: UnionState,
  change: number,
  before: MergedNode | undefined,
  after: MergedNode | undefined,
): LayerChange | undefined {
  const facts = {
    slot: state.changeSlot.at(change),
    layer: state.changeLayer.at(change),
    cause: CHANGE_CAUSES[state.changeCause.at(change)] as ChangeCause,
    entry: state.changeEntry.at(change),
  };
  if (before === undefined) return { ...facts, kind: "add", ...(after && { after }), metadata: [], content: "same" };
  if (after === undefined) return { ...facts, kind: "delete", before, metadata: [], content: "same" };
  const metadata = metadataChanges(before, after);
  const content = contentChange(before, after);
  if (after.type === "directory" && metadata.length === 0) return undefined;
  return { ...facts, kind: "modify", before, after, metadata, content };
}

function metadataChanges(a: FileNode, b: FileNode): MetadataField[] {
  if (a.type !== b.type) return ["type"];
  const fields: MetadataField[] = [];
  if (a.mode !== b.mode) fields.push("mode");
  if (a.uid !== b.uid || a.gid !== b.gid) fields.push("owner");
  if (!isSameTime(a.mtime, b.mtime)) fields.push("mtime");
  if (!sameXattrs(a.xattrs, b.xattrs)) fields.push("xattrs");
  if (a.device.major !== b.device.major || a.device.minor !== b.device.minor) fields.push("device");
  if (a.linkTarget !== b.linkTarget) fields.push("target");
  return fields;
}

function contentChange(a: MergedNode, b: MergedNode): LayerChange["content"] {
  if (a.type !== "file" || b.type !== "file" || a.inode === b.inode) return "same";
  if (a.size !== b.size) return "changed";
  return a.size === 0 ? "same" : "unknown";
}

function sameXattrs(a: FileNode["xattrs"], b: FileNode["xattrs"]): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}
