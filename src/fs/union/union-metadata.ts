import { posix } from "node:path";
import { type ByteString, toText } from "../../base/index.ts";
import type { SparseRun } from "../../tar/index.ts";
import type { FileType } from "../../tree/index.ts";
import { assertInteger, assertNotCancelled } from "../argument-error.ts";
import { constants } from "../constants.ts";
import { errnoError } from "../errno-error.ts";
import { type FileBigIntStats, FileStats } from "../file-stats.ts";
import { ImageDir, type OpendirOptions } from "../image-dir.ts";
import { ImageDirent } from "../image-dirent.ts";
import type { StatOptions, XattrOptions } from "../image-metadata.ts";
import { type PathLike, parsePath } from "../image-path.ts";
import type { ReaddirOptions } from "../list-directory.ts";
import { type EncodeName, encoderFor, type NameEncoding, type NameOptions, optionsOf } from "../name-encoding.ts";
import { statsOf, type UnionCore } from "./union-core.ts";
import type { UnionNode } from "./union-tree.ts";

/** One file that a walk through a union meets. */
export interface UnionWalkEntry<Name extends string | Buffer = string> {
  /** Absolute, without symlinks in it. */
  readonly path: Name;
  /** Last part of the path; empty for the root. */
  readonly name: Name;
  readonly type: FileType;
  /** As `lstat` gave it when the walk passed by. */
  stat(): FileStats;
}

/** How a walk names files, and until when it goes on. */
export interface UnionWalkOptions {
  /** `buffer` gives exact bytes. Default `utf8`. */
  readonly encoding?: NameEncoding | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Name = string | Buffer;

/** Every function of a union that looks at files without reading their content. */
export function metadataOfUnion(core: UnionCore) {
  return {
    stat: (path: PathLike, options?: StatOptions | null) => statPath(core, path, { ...options, syscall: "stat" }),
    lstat: (path: PathLike, options?: StatOptions | null) => statPath(core, path, { ...options, syscall: "lstat" }),
    access: (path: PathLike, mode?: number | null) => checkAccess(core, path, mode ?? constants.F_OK),
    exists: async (path: PathLike) => {
      try {
        await checkAccess(core, path, constants.F_OK);
        return true;
      } catch {
        return false;
      }
    },
    readlink: (path: PathLike, options?: NameOptions) => readLink(core, path, options),
    realpath: (path: PathLike, options?: NameOptions) => realPath(core, path, options),
    readdir: (path: PathLike, options?: ReaddirOptions | NameEncoding | null) => readDirectory(core, path, options),
    opendir: (path: PathLike, options?: OpendirOptions) => openDirectory(core, path, options),
    listxattr: async (path: PathLike, options?: XattrOptions) =>
      [...(await xattrsOf(core, path, "listxattr", options)).keys()].sort(),
    getxattr: async (path: PathLike, name: string, options?: XattrOptions) => {
      const value = (await xattrsOf(core, path, "getxattr", options)).get(name);
      if (value === undefined) throw errnoError("ENODATA", { syscall: "getxattr", path: parsePath(path).text });
      return Buffer.from(value);
    },
    dataRuns: (path: PathLike, follow: boolean) => dataRunsOf(core, path, follow),
    walk: (path: PathLike = "/", options: UnionWalkOptions = {}) => walk(core, path, options),
  };
}

async function statPath(
  core: UnionCore,
  path: PathLike,
  options: StatOptions & { readonly syscall: "stat" | "lstat" },
): Promise<FileStats | FileBigIntStats | undefined> {
  const { bytes, text } = parsePath(path);
  const call = { syscall: options.syscall, path: text };
  try {
    return await core.look(call, async () => {
      const node = await core.find(bytes, call, options.syscall === "stat");
      return statsOf(await core.factsOf(node), options.bigint);
    });
  } catch (error) {
    if (options.throwIfNoEntry === false && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** As to root: everything may be read and written, a file executed only when somebody has an x bit. */
async function checkAccess(core: UnionCore, path: PathLike, mode: number): Promise<void> {
  const { bytes, text } = parsePath(path);
  assertInteger(mode, "mode", 0, constants.R_OK | constants.W_OK | constants.X_OK);
  const call = { syscall: "access", path: text };
  const { type, facts } = await core.look(call, () => core.find(bytes, call));
  const mayRun = type === "directory" || (facts.mode & 0o111) !== 0;
  if ((mode & constants.X_OK) !== 0 && !mayRun) throw errnoError("EACCES", call);
}

/** As `dataRuns` of `ReadFsLike`. @param follow a symlink in the last place */
export async function dataRunsOf(
  core: UnionCore,
  path: PathLike,
  follow: boolean,
): Promise<readonly SparseRun[] | undefined> {
  const { bytes, text } = parsePath(path);
  const call = { syscall: "open", path: text };
  return core.look(call, async () => {
    const node = await core.find(bytes, call, follow);
    return node.type === "file" ? await core.tree.branchOf(node).dataRuns(node.path) : undefined;
  });
}

async function readLink(core: UnionCore, path: PathLike, options: NameOptions): Promise<Name> {
  const { bytes, text } = parsePath(path);
  const encode = encoderFor(optionsOf(options).encoding);
  const call = { syscall: "readlink", path: text };
  return core.look(call, async () => {
    const node = await core.find(bytes, call, false);
    if (node.type !== "symlink") throw errnoError("EINVAL", call);
    return encode(await core.tree.readLink(node));
  });
}

async function realPath(core: UnionCore, path: PathLike, options: NameOptions): Promise<Name> {
  const { bytes, text } = parsePath(path);
  const encode = encoderFor(optionsOf(options).encoding);
  const call = { syscall: "realpath", path: text };
  return encode(`/${(await core.look(call, () => core.find(bytes, call))).path}`);
}

interface Listed {
  readonly name: ByteString;
  readonly type: FileType;
  /** The directory's path from the listed one; empty for itself. */
  readonly way: ByteString;
}

async function readDirectory(
  core: UnionCore,
  path: PathLike,
  options?: ReaddirOptions | NameEncoding | null,
): Promise<Name[] | ImageDirent<Name>[]> {
  const { bytes, text, given } = parsePath(path);
  const { encoding, withFileTypes, recursive = false } = optionsOf<ReaddirOptions>(options);
  const encode = encoderFor(encoding);
  const call = { syscall: "scandir", path: text };
  const listed = await core.look(call, () => listDirectory(core, bytes, { call, recursive }));
  if (withFileTypes !== true) return listed.map(({ way, name }) => encode(way === "" ? name : `${way}/${name}`));
  return listed.map((entry) => direntOf(entry, { given, bytes, encode }));
}

async function openDirectory(core: UnionCore, path: PathLike, options?: OpendirOptions): Promise<ImageDir> {
  const { bytes, text, given } = parsePath(path);
  const { encoding, recursive = false } = optionsOf<OpendirOptions>(options);
  const encode = encoderFor(encoding);
  const call = { syscall: "opendir", path: text };
  const listed = await core.look(call, () => listDirectory(core, bytes, { call, recursive }));
  return new ImageDir(text, listed.map((entry) => direntOf(entry, { given, bytes, encode })).values());
}

function direntOf(
  { way, name, type }: Listed,
  { given, bytes, encode }: { readonly given: Name; readonly bytes: ByteString; readonly encode: EncodeName },
): ImageDirent<Name> {
  return new ImageDirent(encode(name), way === "" ? given : encode(posix.join(bytes, way)), type);
}

async function listDirectory(
  core: UnionCore,
  path: ByteString,
  {
    call,
    recursive,
  }: { readonly call: { readonly syscall: string; readonly path: string }; readonly recursive: boolean },
): Promise<Listed[]> {
  const top = await core.find(path, call);
  if (top.type !== "directory") throw errnoError("ENOTDIR", call);
  const listed: Listed[] = [];
  const visit = async (directory: UnionNode, way: ByteString): Promise<void> => {
    for (const [name, type] of await core.tree.list(directory)) {
      listed.push({ name, type, way });
      if (!recursive || type !== "directory") continue;
      const child = await core.tree.child(directory, name);
      if (child !== undefined) await visit(child, way === "" ? name : `${way}/${name}`);
    }
  };
  await visit(top, "");
  return listed;
}

async function xattrsOf(
  core: UnionCore,
  path: PathLike,
  syscall: string,
  { followSymlinks = true }: XattrOptions = {},
): Promise<Map<string, Uint8Array>> {
  const { bytes, text } = parsePath(path);
  const call = { syscall, path: text };
  return core.look(call, async () => core.tree.xattrs(await core.find(bytes, call, followSymlinks)));
}

/** Directory by directory, so that whoever takes the entries may change the union meanwhile. */
async function* walk(
  core: UnionCore,
  path: PathLike,
  { encoding, signal }: UnionWalkOptions,
): AsyncGenerator<UnionWalkEntry<Name>> {
  const { bytes, text } = parsePath(path);
  const encode = encoderFor(encoding);
  const call = { syscall: "stat", path: text };
  const visit = async (node: UnionNode): Promise<UnionWalkEntry<Name>> => {
    const facts = await core.factsOf(node);
    const { type, name } = node;
    return { path: encode(`/${node.path}`), name: encode(name), type, stat: () => new FileStats(facts) };
  };
  const top = await core.look(call, async () => {
    const node = await core.find(bytes, call);
    return { node, entry: await visit(node) };
  });
  yield top.entry;
  if (top.node.type === "directory") yield* below(top.node.path);

  async function* below(directory: ByteString): AsyncGenerator<UnionWalkEntry<Name>> {
    const children = await core.look({ syscall: "scandir", path: `/${toText(directory)}` }, async () => {
      const node = await core.tree.at(directory);
      const found: { readonly node: UnionNode; readonly entry: UnionWalkEntry<Name> }[] = [];
      if (node?.type !== "directory") return found;
      for await (const child of core.tree.children(node)) found.push({ node: child, entry: await visit(child) });
      return found;
    });
    for (const { node, entry } of children) {
      assertNotCancelled(signal);
      yield entry;
      if (node.type === "directory") yield* below(node.path);
    }
  }
}
