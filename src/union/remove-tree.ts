import type { Slot } from "./slot.ts";
import type { ChangeCause, UnionState } from "./union-state.ts";

/** The entry that removes something, and how. */
export interface Removal {
  readonly layer: number;
  readonly cause: ChangeCause;
  readonly entry: number;
}

/** Empties a slot and everything below it. What lies below is noted as gone with its ancestor. */
export function removeTree(state: UnionState, top: Slot, removal: Removal): void {
  for (const slot of slotsFrom(state, top)) {
    const cause = slot === top ? removal.cause : "ancestor";
    state.record(slot, 0, removal.layer, cause, removal.entry);
  }
}

/** {@link removeTree} that spares what the removing layer itself has placed, and the directories that lead there. */
export function removeFromLower(state: UnionState, top: Slot, removal: Removal): void {
  for (const slot of slotsFrom(state, top)) {
    const isOwn = state.changeLayer.at(state.lastChange(slot)) === removal.layer;
    if (isOwn || hasChildren(state, slot)) continue;
    state.record(slot, 0, removal.layer, slot === top ? removal.cause : "ancestor", removal.entry);
  }
}

/** The filled slots from `top` down, children before parents. Without recursion: a hostile tree is 32,000 levels deep. */
function slotsFrom(state: UnionState, top: Slot): Slot[] {
  if (state.nodeAt(top) === 0) return [];
  const found: Slot[] = [top];
  for (let i = 0; i < found.length; i++) {
    for (const child of state.slotsBelow(found[i] as Slot).values()) if (state.nodeAt(child) !== 0) found.push(child);
  }
  return found.reverse();
}

function hasChildren(state: UnionState, slot: Slot): boolean {
  for (const child of state.slotsBelow(slot).values()) if (state.nodeAt(child) !== 0) return true;
  return false;
}
