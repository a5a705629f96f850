import type { ByteString } from "../base/index.ts";
import type { SkippedPart } from "./extract-options.ts";

/** Collects what a directory lacks of its tree: each kind of loss once, with its first path. */
export class Losses {
  readonly #parts = new Map<string, SkippedPart>();

  /** @param count how many files it happened to */
  add({ what, path, name, reason }: Omit<SkippedPart, "count">, count = 1): void {
    const key = `${what}\0${name}\0${reason}`;
    const known = this.#parts.get(key);
    this.#parts.set(key, { what, path: known?.path ?? path, name, reason, count: (known?.count ?? 0) + count });
  }

  addAll(parts: Iterable<SkippedPart>): void {
    for (const { count, ...part } of parts) this.add(part, count);
  }

  all(): SkippedPart[] {
    return [...this.#parts.values()];
  }
}

/** What an errno error says of an attribute that cannot be there, and nobody could do anything about it. */
const NOT_HERE = new Set(["ENOTSUP", "EOPNOTSUPP", "EPERM", "EACCES", "ENOSPC", "E2BIG", "ERANGE", "EINVAL"]);

/**
 * Does what may fail without harm (an attribute that this file system or user cannot set); other errors come through.
 * @returns the errno's name when it failed
 */
export function tolerate(act: () => void): ByteString | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!NOT_HERE.has(code)) throw error;
    return code;
  }
}
