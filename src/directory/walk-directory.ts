import { assertNotAborted } from "../base/index.ts";
import type { WalkedTree } from "../layer/index.ts";
import { isLinux } from "../linux/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { DirectoryWalk } from "./directory-walk.ts";
import type { ListDirectoryOptions } from "./list-directory.ts";
import { contentsOf } from "./listed-files.ts";
import type { Notice } from "./notice.ts";
import { WalkedFiles } from "./walked-files.ts";

/** A directory whose entries are found as they are taken, and whose files are read in between. */
export interface WalkedDirectory extends WalkedTree {
  /** May be taken once. @throws StrataError as `listDirectory` */
  readonly entries: Iterable<TarEntry>;
  /** What the entries so far do not tell as it is. */
  readonly notices: readonly Notice[];
}

/**
 * The entries of `listDirectory`, one by one, for whoever needs none of them again.
 * @throws StrataError as `fileError` when the directory is none
 */
export function walkDirectory(
  directory: string,
  { signal, map = (entry) => entry, unreadable = "fail" }: ListDirectoryOptions = {},
): WalkedDirectory {
  const files = isLinux() ? new WalkedFiles(directory) : undefined;
  const walk = new DirectoryWalk(directory, unreadable, files);
  const entries = function* (): Generator<TarEntry> {
    using _ = files;
    for (const { entry } of walk.entries()) {
      assertNotAborted(signal);
      yield map(entry);
    }
  };
  const contents = contentsOf(({ name, size }: TarEntry) => ({ directory, name, size }), files);
  return { entries: entries(), notices: walk.notices, ...contents };
}
