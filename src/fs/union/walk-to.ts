import type { ByteString } from "../../base/index.ts";
import { errnoError, type FailedCall } from "../errno-error.ts";
import type { UnionNode, UnionTree } from "./union-tree.ts";

/** As many symlinks as the kernel follows before ELOOP (path_resolution(7)). */
const MAX_LINKS = 40;
const MAX_NAME = 255;
const MAX_PATH = 4095;

/**
 * What becomes of a symlink in the last place: `always` followed, `slash`: only before a trailing slash, or `never`, for
 * calls that make or remove the name itself.
 */
export type FollowLast = "always" | "slash" | "never";

/** Where a path leads. */
export interface Place {
  /** The directory that holds the name; of the root the root. */
  readonly directory: UnionNode;
  readonly name: ByteString;
  /** `name`, or what the last part was: `.`, `..`, or the root itself. */
  readonly last: "name" | "." | ".." | "/";
  readonly hasSlash: boolean;
  readonly node: UnionNode | undefined;
}

/**
 * Resolves a path as the kernel does inside a chroot: symlinks anywhere on the way, absolute targets from the root, `..`
 * physically and never above the root. The last name need not exist.
 * @throws ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG
 */
export async function walkTo(
  tree: UnionTree,
  path: ByteString,
  { follow, call }: { readonly follow: FollowLast; readonly call: FailedCall },
): Promise<Place> {
  if (path === "") throw errnoError("ENOENT", call);
  if (path.length > MAX_PATH) throw errnoError("ENAMETOOLONG", call);
  const root = await tree.root();
  let at = root;
  let ahead = partsOf(path);
  let hasSlash = path.endsWith("/");
  let links = 0;
  let last: Place["last"] = "/";
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    const isLast = ahead.length === 0;
    if (part === "." || part === "..") {
      last = part;
      if (part === "..") at = at.parent ?? at;
      continue;
    }
    if (part.length > MAX_NAME) throw errnoError("ENAMETOOLONG", call);
    const node = await tree.child(at, part);
    if (node?.type === "symlink" && (!isLast || follow === "always" || (follow === "slash" && hasSlash))) {
      if (++links > MAX_LINKS) throw errnoError("ELOOP", call);
      const target = await tree.readLink(node);
      if (isLast && target.endsWith("/")) hasSlash = true;
      if (target.startsWith("/")) at = root;
      ahead = [...partsOf(target), ...ahead];
      last = "/";
      continue;
    }
    if (isLast) return { directory: at, name: part, last: "name", hasSlash, node };
    if (node === undefined) throw errnoError("ENOENT", call);
    if (node.type !== "directory") throw errnoError("ENOTDIR", call);
    at = node;
    last = "name";
  }
  return { directory: at.parent ?? at, name: at.name, last, hasSlash, node: at };
}

/**
 * {@link walkTo} for a file that must be there.
 * @throws ENOTDIR too, when a slash follows what is no directory
 */
export async function walkToExisting(
  tree: UnionTree,
  path: ByteString,
  { follow, call }: { readonly follow: boolean; readonly call: FailedCall },
): Promise<UnionNode> {
  const { node, hasSlash } = await walkTo(tree, path, { follow: follow ? "always" : "slash", call });
  if (node === undefined) throw errnoError("ENOENT", call);
  if (hasSlash && node.type !== "directory") throw errnoError("ENOTDIR", call);
  return node;
}

function partsOf(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "");
}
