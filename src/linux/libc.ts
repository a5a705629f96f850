import { createRequire } from "node:module";
import { arch, constants, platform } from "node:os";
import { getSystemErrorName } from "node:util";
import { type ByteString, StrataError, toBuffer, toText } from "../base/index.ts";

/** The functions of the C library that this room calls, paths as NUL-terminated bytes; each returns -1 on failure. */
export interface Libc {
  llistxattr(path: Buffer, list: Buffer, size: number): number;
  lgetxattr(path: Buffer, name: Buffer, value: Buffer, size: number): number;
  lsetxattr(path: Buffer, name: Buffer, value: Uint8Array, size: number, flags: number): number;
  mknod(path: Buffer, mode: number, device: bigint): number;
  utimensat(directory: number, path: Buffer, times: BigInt64Array, flags: number): number;
  flock(fd: number, operation: number): number;
  renameat2(fromDirectory: number, from: Buffer, toDirectory: number, to: Buffer, flags: number): number;
  /** The errno of the last call of this thread. */
  errno(): number;
}

/** The part of the FFI library that is used here. */
export interface Koffi {
  load(name: string): { func(prototype: string): KoffiFunction };
  errno(): number;
}

interface KoffiFunction {
  (...values: unknown[]): number;
  /** The last value is called with an error or null, and the result. */
  async(...values: unknown[]): void;
}

let loaded: Libc | undefined;

/** Whether the calls of this room reach a Linux kernel. */
export function isLinux(): boolean {
  return platform() === "linux";
}

/** @throws StrataError `linux-only` (unsupported) on other systems */
export function assertLinux(): void {
  if (isLinux()) return;
  throw new StrataError({ code: "linux-only", kind: "unsupported", message: "This needs a Linux kernel" });
}

/**
 * The C library, loaded at the first call.
 * @throws StrataError `linux-only` (unsupported) on other systems
 */
export function libc(): Libc {
  loaded ??= loadLibc();
  return loaded;
}

/** Bytes as C wants them. Whoever has a NUL in a path has no path. */
export function cString(bytes: ByteString): Buffer {
  if (bytes.includes("\0")) throw errnoError("open", 22, bytes);
  return toBuffer(`${bytes}\0`);
}

/** PATH_MAX of the kernel, the NUL included. */
const LONGEST_PATH = 4096;
const onePath = Buffer.alloc(LONGEST_PATH);

/**
 * {@link cString} of a path for one synchronous call, in a buffer that the next call of this function fills anew: to make one
 * for each of many files costs more than the calls. @throws an errno error: `ENAMETOOLONG`
 */
export function pathBuffer(path: ByteString): Buffer {
  if (path.includes("\0")) throw errnoError("open", 22, path);
  if (path.length >= LONGEST_PATH) throw errnoError("open", constants.errno.ENAMETOOLONG, path);
  onePath[onePath.write(path, 0, "latin1")] = 0;
  return onePath;
}

/** Errors of Linux that Node has no names for. */
const NAMELESS: ReadonlyMap<number, string> = new Map([
  [15, "ENOTBLK"],
  [117, "EUCLEAN"],
]);

/** An error as Node's own file functions throw it: `code`, `errno`, `syscall`, `path`. */
export function errnoError(syscall: string, errno: number, path: ByteString): NodeJS.ErrnoException {
  const code = NAMELESS.get(errno) ?? getSystemErrorName(-errno);
  const shown = toText(path);
  return Object.assign(new Error(`${code}: ${syscall} '${shown}'`), { code, errno: -errno, syscall, path: shown });
}

/** Throws the {@link errnoError} of a call that returned -1. */
export function assertDone(result: number, syscall: string, path: ByteString): void {
  if (result < 0) throw errnoError(syscall, libc().errno(), path);
}

/**
 * One more function of the C library, by its prototype; it is looked up at the first call. Each module of this room
 * declares those that it alone needs.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what its prototype takes
export function libcFunction<Values extends readonly unknown[]>(prototype: string): (...values: Values) => number {
  let call: ((...values: unknown[]) => number) | undefined;
  return (...values) => {
    call ??= library().func(prototype);
    return call(...values);
  };
}

/** {@link libcFunction} for calls that may take long: they run on a thread of Node's pool. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what its prototype takes
export function libcFunctionAsync<Values extends readonly unknown[]>(
  prototype: string,
): (...values: Values) => Promise<number> {
  let call: KoffiFunction | undefined;
  return (...values) => {
    call ??= library().func(prototype);
    const called = call;
    return new Promise((resolve, reject) => {
      called.async(...values, (error: Error | null, result: number) =>
        error === null ? resolve(result) : reject(error),
      );
    });
  };
}

let opened: ReturnType<Koffi["load"]> | undefined;

function library(): ReturnType<Koffi["load"]> {
  opened ??= openLibrary();
  return opened;
}

function openLibrary(): ReturnType<Koffi["load"]> {
  assertLinux();
  return loadFirst(loadKoffi(), ["libc.so.6", "libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]);
}

function loadLibc(): Libc {
  const func = (prototype: string): ((...values: unknown[]) => number) => library().func(prototype);
  return {
    llistxattr: func("int64_t llistxattr(const void *path, void *list, size_t size)"),
    lgetxattr: func("int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)"),
    lsetxattr: func("int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)"),
    mknod: func("int mknod(const void *path, uint32_t mode, uint64_t device)"),
    utimensat: func("int utimensat(int directory, const void *path, const void *times, int flags)"),
    flock: func("int flock(int fd, int operation)"),
    renameat2: func(
      "int renameat2(int fromDirectory, const void *from, int toDirectory, const void *to, unsigned int flags)",
    ),
    errno: () => loadKoffi().errno(),
  };
}

let required: Koffi | undefined;

/**
 * Required, not imported: the library is large, synchronous to load, and most runs never need it. Once: to be asked for an
 * errno must cost nothing.
 */
export function loadKoffi(): Koffi {
  required ??= requireKoffi(createRequire(import.meta.url));
  return required;
}

/**
 * The library's binary, without the JavaScript around it: finding out which binary to load takes that six times as long as
 * loading it. A binary for another C library cannot be loaded; then, and where it lies elsewhere, that JavaScript decides.
 */
function requireKoffi(require: NodeJS.Require): Koffi {
  try {
    return require(`@koromix/koffi-${platform()}-${arch()}/${platform()}_${arch()}/koffi.node`) as Koffi;
  } catch {
    return require("koffi") as Koffi;
  }
}

function loadFirst(koffi: Koffi, names: readonly string[]): ReturnType<Koffi["load"]> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new StrataError({
    code: "no-libc",
    kind: "unsupported",
    message: `Cannot load the C library: tried ${names.join(", ")}`,
    cause: failures[0],
  });
}
