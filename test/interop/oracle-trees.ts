import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  createWriteStream,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ByteString, fromText, toBuffer } from "../../src/base/index.ts";
import { openImage } from "../../src/index.ts";
import { makeSpecialFile, setFileTimes, writeXattr } from "../../src/linux/index.ts";
import { layoutScript, readDirectory, type TarStep, type TreeFile, tarScript } from "../../src/testing/index.ts";
import { type Oracle, oracleEnv, oraclePath } from "../support/oracles.ts";

/** Runs `body` with a directory of its own, which is removed afterwards whatever happens, mounts below it included. */
export async function withDirectory<T>(body: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "oracle-"));
  try {
    return await body(directory);
  } finally {
    unmountBelow(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Detaches every mount below a directory, the innermost first. */
function unmountBelow(directory: string): void {
  const mounts = execFileSync("cat", ["/proc/self/mounts"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((place) => place.startsWith(`${directory}/`));
  for (const place of mounts.reverse()) spawnSync("umount", ["-l", place]);
}

/** Runs a tool to its end and returns what it printed. @throws with its stderr when it fails */
export function run(
  tool: Oracle | "mount" | "umount" | "sh" | "cp",
  args: readonly string[],
  options: { cwd?: string } = {},
): string {
  const command = oraclePath(tool as Oracle) ?? tool;
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    env: oracleEnv,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${tool} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

/** Writes layers as an OCI layout. */
export function writeLayout(
  directory: string,
  layers: readonly (readonly TarStep[])[],
  options: { gzip?: boolean; tag?: string } = {},
): void {
  const { files } = layoutScript(
    layers.map((steps) => tarScript(...steps)),
    options,
  );
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
}

/** Our own answer: the image's export, unpacked by GNU tar into `into` and read back. */
export async function exportedFiles(name: string, into: string): Promise<TreeFile[]> {
  await using image = await openImage(name, { temporaryDirectory: dirname(into) });
  mkdirSync(into);
  const archive = `${into}.tar`;
  await pipeline(image.export(), createWriteStream(archive));
  run("tar", ["-xpf", archive, "-C", into, "--numeric-owner", "--xattrs", "--xattrs-include=*"]);
  return readDirectory(into);
}

/** Makes a tree on disk, below a directory that exists: types, modes, owners, times, xattrs, hardlinks and content. */
export function writeDirectory(root: string, files: readonly TreeFile[]): void {
  const firstNames = new Map<number, Buffer>();
  for (const { path, node, content } of files) {
    const name = placeOf(root, path);
    const place = toBuffer(name);
    const first = firstNames.get(node.inode);
    if (first !== undefined) {
      linkSync(first, place);
      continue;
    }
    firstNames.set(node.inode, place);
    if (node.type === "directory") mkdirSync(place, { recursive: path === "" });
    else if (node.type === "symlink") symlinkSync(toBuffer(node.linkTarget), place);
    else if (node.type === "file") writeFileSync(place, content ?? new Uint8Array());
    else makeSpecialFile(name, { type: node.type, mode: 0o600, ...node.device });
    lchownSync(place, node.uid, node.gid);
    if (node.type !== "symlink") chmodSync(place, node.mode);
    for (const [attribute, value] of node.xattrs) writeXattr(name, attribute, value);
  }
  writeTimes(root, files);
}

/** Sets the modification times of a tree on disk, children before their directories. */
export function writeTimes(root: string, files: readonly TreeFile[]): void {
  for (const { path, node } of [...files].reverse()) setFileTimes(placeOf(root, path), node.mtime, node.mtime);
}

/** Names are bytes: below a root that a test has made, whose own name is text. */
function placeOf(root: string, path: ByteString): ByteString {
  return `${fromText(root)}/${path}`;
}
