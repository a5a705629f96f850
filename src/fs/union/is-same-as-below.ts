import { fsPath } from "./branch.ts";
import type { UnionCore } from "./union-core.ts";
import type { UnionNode } from "./union-tree.ts";

/**
 * Whether a file of the upper tells nothing that the lowers do not: the same type, metadata and content. Content is the same
 * when the upper refers to it; where an upper takes no references, every file of some size counts as changed. Of a directory
 * what it holds is not looked at, nor its time, unless somebody set it.
 */
export async function isSameAsBelow(core: UnionCore, node: UnionNode): Promise<boolean> {
  const { tree } = core;
  const below = node.parent === undefined ? await tree.rootBelow() : await tree.childBelow(node.parent, node.name);
  if (below === undefined || !isSameMetadata(node, below)) return false;
  if (node.type === "directory") {
    if (core.stamped.has(node.path) && node.facts.mtimeNs !== below.facts.mtimeNs) return false;
  } else if (node.facts.mtimeNs !== below.facts.mtimeNs) return false;
  if (!isSameMap(await tree.xattrs(node), await tree.xattrs(below))) return false;
  if (node.type === "symlink") return (await tree.readLink(node)) === (await tree.readLink(below));
  return node.type !== "file" || isSameContent(core, node, below);
}

function isSameMetadata({ facts }: UnionNode, { facts: below }: UnionNode): boolean {
  return facts.mode === below.mode && facts.uid === below.uid && facts.gid === below.gid && facts.rdev === below.rdev;
}

async function isSameContent(core: UnionCore, node: UnionNode, below: UnionNode): Promise<boolean> {
  const { upper, tree } = core;
  if (node.facts.size !== below.facts.size) return false;
  // A file of one name without content is the same as any other; names of one file must have been so below.
  if (node.facts.size === 0 && node.facts.nlink < 2) return below.facts.nlink < 2;
  const origin = upper.fs.referenceOf?.(fsPath(node.path))?.origin;
  const branch = tree.branchOf(below);
  if (origin === undefined || origin.fs !== branch.fs) return false;
  return origin.path === below.path || (await branch.facts(origin.path))?.ino === below.facts.ino;
}

function isSameMap(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, value]) => b.has(name) && Buffer.compare(value, b.get(name) as Uint8Array) === 0)
  );
}
