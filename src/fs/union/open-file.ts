import { constants } from "../constants.ts";
import { errnoError, type FailedCall } from "../errno-error.ts";
import { type FileFacts, factsOf } from "../file-stats.ts";
import type { HandleLike, ReadHandleLike } from "../fs-like.ts";
import { type PathLike, parsePath } from "../image-path.ts";
import { nanosecondsOf, toSeconds } from "../time-argument.ts";
import { fsPath } from "./branch.ts";
import { assertFree, makeName } from "./change-names.ts";
import { copyUp, isInUpper } from "./copy-up.ts";
import { setMode, setOwner, setTimes, type Times } from "./set-attributes.ts";
import { isWriting, permissionsOf, type UnionCore } from "./union-core.ts";
import { type OpenedFile, UnionFileHandle } from "./union-file-handle.ts";
import type { UnionNode } from "./union-tree.ts";
import { walkTo } from "./walk-to.ts";

const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * open(2): writing copies the file up, creating makes it.
 * @throws ENXIO for devices and pipes: an image holds none of their content
 */
export async function openFile(
  core: UnionCore,
  path: PathLike,
  { flags, mode }: { readonly flags: number; readonly mode: number },
): Promise<UnionFileHandle> {
  const call = { syscall: "open", path: parsePath(path).text };
  const mayChange = isWriting(flags) || (flags & O_CREAT) !== 0;
  const open = (): Promise<UnionFileHandle> => openNow(core, path, { flags, mode, call });
  return mayChange ? core.change(call, open) : core.look(call, open);
}

interface Opening {
  readonly flags: number;
  readonly mode: number;
  readonly call: FailedCall;
}

async function openNow(core: UnionCore, path: PathLike, opening: Opening): Promise<UnionFileHandle> {
  const { flags, call } = opening;
  const node = await findOrMake(core, path, opening);
  const isDirectory = node.type === "directory";
  if ((flags & O_DIRECTORY) !== 0 && !isDirectory) throw errnoError("ENOTDIR", call);
  if (node.type === "symlink") throw errnoError("ELOOP", call);
  if (isDirectory && (isWriting(flags) || (flags & O_CREAT) !== 0)) throw errnoError("EISDIR", call);
  if (isDirectory) return new UnionFileHandle(openedOf(core, node, { handle: undefined, flags }));
  if (node.type !== "file") throw errnoError("ENXIO", call);
  const isTruncated = (flags & O_TRUNC) !== 0;
  if (isWriting(flags)) await copyUp(core, node, { call, isTruncated });
  const handle = await core.tree.branchOf(node).fs.open(fsPath(node.path), flags & (O_WRONLY | O_RDWR));
  const opened = openedOf(core, node, { handle, flags });
  if (isTruncated) await truncateNow(core, node, opened);
  return new UnionFileHandle(opened);
}

/** Not by O_TRUNC: memory and disks would each set times by their own clock. */
async function truncateNow(core: UnionCore, node: UnionNode, opened: OpenedFile): Promise<void> {
  const { upper } = core;
  await withWriter(core, node, async (writer) => {
    await writer.truncate(0);
    if (upper.fixedTime === undefined) await setTimesOf(writer, { atimeNs: upper.now, mtimeNs: upper.now });
  });
  await opened.changed();
}

async function setTimesOf(handle: HandleLike, { atimeNs, mtimeNs }: Times): Promise<void> {
  if (handle.setTimes !== undefined) await handle.setTimes(atimeNs, mtimeNs);
  else await handle.utimes(toSeconds(atimeNs), toSeconds(mtimeNs));
}

async function withWriter(
  { upper }: UnionCore,
  node: UnionNode,
  use: (handle: HandleLike) => Promise<void>,
): Promise<void> {
  const writer = await upper.fs.open(fsPath(node.path), O_RDWR);
  try {
    await use(writer);
  } finally {
    await writer.close();
  }
}

async function findOrMake(core: UnionCore, path: PathLike, { flags, mode, call }: Opening): Promise<UnionNode> {
  const { bytes } = parsePath(path);
  const creates = (flags & O_CREAT) !== 0;
  const isExclusive = creates && (flags & O_EXCL) !== 0;
  if (!creates) return core.find(bytes, call, (flags & O_NOFOLLOW) === 0);
  const itself = await walkTo(core.tree, bytes, { follow: "never", call });
  const isFollowed = !isExclusive && (flags & O_NOFOLLOW) === 0 && itself.node?.type === "symlink" && !itself.hasSlash;
  const place = isFollowed ? await walkTo(core.tree, bytes, { follow: "always", call }) : itself;
  if (place.last === "name" && place.hasSlash) throw errnoError("EISDIR", call);
  if (place.node !== undefined && !isExclusive) return place.node;
  assertFree(place, call, false);
  const bits = permissionsOf(mode, core.umask);
  const make = (made: string): Promise<void> => core.upper.makeEmpty(made, bits);
  await makeName(core, place, { call, isDirectory: false, mode: bits, make });
  return (await core.tree.child(place.directory, place.name)) as UnionNode;
}

function openedOf(
  core: UnionCore,
  node: UnionNode,
  { handle, flags }: { readonly handle: ReadHandleLike | HandleLike | undefined; readonly flags: number },
): OpenedFile {
  const branch = node.branches[0] as number;
  const isOurs = isInUpper(node) && handle !== undefined;
  const writer = isOurs ? (handle as HandleLike) : undefined;
  const { fixedTime } = core.upper;
  return {
    handle,
    flags,
    facts: async () => (handle === undefined ? factsNow(core, node) : core.translate(await statOf(handle), branch)),
    chmod: (mode) =>
      writer === undefined ? raised(core, node, "fchmod", (n) => setMode(core, n, mode)) : writer.chmod(mode),
    chown: (uid, gid) =>
      writer === undefined
        ? raised(core, node, "fchown", (n) => setOwner(core, n, { uid, gid }))
        : writer.chown(uid, gid),
    utimes: async (atime, mtime) => {
      const times = { atimeNs: nanosecondsOf(atime, "atime"), mtimeNs: nanosecondsOf(mtime, "mtime") };
      if (writer === undefined) await raised(core, node, "futime", (n) => setTimes(core, n, times));
      else await setTimesOf(writer, times);
    },
    append: (write) => core.append(write),
    changed: async () => {
      if (fixedTime === undefined || writer === undefined) return;
      await setTimesOf(writer, { atimeNs: fixedTime, mtimeNs: fixedTime });
    },
  };
}

async function statOf(handle: ReadHandleLike): Promise<FileFacts> {
  return factsOf(await handle.stat({ bigint: true }));
}

async function factsNow(core: UnionCore, node: UnionNode): Promise<FileFacts> {
  const call = { syscall: "fstat" };
  return core.look(call, async () => core.factsOf((await core.tree.at(node.path)) ?? node));
}

/** A change of metadata through a handle whose file lies in a lower: it is made to the file of that name. */
async function raised(
  core: UnionCore,
  node: UnionNode,
  syscall: string,
  set: (node: UnionNode) => Promise<void>,
): Promise<void> {
  const call = { syscall };
  await core.change(call, async () => {
    const current = await core.tree.at(node.path);
    if (current === undefined) throw errnoError("ENOENT", call);
    await copyUp(core, current, { call });
    await set(current);
  });
}
