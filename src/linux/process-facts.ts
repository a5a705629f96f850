import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { assertLinux, isLinux } from "./libc.ts";

/** Who this process is to the kernel. */
export interface ProcessFacts {
  /** Effective ids, as this process's user namespace counts them. */
  readonly uid: number;
  readonly gid: number;
  /** Effective capabilities, a bit for each: capabilities(7). They hold in this process's user namespace. */
  readonly capabilities: bigint;
  /** It does not have all ids of the machine: it is in a user namespace of somebody. */
  readonly isInUserNamespace: boolean;
}

/** CAP_SYS_ADMIN of linux/capability.h. */
const SYS_ADMIN = 1n << 21n;

/** Reads it anew each time: a process may change. */
export function readProcessFacts(): ProcessFacts {
  assertLinux();
  const status = readFileSync("/proc/self/status", "latin1");
  return {
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]),
    gid: Number(/^Gid:\s+\d+\s+(\d+)/m.exec(status)?.[1]),
    capabilities: BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`),
    isInUserNamespace: !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1")),
  };
}

/** Whether this process is root, on any system; a user need not have a name, as in containers that run as some number. */
export function isRoot(): boolean {
  if (isLinux()) return readProcessFacts().uid === 0;
  return userInfo().uid === 0;
}

/** Whether it may mount file systems, at least those that a user namespace may. */
export function mayMount({ capabilities }: ProcessFacts): boolean {
  return (capabilities & SYS_ADMIN) !== 0n;
}

/** Whether files can belong to others than the one user that a user namespace of a single id has. */
export function hasManyIds(): boolean {
  const maps = readFileSync("/proc/self/uid_map", "latin1").trim().split("\n");
  return maps.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0) > 1;
}
