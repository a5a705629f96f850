import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { type ByteString, randomName, StrataError, toBuffer, toText } from "../base/index.ts";
import type { Fact } from "./kernel-facts.ts";
import { assertLinux } from "./libc.ts";
import { type CommandLine, userNamespaceCommand } from "./namespaces.ts";

/** What this user may do in a user namespace of its own. */
export interface NamespaceFacts {
  /** One with the own id alone, in which file systems can be mounted. */
  readonly userNamespace: Fact;
  /** One with all ids of the user, by newuidmap and newgidmap. */
  readonly allIds: Fact;
  /** In it a writable overlay with `userxattr`, its directories in the directory that was asked about. */
  readonly overlay: Fact;
}

/** Where namespaces are tried. */
export interface NamespaceProbeOptions {
  /** An existing directory, in which a temporary one is made and removed. */
  readonly at: ByteString;
  readonly signal?: AbortSignal | undefined;
}

/** A process that hangs is no answer either. */
const LONGEST_MS = 10_000;

/**
 * Finds out what a user namespace allows, by starting some: takes some tens of milliseconds. What they mount ends with them.
 * @throws an errno error as Node's when the directory cannot be written to; the signal's reason
 */
export async function probeNamespaces({ at, signal }: NamespaceProbeOptions): Promise<NamespaceFacts> {
  assertLinux();
  const place = `${at}/.probe-${randomName()}`;
  const layers = ["lower", "upper", "work", "target"];
  mkdirSync(toBuffer(place), { mode: 0o700 });
  try {
    for (const layer of layers) mkdirSync(toBuffer(`${place}/${layer}`));
    const [userNamespace, overlay, allIds] = await Promise.all([
      tried(() => inNamespace(MOUNT_TMPFS, place, false), signal),
      tried(() => inNamespace(MOUNT_OVERLAY, place, false), signal),
      tried(() => inNamespace("true", place, true), signal),
    ]);
    return { userNamespace, overlay, allIds };
  } finally {
    rmSync(toBuffer(place), { recursive: true });
  }
}

/** Paths are relative, so that no character of theirs matters to mount(8). */
const MOUNT_TMPFS = "mount -t tmpfs probe target";
const MOUNT_OVERLAY = "mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work overlay target";

function inNamespace(script: string, place: ByteString, mapAll: boolean): CommandLine {
  return userNamespaceCommand("sh", ["-c", `cd "$1" && ${script}`, "sh", toText(place)], { mapAll });
}

async function tried(line: () => CommandLine, signal: AbortSignal | undefined): Promise<Fact> {
  try {
    await run(line(), signal);
    return { works: true };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof StrataError) return { works: false, why: error.message };
    return { works: false, why: error instanceof Error ? error.message : String(error) };
  }
}

function run({ command, args }: CommandLine, signal: AbortSignal | undefined): Promise<void> {
  const options = { timeout: LONGEST_MS, ...(signal === undefined ? {} : { signal }) };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, _, stderr) => {
      if (error === null) return resolve();
      const words = stderr.trim();
      reject(words === "" ? error : new Error(words, { cause: error }));
    });
  });
}
