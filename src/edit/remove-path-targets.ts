import type { ByteString } from "../base/index.ts";
import { joinPath } from "../tree/index.ts";
import type { ProvenanceTree, Slot } from "../union/index.ts";

/** As many symlinks as the kernel follows before ELOOP (path_resolution(7)). */
const MAX_LINKS = 40;

/** Tells which places of a tree go with a path. */
export interface RemovedPlaces {
  /** Whether a slot lies at the path or below it, in any of the layers. */
  has(slot: Slot): boolean;
  /** Whether a literal path, as an entry of a layer has it, leads to such a slot, or would if something were there. */
  hasPath(path: ByteString, layer: number): boolean;
}

/**
 * The places that a path names: the literal one, and where symlinks in its parents led after each layer. A symlink at the path
 * itself is meant, not what it leads to.
 */
export function removedPlaces(tree: ProvenanceTree, path: ByteString): RemovedPlaces {
  const tops = new Set<Slot>();
  for (let layer = -1; layer < tree.layers.length; layer++) {
    const slot = layer < 0 ? tree.everAt(path) : slotAt(tree, path, layer);
    if (slot !== undefined && slot !== tree.root) tops.add(slot);
  }
  const known = new Map<Slot, boolean>([[tree.root, false]]);
  const has = (slot: Slot): boolean => {
    const way: Slot[] = [];
    let at = slot;
    while (!known.has(at) && !tops.has(at)) {
      way.push(at);
      at = tree.parentOf(at);
    }
    const answer = tops.has(at) || known.get(at) === true;
    for (const passed of way) known.set(passed, answer);
    return answer;
  };
  return {
    has,
    hasPath(literal, layer) {
      if (literal === path || literal.startsWith(`${path}/`)) return true;
      const slots = [tree.everAt(literal), slotAt(tree, literal, layer - 1), slotAt(tree, literal, layer)];
      return slots.some((slot) => slot !== undefined && has(slot));
    },
  };
}

/** The slot that a path led to after a layer, filled or not; its last name is not followed. */
function slotAt(tree: ProvenanceTree, path: ByteString, layer: number): Slot | undefined {
  let at: ByteString = "";
  let links = 0;
  const pending = path.split("/").reverse();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    const next = joinPath(at, name);
    if (pending.length === 0) return tree.everAt(next);
    const slot = tree.everAt(next);
    const node = slot === undefined ? undefined : tree.nodeAfter(slot, layer);
    if (node?.type === "directory") at = next;
    else if (node?.type !== "symlink" || ++links > MAX_LINKS) return undefined;
    else {
      if (node.linkTarget.startsWith("/")) at = "";
      pending.push(...node.linkTarget.split("/").reverse());
    }
  }
  return tree.everAt(at);
}
