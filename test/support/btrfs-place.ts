import { spawnSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oraclePath } from "./oracles.ts";
import { makeScratchMount } from "./scratch-mount.ts";

/** A small btrfs of its own, mounted until it is disposed. Needs `mkfs.btrfs` and `mount`. */
export interface BtrfsPlace extends Disposable {
  readonly directory: string;
}

const BYTES = 384 * 1024 * 1024;

/** Makes and mounts a btrfs in a sparse file, in memory where that is possible: tests need no disk to be durable. */
export function makeBtrfs(): BtrfsPlace {
  const place = makeScratchMount();
  const [image, directory] = [join(place.directory, "image"), join(place.directory, "mounted")];
  let isMounted = false;
  const dispose = (): void => {
    if (isMounted) run("umount", [directory]);
    place[Symbol.dispose]();
  };
  try {
    writeFileSync(image, "");
    truncateSync(image, BYTES);
    mkdirSync(directory);
    run(oraclePath("mkfs.btrfs") as string, ["-q", image]);
    run("mount", ["-o", "loop", image, directory]);
    isMounted = true;
  } catch (error) {
    dispose();
    throw error;
  }
  return { directory, [Symbol.dispose]: dispose };
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
}
