import type { ByteString } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";
import type { Branch } from "./branch.ts";
import { typeOfMode, type UnionNode, type UnionTree, UPPER } from "./union-tree.ts";

/**
 * Which names of the lowers are names of one file. Asked for the first time, it walks the lower: no file system can tell
 * the other names of a file. Lowers never change, so once is enough.
 */
export class LinkGroups {
  readonly #groups = new Map<number, Promise<Map<number, ByteString[]>>>();
  #isDisturbed = false;

  /** The names of a file of a lower that the union shows, the file itself among them. */
  async visibleNames(tree: UnionTree, node: UnionNode): Promise<UnionNode[]> {
    const number = node.branches[0] as number;
    let groups = this.#groups.get(number);
    if (groups === undefined) {
      groups = groupsOf(tree.branches[number] as Branch);
      this.#groups.set(number, groups);
    }
    const visible: UnionNode[] = [];
    for (const path of (await groups).get(node.facts.ino) ?? []) {
      const other = await tree.at(path);
      if (other?.branches[0] === number && other.facts.ino === node.facts.ino) visible.push(other);
    }
    return visible;
  }

  /** Notes that names of the lowers are hidden from now on, so that their number must be counted. */
  disturb(): void {
    this.#isDisturbed = true;
  }

  /** The number of names that the union shows. Names that were hidden before this union was made are not missed. */
  async linksOf(tree: UnionTree, node: UnionNode): Promise<number> {
    const { nlink } = node.facts;
    const isSure = !this.#isDisturbed || nlink < 2 || node.type === "directory" || node.branches[0] === UPPER;
    return isSure ? nlink : Math.max(1, (await this.visibleNames(tree, node)).length);
  }
}

async function groupsOf(branch: Branch): Promise<Map<number, ByteString[]>> {
  const groups = new Map<number, ByteString[]>();
  const pending: ByteString[] = [""];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const [name, type] of await branch.list(directory)) {
      const path = joinPath(directory, name);
      if (type === "directory") pending.push(path);
      else await note(groups, branch, path);
    }
  }
  return groups;
}

async function note(groups: Map<number, ByteString[]>, branch: Branch, path: ByteString): Promise<void> {
  const facts = await branch.facts(path);
  if (facts === undefined || facts.nlink < 2 || typeOfMode(facts.mode) === "directory") return;
  const names = groups.get(facts.ino);
  if (names === undefined) groups.set(facts.ino, [path]);
  else names.push(path);
}
