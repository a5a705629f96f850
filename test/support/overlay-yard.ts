import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText, toText } from "../../src/base/index.ts";
import { mountFileSystem, mountOverlay, readMounts, unmount } from "../../src/linux/index.ts";

/** An overlay that a test mounted. */
export interface TestOverlay {
  /** Topmost first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  /** Where it is mounted. */
  readonly merged: string;
  readonly options: readonly string[];
}

/** A directory of a file system in memory for overlays; disposing it unmounts and removes all. */
export class OverlayYard implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "overlay-yard-"));
  #count = 0;

  constructor() {
    mountFileSystem({ type: "tmpfs", source: "tmpfs", target: fromText(this.directory) });
  }

  /** A new empty directory. */
  make(name: string): string {
    const path = join(this.directory, `${name}-${this.#count++}`);
    mkdirSync(path);
    return path;
  }

  /** Mounts an overlay with a new upper. */
  mount(lowers: readonly string[], options: readonly string[] = []): TestOverlay {
    const [upper, work, merged] = [this.make("upper"), this.make("work"), this.make("merged")];
    mountOverlay({
      lowers: lowers.map(fromText),
      upper: fromText(upper),
      work: fromText(work),
      target: fromText(merged),
      options: options.map(fromText),
    });
    return { lowers, upper, merged, options };
  }

  [Symbol.dispose](): void {
    const below = readMounts().filter(({ mountPoint }) => toText(mountPoint).startsWith(this.directory));
    for (const { mountPoint } of below.reverse()) unmount(mountPoint, { isLazy: true });
    rmSync(this.directory, { recursive: true, force: true });
  }
}
