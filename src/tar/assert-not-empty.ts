import { StrataError } from "../base/index.ts";

/**
 * Refuses an archive without a byte, where it is somebody's input: an archive without entries still has the blocks that end it,
 * and nothing at all is what a program leaves that failed before it wrote. (GNU tar and gzip refuse that, too.)
 * @param size of the uncompressed archive
 * @throws StrataError `tar-empty`
 */
export function assertNotEmpty(size: number): void {
  if (size > 0) return;
  throw new StrataError({
    code: "tar-empty",
    kind: "malformed",
    message: "The archive is empty: it has not even the blocks of zeros that end one",
    details: { offset: 0 },
    hint: "See whether the program that makes it failed; an archive without entries is `tar -cf - -T /dev/null`",
  });
}
