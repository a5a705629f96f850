import { type ByteString, StrataError, toText } from "../base/index.ts";
import { assertDone, assertLinux, cString, libcFunction } from "./libc.ts";
import { mountError } from "./mount-error.ts";

const [MNT_DETACH, UMOUNT_NOFOLLOW] = [2, 8];
const callUnmount = libcFunction<[Buffer, number]>("int umount2(const void *target, int flags)");

/** How something is unmounted. */
export interface UnmountOptions {
  /** Out of sight at once, gone when its last user is: for mounts that may be busy and must not stand in the way. */
  readonly isLazy?: boolean;
}

/**
 * Unmounts what is on top at a path. A link is not followed: a name that somebody exchanged for a link unmounts nothing.
 * @throws StrataError `not-mounted` when nothing is mounted there, `mount-busy`, `mount-not-permitted`,
 *   `mount-path-missing`, `mount-refused`
 */
export function unmount(target: ByteString, { isLazy = false }: UnmountOptions = {}): void {
  assertLinux();
  const what = `Cannot unmount "${toText(target)}"`;
  try {
    assertDone(callUnmount(cString(target), UMOUNT_NOFOLLOW | (isLazy ? MNT_DETACH : 0)), "umount2", target);
  } catch (error) {
    // EINVAL has other causes as well; for a mount of somebody else's namespace the words are as true.
    if (error instanceof Error && "code" in error && error.code === "EINVAL") throw notMounted(what, target, error);
    throw mountError(error, what, { path: toText(target) });
  }
}

function notMounted(what: string, target: ByteString, cause: unknown): StrataError {
  return new StrataError({
    code: "not-mounted",
    kind: "failed-precondition",
    message: `${what}: nothing is mounted there`,
    details: { path: toText(target) },
    cause,
  });
}
