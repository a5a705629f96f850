import { constants, platform } from "node:os";
import { errnoError, isLinux, libc, loadKoffi } from "./libc.ts";

/** LOCK_SH, LOCK_EX, LOCK_NB and LOCK_UN of sys/file.h, the same on Linux and macOS. */
const [SHARED, EXCLUSIVE, NON_BLOCKING, UNLOCK] = [1, 2, 4, 8];
const { EINTR, EWOULDBLOCK } = constants.errno;

/**
 * Takes a lock on an open file or directory (flock(2)) without ever waiting: false while somebody else holds one that
 * excludes it. The lock belongs to this opening of the file: another one in the same process is a stranger to it. It ends
 * with {@link unlock}, when the descriptor is closed, and with the process, however it ends. Asking again changes the mode.
 *
 * Linux and macOS only; elsewhere nothing is locked and the answer is always true.
 * @throws an errno error as Node's: `EBADF`, `ENOLCK` …
 */
export function tryLock(fd: number, mode: "shared" | "exclusive"): boolean {
  return flock(fd, (mode === "shared" ? SHARED : EXCLUSIVE) | NON_BLOCKING);
}

/** Lets go of the lock that {@link tryLock} took. Without one it does nothing. @throws an errno error as Node's */
export function unlock(fd: number): void {
  flock(fd, UNLOCK);
}

interface Flock {
  call(fd: number, operation: number): number;
  errno(): number;
}

let loaded: Flock | undefined;

function flock(fd: number, operation: number): boolean {
  loaded ??= loadFlock();
  while (loaded.call(fd, operation) < 0) {
    const errno = loaded.errno();
    if (errno === EWOULDBLOCK) return false;
    if (errno !== EINTR) throw errnoError("flock", errno, `fd ${fd}`);
  }
  return true;
}

function loadFlock(): Flock {
  if (isLinux()) return { call: (fd, operation) => libc().flock(fd, operation), errno: () => libc().errno() };
  if (platform() !== "darwin") return { call: () => 0, errno: () => 0 };
  const koffi = loadKoffi();
  const call = koffi.load("/usr/lib/libSystem.B.dylib").func("int flock(int fd, int operation)");
  return { call, errno: () => koffi.errno() };
}
