import type { Slot } from "./slot.ts";
import { CHANGE_CAUSES, type UnionState } from "./union-state.ts";

const BY_HARDLINK = CHANGE_CAUSES.indexOf("hardlink");

/** Where each node lies, or ever lay, that some layer gave one more name. Found in one pass over the change log. */
export class LinkedNames {
  readonly #slots = new Map<number, Set<Slot>>();

  constructor(state: UnionState) {
    const { changeCause, changeNode, changeSlot } = state;
    for (let change = 0; change < changeNode.length; change++) {
      if (changeCause.at(change) === BY_HARDLINK) this.#slots.set(changeNode.at(change), new Set());
    }
    if (this.#slots.size === 0) return;
    for (let change = 0; change < changeNode.length; change++) {
      this.#slots.get(changeNode.at(change))?.add(changeSlot.at(change));
    }
  }

  /** All slots that ever held the node; undefined when it never had a second name. */
  slotsOf(node: number): Slot[] | undefined {
    const slots = this.#slots.get(node);
    return slots === undefined ? undefined : [...slots];
  }
}
