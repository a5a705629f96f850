import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { type ByteString, fromText, toBuffer } from "../../src/base/index.ts";
import { makeSpecialFile, setFileTimes, writeXattr } from "../../src/linux/index.ts";
import { readDirectory, type TreeTextOptions, treeText } from "../../src/testing/index.ts";
import { type MemoryFile, type MemoryFiles, walkOrder } from "./memory-tree.ts";

/** Makes a directory of a tree in memory, with all that a file can have; needs root. The directory itself must not be there. */
export function writeTree(root: string, files: MemoryFiles): void {
  const firstNames = new Map<MemoryFile, Buffer>();
  const inOrder = walkOrder(files);
  for (const path of inOrder) {
    const file = files.get(path) as MemoryFile;
    const place = placeOf(root, path);
    const first = file.type === "directory" ? undefined : firstNames.get(file);
    if (first === undefined) writeFile(place, file);
    else linkSync(first, toBuffer(place));
    if (first === undefined) firstNames.set(file, toBuffer(place));
  }
  for (const path of inOrder.toReversed()) {
    const { mtime } = files.get(path) as MemoryFile;
    setFileTimes(placeOf(root, path), mtime, mtime);
  }
}

function writeFile(name: ByteString, file: MemoryFile): void {
  const place = toBuffer(name);
  const { type, device } = file;
  if (type === "directory") mkdirSync(place);
  else if (type === "symlink") symlinkSync(toBuffer(file.target), place);
  else if (type === "file") writeData(place, file);
  else makeSpecialFile(name, { type, mode: 0o600, major: device[0], minor: device[1] });
  // An owner takes capabilities and set-user-id away, so that these come after.
  lchownSync(place, file.uid, file.gid);
  if (type !== "symlink") chmodSync(place, file.mode);
  for (const [attribute, value] of file.xattrs) writeXattr(name, attribute, value);
}

function writeData(place: Buffer, { content, sparse }: MemoryFile): void {
  const data = toBuffer(content);
  const fd = openSync(place, "wx");
  try {
    ftruncateSync(fd, data.length);
    for (const { offset, length } of sparse ?? [{ offset: 0, length: data.length }]) {
      writeSync(fd, data, offset, length, offset);
    }
  } finally {
    closeSync(fd);
  }
}

/** All there is to know of the tree below a directory, as text: read by Node and by `getfattr`, not by this project. */
export function diskText(root: string, options: TreeTextOptions = {}): string {
  const lists = accessLists(root);
  const files = readDirectory(root).map((file) => {
    const xattrs = new Map([...file.node.xattrs, ...(lists.get(file.path) ?? [])]);
    return { ...file, node: { ...file.node, xattrs } };
  });
  return treeText(files, options);
}

/** The access control lists, which `readDirectory` takes for the machine's. */
function accessLists(root: string): Map<ByteString, Map<ByteString, Uint8Array>> {
  const { stdout } = spawnSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "^system.posix_acl_", "-e", "hex", "."], {
    cwd: root,
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  const records = stdout.split("\n\n").map((record) => record.split("\n").filter((line) => line !== ""));
  return new Map(
    records.map(([file = "", ...attributes]) => [
      unescapeName(file.replace(/^# file: (\.$)?/, "")),
      new Map(
        attributes.map((line) => line.split("=0x")).map(([name = "", hex]) => [name, Buffer.from(hex ?? "", "hex")]),
      ),
    ]),
  );
}

function unescapeName(text: string): ByteString {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function placeOf(root: string, path: ByteString): ByteString {
  return path === "" ? fromText(root) : `${fromText(root)}/${path}`;
}
