import { createHash } from "node:crypto";
import { type ByteString, toBuffer } from "../base/index.ts";
import { clampEntryName, dumpTree, type FileNode, type FileType, type PlacedNode, parentOf } from "../tree/index.ts";
import type { TarStep } from "./tar-script.ts";

/** A file of a tree with its bytes: enough to say whether two trees are the same. */
export interface TreeFile extends PlacedNode {
  /** Of regular files. */
  readonly content?: Uint8Array | undefined;
}

/** What {@link treeText} leaves out. */
export interface TreeTextOptions {
  /** Without modification times: for tools that do not keep them. */
  readonly withoutTimes?: boolean;
  /** Without the root directory itself: its attributes come from whoever made it. */
  readonly withoutRoot?: boolean;
}

/** Content up to this length stands in the text as it is, longer content as its digest. */
const LONGEST_INLINE = 40;

/**
 * The tree that a script describes: one step for each name, in any order; a hardlink shares the file of its target.
 * Directories that only occur as parents are 0755, owned by root and as old as the epoch.
 */
export function treeScript(...steps: readonly TarStep[]): TreeFile[] {
  const files = new Map<ByteString, TreeFile>();
  const links = steps.filter(({ type }) => type === "hardlink");
  for (const step of steps) {
    if (step.type !== "hardlink") place(files, fileOf(step, files.size + 1));
  }
  for (const { name, linkName } of links) {
    const target = files.get(clampEntryName(linkName));
    if (target === undefined) throw new Error(`The expected tree has no "${linkName}" to link to`);
    place(files, { ...target, path: clampEntryName(name) });
  }
  addParents(files);
  return sortTree(withLinkCounts([...files.values()]));
}

/** Trees in one order: a directory before its children, names by their bytes. */
export function sortTree<T extends PlacedNode>(files: readonly T[]): T[] {
  const keyed = files.map((file) => ({ file, key: file.path.replaceAll("/", "\0") }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ file }) => file);
}

/** A tree as text, one line for each name; equal trees have equal texts. */
export function treeText(files: readonly TreeFile[], options: TreeTextOptions = {}): string {
  const contents = new Map<PlacedNode, string>(files.map((file) => [file, contentText(file.content)]));
  return dumpTree(options.withoutRoot === true ? files.filter(({ path }) => path !== "") : files, {
    contentOf: (placed) => contents.get(placed),
    withoutTimes: options.withoutTimes === true,
  });
}

function contentText(content: Uint8Array = new Uint8Array()): string {
  if (content.length > LONGEST_INLINE) return `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return JSON.stringify(Buffer.from(content).toString("latin1"));
}

function place(files: Map<ByteString, TreeFile>, file: TreeFile): void {
  if (files.has(file.path)) throw new Error(`The expected tree has two files "/${file.path}"`);
  files.set(file.path, file);
}

function fileOf(step: TarStep, inode: number): TreeFile {
  const node: FileNode = {
    type: step.type as FileType,
    mode: step.mode,
    uid: step.uid,
    gid: step.gid,
    size: step.type === "symlink" ? toBuffer(step.linkName).length : step.content.length,
    mtime: step.mtime,
    nlink: 1,
    inode,
    device: { major: step.devMajor, minor: step.devMinor },
    linkTarget: step.linkName,
    xattrs: step.xattrs,
  };
  return { path: clampEntryName(step.name), node, content: step.type === "file" ? step.content : undefined };
}

const IMPLIED: Omit<FileNode, "inode"> = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  nlink: 1,
  device: { major: 0, minor: 0 },
  linkTarget: "",
  xattrs: new Map(),
};

function addParents(files: Map<ByteString, TreeFile>): void {
  const add = (path: ByteString): void => {
    if (!files.has(path)) files.set(path, { path, node: { ...IMPLIED, inode: files.size + 1 } });
    if (path !== "") add(parentOf(path));
  };
  for (const { path } of files.values()) if (path !== "") add(parentOf(path));
  if (!files.has("")) add("");
}

function withLinkCounts(files: readonly TreeFile[]): TreeFile[] {
  const names = new Map<number, number>();
  for (const { node } of files) names.set(node.inode, (names.get(node.inode) ?? 0) + 1);
  return files.map((file) => ({ ...file, node: { ...file.node, nlink: names.get(file.node.inode) ?? 1 } }));
}
