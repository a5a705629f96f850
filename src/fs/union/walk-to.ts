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

interface Walker {
  readonly tree: UnionTree;
  readonly root: UnionNode;
  readonly follow: FollowLast;
  readonly call: FailedCall;
  at: UnionNode;
  /** Names still to go. */
  ahead: ByteString[];
  hasSlash: boolean;
  links: number;
  last: Place["last"];
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
  const start = { at: root, ahead: partsOf(path), hasSlash: path.endsWith("/"), links: 0, last: "/" } as const;
  const walker: Walker = { tree, root, follow, call, ...start };
  for (let part = walker.ahead.shift(); part !== undefined; part = walker.ahead.shift()) {
    const place = await step(walker, part);
    if (place !== undefined) return place;
  }
  const { at, last, hasSlash } = walker;
  return { directory: at.parent ?? at, name: at.name, last, hasSlash, node: at };
}

/** One name further. The place, when that was the last one. */
async function step(walker: Walker, part: ByteString): Promise<Place | undefined> {
  const { tree, at, call, hasSlash } = walker;
  const isLast = walker.ahead.length === 0;
  walker.last = part === "." || part === ".." ? part : "name";
  if (part === "..") walker.at = at.parent ?? at;
  if (walker.last !== "name") return undefined;
  if (part.length > MAX_NAME) throw errnoError("ENAMETOOLONG", call);
  const node = await tree.child(at, part);
  if (node?.type === "symlink" && mayFollow(walker, isLast)) {
    await followLink(walker, node, isLast);
    return undefined;
  }
  if (isLast) return { directory: at, name: part, last: "name", hasSlash, node };
  if (node === undefined) throw errnoError("ENOENT", call);
  if (node.type !== "directory") throw errnoError("ENOTDIR", call);
  walker.at = node;
  return undefined;
}

function mayFollow({ follow, hasSlash }: Walker, isLast: boolean): boolean {
  return !isLast || follow === "always" || (follow === "slash" && hasSlash);
}

/** The link's target becomes the way ahead. */
async function followLink(walker: Walker, link: UnionNode, isLast: boolean): Promise<void> {
  if (++walker.links > MAX_LINKS) throw errnoError("ELOOP", walker.call);
  const target = await walker.tree.readLink(link);
  if (isLast && target.endsWith("/")) walker.hasSlash = true;
  if (target.startsWith("/")) walker.at = walker.root;
  walker.ahead = [...partsOf(target), ...walker.ahead];
  walker.last = "/";
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
