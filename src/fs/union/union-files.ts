import type { SparseRun } from "../../tar/index.ts";
import { assertInteger, assertNotCancelled } from "../argument-error.ts";
import { constants } from "../constants.ts";
import { errnoError } from "../errno-error.ts";
import { type PathLike, parsePath } from "../image-path.ts";
import { ImageReadStream, type ReadStreamOptions } from "../image-read-stream.ts";
import { decoderFor, optionsOf } from "../name-encoding.ts";
import type { OpenFlags } from "../open-flags.ts";
import type { ReadFileOptions } from "../reading-handle.ts";
import { openFile } from "./open-file.ts";
import { flagsOf } from "./parse-flags.ts";
import type { UnionCore } from "./union-core.ts";
import { UnionFileHandle, type WriteFileOptions } from "./union-file-handle.ts";
import { dataRunsOf } from "./union-metadata.ts";
import { UnionWriteStream, type WriteStreamOptions } from "./union-write-stream.ts";
import type { WriteData } from "./write-data.ts";

type FileArgument = PathLike | UnionFileHandle;

const DEFAULT_MODE = 0o666;
const COPYFILE_EXCL = 1;
const COPY_CHUNK = 1024 * 1024;

/** Every function of a union that reads or writes the content of files. */
export function filesOfUnion(core: UnionCore) {
  const open = (path: PathLike, flags?: OpenFlags, mode?: number | null): Promise<UnionFileHandle> =>
    openFile(core, path, { flags: flagsOf(flags), mode: mode ?? DEFAULT_MODE });
  return {
    open,
    readFile: (file: FileArgument, options?: ReadFileOptions | BufferEncoding | null) => readFile(core, file, options),
    writeFile: (file: FileArgument, data: WriteData, options?: WriteFileOptions | BufferEncoding | null) =>
      writeFile(core, file, data, { ...optionsOf<WriteFileOptions>(options) }),
    appendFile: (file: FileArgument, data: WriteData, options?: WriteFileOptions | BufferEncoding | null) =>
      writeFile(core, file, data, { flag: "a", ...optionsOf<WriteFileOptions>(options) }),
    truncate: async (path: PathLike, length?: number | null) => {
      await using handle = await open(path, "r+");
      await handle.truncate(length);
    },
    copyFile: (from: PathLike, to: PathLike, mode = 0) => copyFile(core, { from, to }, mode),
    createReadStream: (path: PathLike, options?: ReadStreamOptions | BufferEncoding | null) => {
      const flags = typeof options === "object" ? options?.flags : undefined;
      return new ImageReadStream(parsePath(path).given, { open: () => open(path, flags), options: options ?? null });
    },
    createWriteStream: (path: PathLike, options?: WriteStreamOptions | BufferEncoding | null) => {
      const { flags, mode } = optionsOf<WriteStreamOptions>(options);
      const opening = (): Promise<UnionFileHandle> => open(path, flags ?? "w", mode);
      return new UnionWriteStream(parsePath(path).given, { open: opening, options: options ?? null });
    },
  };
}

async function readFile(
  core: UnionCore,
  file: FileArgument,
  options?: ReadFileOptions | BufferEncoding | null,
): Promise<string | Buffer> {
  if (file instanceof UnionFileHandle) return file.readFile(options);
  const { encoding, flag, signal } = optionsOf<ReadFileOptions>(options);
  decoderFor(encoding);
  assertNotCancelled(signal);
  await using handle = await openFile(core, file, { flags: flagsOf(flag), mode: DEFAULT_MODE });
  return await handle.readFile(options);
}

async function writeFile(
  core: UnionCore,
  file: FileArgument,
  data: WriteData,
  options: Partial<WriteFileOptions>,
): Promise<void> {
  const rest = options as WriteFileOptions;
  if (file instanceof UnionFileHandle) return file.writeFile(data, rest);
  assertNotCancelled(options.signal);
  const flags = flagsOf(options.flag, "w");
  await using handle = await openFile(core, file, { flags, mode: options.mode ?? DEFAULT_MODE });
  await handle.writeFile(data, rest);
  if (options.flush === true) await handle.sync();
}

async function copyFile(
  core: UnionCore,
  { from, to }: { readonly from: PathLike; readonly to: PathLike },
  mode: number,
): Promise<void> {
  assertInteger(mode, "mode", 0, 7);
  const call = { syscall: "copyfile", path: parsePath(from, "src").text, dest: parsePath(to, "dest").text };
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  try {
    await using source = await openFile(core, from, { flags: constants.O_RDONLY, mode: 0 });
    const stats = await source.stat();
    if (!stats.isFile()) throw errnoError("EISDIR", call);
    const exclusive = (mode & COPYFILE_EXCL) === 0 ? 0 : O_EXCL;
    if (exclusive === 0 && (await isSameFile(core, from, to))) return;
    await using target = await openFile(core, to, { flags: O_WRONLY | O_CREAT | exclusive, mode: stats.mode });
    const old = await target.stat();
    if (old.size > 0) await target.truncate(0);
    await copyContent(source, target, await dataRunsOf(core, from, true));
    if (old.mode !== stats.mode) await target.chmod(stats.mode & 0o7777);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || typeof (error as NodeJS.ErrnoException).errno !== "number") throw error;
    throw errnoError(code as Parameters<typeof errnoError>[0], call);
  }
}

/** Holes stay holes. */
async function copyContent(
  source: UnionFileHandle,
  target: UnionFileHandle,
  runs: readonly SparseRun[] | undefined,
): Promise<void> {
  for (const { offset, length } of runs ?? [{ offset: 0, length: undefined }]) {
    let at = offset;
    for await (const chunk of source.chunks({ start: offset, length, chunkSize: COPY_CHUNK })) {
      await target.writeAll(chunk, at);
      at += chunk.length;
    }
  }
  if (runs !== undefined) await target.truncate((await source.stat()).size);
}

/** Before the second is opened for writing, which may give it another inode. */
async function isSameFile(core: UnionCore, one: PathLike, other: PathLike): Promise<boolean> {
  const call = { syscall: "stat", path: "" };
  return core.look(call, async () => {
    const first = await core.find(parsePath(one).bytes, call);
    const second = await core.find(parsePath(other).bytes, call).catch(() => undefined);
    return first.facts.ino === second?.facts.ino && first.branches[0] === second.branches[0];
  });
}
