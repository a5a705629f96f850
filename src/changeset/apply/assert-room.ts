import { fromText, StrataError } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { FILE, HARDLINK, type LayerIndex } from "../../layer/index.ts";
import { type FileSystemFacts, fileSystemOf } from "../../linux/index.ts";
import type { MergedNode, ProvenanceTree } from "../../union/index.ts";
import type { ExistingLayer } from "./existing-files.ts";

/** What a file system is asked for. */
interface Room {
  readonly bytes: number;
  readonly inodes: number;
}

/** Where every file takes whole blocks of its own. */
const IN_BLOCKS = /^(ext[234]|xfs|tmpfs)$/;
const BLOCK = 4096;

/**
 * Looks whether the files that layers add fit into the file system, what they replace taken off; so that nothing is written
 * where it must fail. Where files are packed or compressed this is an estimate from above.
 * @param place a directory of that file system @throws StrataError `no-space` that names what is needed and what is there
 */
export function assertRoom(place: string, tree: ProvenanceTree, existing: ExistingLayer): void {
  const free = freeRoom(place);
  // A file system that counts nothing (ramfs, some of FUSE) says nothing about its room.
  if (free.totalBytes === 0) return;
  const block = IN_BLOCKS.test(free.type) ? BLOCK : 1;
  const fits = ({ bytes, inodes }: Room): boolean =>
    bytes <= free.freeBytes && (free.freeInodes === undefined || inodes <= free.freeInodes);
  if (fits(mostRoom(tree.layers.slice(1), block))) return;
  const needed = neededRoom(tree, existing, block);
  if (!fits(needed)) throw noSpace(place, needed, free);
}

function freeRoom(place: string): FileSystemFacts {
  try {
    return fileSystemOf(fromText(place));
  } catch (error) {
    throw fileError(error, place);
  }
}

/** What the layers would take if every entry became a file of its own: quickly told, and nearly always enough. */
function mostRoom(layers: readonly LayerIndex[], block: number): Room {
  const room = { bytes: 0, inodes: 0 };
  for (const { count, columns } of layers) {
    for (let entry = 0; entry < count; entry++) {
      if (columns.type[entry] === FILE) room.bytes += inBlocks(columns.size[entry] as number, block);
      if (columns.type[entry] !== HARDLINK) room.inodes++;
    }
  }
  return room;
}

/** What the merge takes more than the directory does now. */
function neededRoom(tree: ProvenanceTree, { index, storedBytes }: ExistingLayer, block: number): Room {
  let bytesAdded = 0;
  const added = new Set<number>();
  const stays = new Set<number>();
  let stayingBytes = 0;
  for (const { slot } of tree.walk()) {
    const node = tree.node(slot);
    if (node.layer === 0 && !node.isImplied) {
      stays.add(node.entry);
      stayingBytes += storedBytes[node.entry] as number;
    } else if (!added.has(node.inode)) {
      added.add(node.inode);
      bytesAdded += inBlocks(storedSize(tree, node), block);
    }
  }
  const bytesThere = storedBytes.reduce((sum, bytes) => sum + bytes, 0);
  const inodesThere = index.columns.type.filter((type) => type !== HARDLINK).length;
  return { bytes: bytesAdded + stayingBytes - bytesThere, inodes: added.size + stays.size - inodesThere };
}

function storedSize({ layers }: ProvenanceTree, { layer, entry, size, type }: MergedNode): number {
  if (type !== "file") return 0;
  const runs = layers[layer]?.sparse(entry);
  return runs === undefined ? size : runs.reduce((sum, { length }) => sum + length, 0);
}

function inBlocks(bytes: number, block: number): number {
  return Math.ceil(bytes / block) * block;
}

function noSpace(place: string, needed: Room, free: FileSystemFacts): StrataError {
  const isBytes = needed.bytes > free.freeBytes;
  const [what, want, have] = isBytes
    ? ["bytes", needed.bytes, free.freeBytes]
    : ["files", needed.inodes, free.freeInodes ?? 0];
  return new StrataError({
    code: "no-space",
    kind: "unavailable",
    message: `Cannot write to ${place}: ${want} ${what} are needed and ${have} are available`,
    details: { path: place, needed: want, available: have, what },
    hint: "Free some space there, or choose a directory on another disk",
  });
}
