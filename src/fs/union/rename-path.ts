import { errnoError, type FailedCall } from "../errno-error.ts";
import { type PathLike, parsePath } from "../image-path.ts";
import { moveName } from "./change-names.ts";
import { MARKER } from "./markers.ts";
import type { UnionCore } from "./union-core.ts";
import type { UnionNode } from "./union-tree.ts";
import { type Place, walkTo } from "./walk-to.ts";

/** rename(2), with the kernel's errors in the kernel's order; never EXDEV. */
export async function renamePath(core: UnionCore, oldPath: PathLike, newPath: PathLike): Promise<void> {
  const from = parsePath(oldPath, "oldPath");
  const to = parsePath(newPath, "newPath");
  const call = { syscall: "rename", path: from.text, dest: to.text };
  await core.change(call, async () => {
    const source = await walkTo(core.tree, from.bytes, { follow: "never", call });
    const place = await walkTo(core.tree, to.bytes, { follow: "never", call });
    const node = movable(source, place, call);
    if (isSameFile(node, place.node)) return;
    await assertReplaceable(core, node, { place, call });
    await moveName(core, node, { place, call });
  });
}

function movable(source: Place, place: Place, call: FailedCall): UnionNode {
  const { node } = source;
  if (source.last !== "name" || place.last !== "name") throw errnoError("EBUSY", call);
  if (node === undefined) throw errnoError("ENOENT", call);
  const isDirectory = node.type === "directory";
  if (!isDirectory && (source.hasSlash || place.hasSlash)) throw errnoError("ENOTDIR", call);
  if (place.directory.path === node.path || isAbove(node, place.directory)) throw errnoError("EINVAL", call);
  if (place.node !== undefined && isAbove(place.node, node)) throw errnoError("ENOTEMPTY", call);
  if (place.name.startsWith(MARKER)) throw errnoError("EPERM", call);
  return node;
}

async function assertReplaceable(
  core: UnionCore,
  node: UnionNode,
  { place, call }: { readonly place: Place; readonly call: FailedCall },
): Promise<void> {
  const replaced = place.node;
  if (replaced === undefined) return;
  const isDirectory = replaced.type === "directory";
  if (node.type === "directory" && !isDirectory) throw errnoError("ENOTDIR", call);
  if (node.type !== "directory" && isDirectory) throw errnoError("EISDIR", call);
  if (isDirectory && (await core.tree.list(replaced)).length > 0) throw errnoError("ENOTEMPTY", call);
}

/** Two names of one file: rename(2) does nothing. */
function isSameFile(node: UnionNode, other: UnionNode | undefined): boolean {
  return (
    other !== undefined &&
    node.branches[0] === other.branches[0] &&
    node.facts.ino === other.facts.ino &&
    (node.type !== "directory" || node.path === other.path)
  );
}

function isAbove(directory: UnionNode, node: UnionNode): boolean {
  return node.path.startsWith(`${directory.path}/`);
}
