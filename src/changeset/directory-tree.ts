import { type ListDirectoryOptions, listDirectory } from "../directory/index.ts";
import type { TarEntry } from "../tar/index.ts";
import type { ListedTree } from "./listed-tree.ts";

/** How a directory is taken as a tree. */
export interface DirectoryTreeOptions extends Pick<ListDirectoryOptions, "signal" | "unreadable"> {
  /**
   * Whether `trusted.overlay.*` and `user.overlay.*` are attributes of the files: seen through a mount they are, in a plain
   * directory somebody's overlay left them there. Default: no.
   */
  readonly keepOverlayXattrs?: boolean | undefined;
}

/**
 * A real directory as a tree: names in bytes, links not followed, times to the nanosecond, all attributes that can be part of
 * an image. Labels of SELinux are the host's. Sockets and what is mounted inside are left out, with a notice.
 * @throws StrataError as `listDirectory`: `file-not-found`, `permission-denied` …
 */
export async function directoryTree(path: string, options: DirectoryTreeOptions = {}): Promise<ListedTree> {
  return await listDirectory(path, listingOptions(options));
}

/** How the room `directory` is asked for that. */
export function listingOptions({
  signal,
  unreadable,
  keepOverlayXattrs = false,
}: DirectoryTreeOptions): ListDirectoryOptions & { readonly map: (entry: TarEntry) => TarEntry } {
  const isForeign = keepOverlayXattrs ? isOfHost : isOfHostOrOverlay;
  return { signal, unreadable, map: (entry) => withoutXattrs(entry, isForeign) };
}

/** Whether an attribute says something about this machine, and nothing about the file. */
export function isOfHost(name: string): boolean {
  return !/^(?:user\.|trusted\.|security\.|system\.posix_acl_)/.test(name) || name === "security.selinux";
}

function isOfHostOrOverlay(name: string): boolean {
  return isOfHost(name) || /^(?:trusted|user)\.overlay\./.test(name);
}

/** The entry without such attributes. */
export function withoutXattrs(entry: TarEntry, isForeign: (name: string) => boolean): TarEntry {
  if (entry.xattrs === undefined) return entry;
  const { xattrs, ...rest } = entry;
  const kept = new Map([...xattrs].filter(([name]) => !isForeign(name)));
  return kept.size === 0 ? rest : { ...rest, xattrs: kept };
}
