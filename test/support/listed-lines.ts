import { createHash } from "node:crypto";
import { readAll } from "../../src/base/index.ts";
import type { ListedTree } from "../../src/changeset/index.ts";
import { directoryTree } from "../../src/changeset/index.ts";

/** How much of a tree is told. */
export interface ListedLinesOptions {
  /** Default: all. */
  readonly isIgnored?: (path: string, field: "mtime" | "xattrs") => boolean;
}

/** All that is known of a tree, one line a file, for comparing it with another one. */
export async function listedLines(
  tree: ListedTree,
  { isIgnored = () => false }: ListedLinesOptions = {},
): Promise<string[]> {
  const { index } = tree;
  const lines: string[] = [];
  for (let entry = 0; entry < index.count; entry++) {
    const path = index.name(entry);
    const type = index.type(entry);
    if (type === "hardlink") {
      lines.push(`${path} = ${index.linkName(entry)}`);
      continue;
    }
    const { mode, uid, gid, device } = index.columns;
    const { seconds, nanoseconds } = index.mtime(entry);
    const xattrs = [...index.xattrs(entry)]
      .map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
      .sort();
    lines.push(
      [
        path,
        type,
        type === "symlink" ? index.linkName(entry) : (mode[entry] as number).toString(8),
        `${uid[entry]}:${gid[entry]}`,
        `dev ${device[entry]}`,
        isIgnored(path, "mtime") ? "" : `${seconds}.${nanoseconds}`,
        isIgnored(path, "xattrs") ? "" : xattrs.join(","),
        type === "file" ? await contentOf(tree, entry) : "",
      ].join(" "),
    );
  }
  return lines;
}

/** {@link listedLines} of a directory. */
export async function directoryLines(path: string, options?: ListedLinesOptions): Promise<string[]> {
  return await listedLines(await directoryTree(path, { keepOverlayXattrs: true }), options);
}

async function contentOf(tree: ListedTree, entry: number): Promise<string> {
  if (tree.index.columns.size[entry] === 0) return "empty";
  await using source = await tree.open(entry);
  return createHash("sha256")
    .update(await readAll(source))
    .digest("hex")
    .slice(0, 12);
}
