import type { FailedCall } from "../errno-error.ts";
import { copyUp } from "./copy-up.ts";
import type { UnionCore } from "./union-core.ts";
import type { UnionNode } from "./union-tree.ts";

/** An owner; -1 leaves that half as it is, as chown(2). */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Two times, in nanoseconds since the epoch. */
export interface Times {
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
}

const UNSIGNED_MINUS_ONE = 0xffff_ffff;

/** Each of these copies a file up and changes one thing about it. Only within a change. */
export async function setMode(core: UnionCore, node: UnionNode, mode: number, call: FailedCall = CHMOD): Promise<void> {
  await copyUp(core, node, { call });
  await core.upper.chmod(node.path, mode);
}

/** See {@link setMode}. */
export async function setOwner(
  core: UnionCore,
  node: UnionNode,
  { uid, gid }: Owner,
  call: FailedCall = CHOWN,
): Promise<void> {
  await copyUp(core, node, { call });
  const { facts } = node;
  await core.upper.chown(node.path, isKept(uid) ? facts.uid : uid, isKept(gid) ? facts.gid : gid);
}

/** See {@link setMode}. */
export async function setTimes(
  core: UnionCore,
  node: UnionNode,
  times: Times,
  call: FailedCall = UTIMES,
): Promise<void> {
  await copyUp(core, node, { call });
  await core.upper.setTimes(node.path, times.atimeNs, times.mtimeNs);
  if (node.type === "directory") core.stamped.add(node.path);
}

const CHMOD: FailedCall = { syscall: "fchmod" };
const CHOWN: FailedCall = { syscall: "fchown" };
const UTIMES: FailedCall = { syscall: "futime" };

function isKept(id: number): boolean {
  return id === -1 || id === UNSIGNED_MINUS_ONE;
}
