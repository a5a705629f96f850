import { createHash } from "node:crypto";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ByteString, fromBuffer, fromText, memorySource, toBuffer } from "../../src/base/index.ts";
import { type ErofsImage, type WriteErofsOptions, writeErofs } from "../../src/erofs/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../../src/layer/index.ts";
import { isLinux, mountFileSystem, readXattrs, unmount } from "../../src/linux/index.ts";
import { entryContent, scanTarSync } from "../../src/tar/index.ts";
import { escapeName, joinPath, TYPE_BITS } from "../../src/tree/index.ts";
import type { MergedTree } from "../../src/union/index.ts";

/** The index of a tar in memory, with the length of the tar. */
export function indexOfTar(tar: Uint8Array): LayerIndex {
  const builder = new LayerIndexBuilder();
  scanTarSync(memorySource(tar), (entry) => builder.add(entry));
  return builder.finish(tar.length);
}

/** A tree as an image in memory. */
export async function erofsBytes(
  tree: MergedTree,
  options: Partial<WriteErofsOptions> = {},
): Promise<{ readonly bytes: Buffer; readonly image: ErofsImage }> {
  const chunks: Uint8Array[] = [];
  const sink = { write: (chunk: Uint8Array): void => void chunks.push(chunk) };
  const image = await writeErofs(tree, { sink, uuid: new Uint8Array(16), escapeOverlay: false, ...options });
  return { bytes: Buffer.concat(chunks), image };
}

/** Why images cannot be mounted here; undefined when they can. */
export function whyNoErofs(): string | undefined {
  if (!isLinux()) return "not Linux";
  if (process.getuid?.() !== 0) return "not root";
  const known = readFileSync("/proc/filesystems", "utf8");
  return /\terofs\n/.test(known) ? undefined : "the kernel has no EROFS";
}

/** A private directory with mounts in it; all of them go when it is disposed. */
export class MountYard implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "strata-erofs-"));
  readonly #mounts: string[] = [];
  #count = 0;

  /** Path of a new file with these bytes. */
  file(bytes: Uint8Array): string {
    const path = join(this.directory, `file-${this.#count++}`);
    writeFileSync(path, bytes);
    return path;
  }

  /** Path of a new empty directory. */
  make(): string {
    const path = join(this.directory, `dir-${this.#count++}`);
    mkdirSync(path);
    return path;
  }

  /** Mounts an image file over the tars that are its devices; returns where. */
  mount(image: string, devices: readonly string[]): string {
    const target = this.make();
    const options = ["ro", ...devices.map((device) => fromText(`device=${device}`))];
    mountFileSystem({ type: "erofs", source: fromText(image), target: fromText(target), options });
    this.#mounts.push(target);
    return target;
  }

  /** Notes a mount that somebody else made below the directory. */
  adopt(target: string): void {
    this.#mounts.push(target);
  }

  [Symbol.dispose](): void {
    for (const target of this.#mounts.reverse()) unmount(fromText(target), { isLazy: true });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Every fact of a merged tree as the kernel would tell it, one line for each name, in the order of a walk. */
export function treeFacts(tree: MergedTree, tars: readonly Uint8Array[]): string[] {
  const firstNames = new Map<number, ByteString>();
  return [...tree.walk()].map(({ slot, path }) => {
    const node = tree.node(slot);
    const first = firstNames.get(node.inode) ?? path;
    firstNames.set(node.inode, first);
    const isDevice = node.type === "char" || node.type === "block";
    return factLine({
      path,
      mode: TYPE_BITS[node.type] | node.mode,
      owner: `${node.uid}:${node.gid}`,
      size: node.type === "directory" ? undefined : node.size,
      mtimeNs: BigInt(node.mtime.seconds) * 1_000_000_000n + BigInt(node.mtime.nanoseconds),
      nlink: node.nlink,
      first: node.type === "directory" ? path : first,
      device: isDevice ? `${node.device.major}:${node.device.minor}` : "",
      target: node.linkTarget,
      xattrs: node.xattrs,
      content:
        node.type === "file"
          ? contentOf(tree.layers[node.layer] as LayerIndex, node.entry, tars[node.layer] as Uint8Array)
          : undefined,
    });
  });
}

/** The same lines of a directory of this machine. */
export function mountFacts(root: string): string[] {
  const firstNames = new Map<bigint, ByteString>();
  const lines: string[] = [];
  const visit = (path: ByteString): void => {
    const place = Buffer.concat([Buffer.from(`${root}/`), toBuffer(path)]);
    const stats = lstatSync(place, { bigint: true });
    const isDevice = stats.isCharacterDevice() || stats.isBlockDevice();
    const first = firstNames.get(stats.ino) ?? path;
    firstNames.set(stats.ino, first);
    lines.push(
      factLine({
        path,
        mode: Number(stats.mode),
        owner: `${stats.uid}:${stats.gid}`,
        size: stats.isDirectory() ? undefined : Number(stats.size),
        mtimeNs: stats.mtimeNs,
        nlink: Number(stats.nlink),
        first: stats.isDirectory() ? path : first,
        device: isDevice ? deviceText(stats.rdev) : "",
        target: stats.isSymbolicLink() ? fromBuffer(readlinkSync(place, { encoding: "buffer" })) : "",
        xattrs: readXattrs(fromBuffer(place)),
        content: stats.isFile() ? digestOfFile(place) : undefined,
      }),
    );
    if (!stats.isDirectory()) return;
    const names = readdirSync(place, { encoding: "buffer" }).map(fromBuffer);
    for (const name of names.sort()) visit(joinPath(path, name));
  };
  visit("");
  return lines;
}

interface Facts {
  readonly path: ByteString;
  readonly mode: number;
  readonly owner: string;
  readonly size: number | undefined;
  readonly mtimeNs: bigint;
  readonly nlink: number;
  readonly first: ByteString;
  readonly device: string;
  readonly target: ByteString;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly content: string | undefined;
}

function factLine(facts: Facts): string {
  const xattrs = [...facts.xattrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escapeName(name)}=${digest(value)}`);
  const { path, mode, owner, size, mtimeNs, nlink, first, device, target, content } = facts;
  const words = [mode.toString(8), owner, size, mtimeNs, nlink, device, escapeName(target), content, ...xattrs];
  return `/${escapeName(path)} = /${escapeName(first)}: ${words.join(" ")}`;
}

function contentOf(index: LayerIndex, entry: number, tar: Uint8Array): string {
  const size = index.columns.size[entry] as number;
  const sparse = index.sparse(entry);
  const storedSize = sparse?.reduce((sum, { length }) => sum + length, 0) ?? size;
  const dataOffset = index.columns.dataOffset[entry] as number;
  const content = entryContent(memorySource(tar), { size, sparse, storedSize, dataOffset });
  const bytes = new Uint8Array(size);
  content.readSync?.(bytes, 0);
  return digest(bytes);
}

function digestOfFile(path: Buffer): string {
  const fd = openSync(path, "r");
  try {
    const hash = createHash("sha1");
    const buffer = Buffer.alloc(1 << 16);
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) hash.update(buffer.subarray(0, n));
    return hash.digest("hex").slice(0, 12);
  } finally {
    closeSync(fd);
  }
}

function digest(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex").slice(0, 12);
}

function deviceText(rdev: bigint): string {
  return `${((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)}:${(rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)}`;
}
