import { existsSync } from "node:fs";
import type { Selector } from "../image-name.ts";

/** A root of a container engine, and which image in it. */
export interface StoragePath {
  readonly path: string;
  readonly kind: "storage";
  readonly selector: Selector | undefined;
}

/**
 * Splits `ROOT#SELECTOR`: at the first `#` with an existing path before it, and not at all when the whole exists. What
 * does not exist is told by whoever opens it.
 */
export function resolveStoragePath(rest: string): StoragePath {
  if (!existsSync(rest)) {
    for (let at = rest.indexOf("#"); at > 0; at = rest.indexOf("#", at + 1)) {
      const path = rest.slice(0, at);
      if (existsSync(path)) return storagePath(path, rest.slice(at + 1));
    }
  }
  return storagePath(rest, "");
}

/** A root with what selects an image there; `""` selects nothing. */
export function storagePath(path: string, name: string): StoragePath {
  return { path, kind: "storage", selector: name === "" ? undefined : { kind: "name", name } };
}
