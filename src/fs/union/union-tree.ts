import type { ByteString } from "../../base/index.ts";
import { type FileType, joinPath, TYPE_BITS } from "../../tree/index.ts";
import { constants } from "../constants.ts";
import type { FileFacts } from "../file-stats.ts";
import type { Branch } from "./branch.ts";
import { MARKER, opaquePath, readMarkers, whiteoutPath } from "./markers.ts";

/** The number of the branch that takes the changes; the lowers follow, topmost first. */
export const UPPER = 0;

/** A file of the union. It is true until the next change of the union. */
export interface UnionNode {
  /** Clean, without symlinks on the way: the same in the union and in each branch that has the file. */
  readonly path: ByteString;
  readonly name: ByteString;
  /** Undefined for the root. */
  readonly parent: UnionNode | undefined;
  readonly type: FileType;
  /** Of a directory all branches that it is merged from, of other files the one that it lies in; topmost first. */
  branches: readonly number[];
  /** As the topmost branch tells them. */
  facts: FileFacts;
}

const TYPES = new Map(Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as FileType]));

/** The type that `st_mode` tells; sockets count as pipes. */
export function typeOfMode(mode: number): FileType {
  return TYPES.get(mode & constants.S_IFMT) ?? "fifo";
}

/** The branches seen as one tree: looking only, one name at a time. */
export class UnionTree {
  readonly branches: readonly Branch[];
  #rootIsInUpper: Promise<boolean> | undefined;

  /** The upper first, then the lowers, topmost first. */
  constructor(branches: readonly Branch[]) {
    this.branches = branches;
  }

  async root(): Promise<UnionNode> {
    this.#rootIsInUpper ??= this.#hasUpper();
    const all = [...this.branches.keys()];
    const found = await this.#lookIn(undefined, "", (await this.#rootIsInUpper) ? all : all.slice(1));
    if (found === undefined) throw new Error("None of the file systems has a root directory");
    return found;
  }

  /** From now on the upper tells what the root is; it did not when it was empty. */
  claimRoot(): void {
    this.#rootIsInUpper = Promise.resolve(true);
  }

  /** {@link root} as the lowers have it. */
  async rootBelow(): Promise<UnionNode | undefined> {
    return this.#lookIn(undefined, "", [...this.branches.keys()].slice(1));
  }

  /** What a name of a directory means; undefined for nothing, and for all names of markers. */
  async child(directory: UnionNode, name: ByteString): Promise<UnionNode | undefined> {
    return name.startsWith(MARKER) ? undefined : this.#lookIn(directory, name, directory.branches);
  }

  /** What {@link child} would find if the upper had nothing in this directory. */
  async childBelow(directory: UnionNode, name: ByteString): Promise<UnionNode | undefined> {
    const lowers = directory.branches.filter((number) => number !== UPPER);
    return lowers.length === 0 ? undefined : this.#lookIn(directory, name, lowers);
  }

  /** The names of a directory with their types, in ascending byte order. */
  async list(directory: UnionNode): Promise<[ByteString, FileType][]> {
    const merged = new Map<ByteString, FileType>();
    const hidden = new Set<ByteString>();
    for (const number of directory.branches) {
      const names = await this.#branch(number).list(directory.path);
      for (const [name, type] of names) {
        if (!name.startsWith(MARKER) && !merged.has(name) && !hidden.has(name)) merged.set(name, type);
      }
      for (const name of readMarkers(names.keys()).hidden) hidden.add(name);
    }
    return [...merged].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** {@link child} of each name of a directory, in order. */
  async *children(directory: UnionNode): AsyncGenerator<UnionNode> {
    for (const [name] of await this.list(directory)) {
      const node = await this.child(directory, name);
      if (node !== undefined) yield node;
    }
  }

  /** A clean path, taken literally: symlinks on the way are no directories. */
  async at(path: ByteString): Promise<UnionNode | undefined> {
    let node: UnionNode | undefined = await this.root();
    for (const name of path === "" ? [] : path.split("/")) {
      if (node?.type !== "directory") return undefined;
      node = await this.child(node, name);
    }
    return node;
  }

  readLink(node: UnionNode): Promise<ByteString> {
    return this.branchOf(node).readLink(node.path);
  }

  xattrs(node: UnionNode): Promise<Map<string, Uint8Array>> {
    return this.branchOf(node).xattrs(node.path);
  }

  /** The branch that tells what the file is. */
  branchOf(node: UnionNode): Branch {
    return this.#branch(node.branches[0] ?? UPPER);
  }

  async #hasUpper(): Promise<boolean> {
    return this.branches.length === 1 || (await this.#branch(UPPER).list("")).size > 0;
  }

  #branch(number: number): Branch {
    return this.branches[number] as Branch;
  }

  async #lookIn(
    parent: UnionNode | undefined,
    name: ByteString,
    numbers: Iterable<number>,
  ): Promise<UnionNode | undefined> {
    const path = parent === undefined ? name : joinPath(parent.path, name);
    let top: FileFacts | undefined;
    const found: number[] = [];
    for (const number of numbers) {
      const facts = await this.#branch(number).facts(path);
      const isDirectory = facts !== undefined && typeOfMode(facts.mode) === "directory";
      if (facts !== undefined && (isDirectory || top === undefined)) found.push(number);
      top ??= facts;
      if (facts !== undefined && !isDirectory) break;
      if (await this.#hidesBelow(number, { parent, name, path, isDirectory })) break;
    }
    return top && { path, name, parent, type: typeOfMode(top.mode), branches: found, facts: top };
  }

  async #hidesBelow(
    number: number,
    place: {
      readonly parent: UnionNode | undefined;
      readonly name: ByteString;
      readonly path: ByteString;
      readonly isDirectory: boolean;
    },
  ): Promise<boolean> {
    if (number === this.branches.length - 1) return false;
    const branch = this.#branch(number);
    if (place.isDirectory && (await branch.facts(opaquePath(place.path))) !== undefined) return true;
    return (
      place.parent !== undefined && (await branch.facts(whiteoutPath(place.parent.path, place.name))) !== undefined
    );
  }
}
