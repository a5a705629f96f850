import { promises as fs } from "node:fs";
import { StrataError } from "../base/index.ts";
import { resolveContainersStorage } from "./containers-storage/resolve-containers-storage.ts";
import { type ImageName, parseSelector, type Selector, splitsOf } from "./image-name.ts";
import { STDIN } from "./open-archive.ts";
import { resolveStoragePath } from "./storage-driver/resolve-storage-path.ts";

/** A path that exists, and what was written after it. */
export interface ResolvedPath {
  readonly path: string;
  readonly kind: "directory" | "file" | "stdin" | "registry" | "storage";
  readonly selector: Selector | undefined;
}

/**
 * Finds out where the path ends and the selector begins: the whole text when it exists, else the shortest part before
 * a `:` or `@` that does.
 * @throws StrataError `image-not-found`, `invalid-selector`
 */
export async function resolvePath(
  name: ImageName,
  { containersStorage }: { readonly containersStorage?: string | undefined } = {},
): Promise<ResolvedPath> {
  if (name.transport === "docker") return { path: name.rest, kind: "registry", selector: undefined };
  if (name.transport === "containers-storage") return resolveContainersStorage(name.rest, containersStorage);
  if (name.transport === "docker-root") return resolveStoragePath(name.rest);
  for (const { path, selector } of splitsOf(name.rest)) {
    const kind = path === STDIN ? "stdin" : await kindOf(path);
    if (kind === undefined) continue;
    return { path, kind, selector: selector === undefined ? undefined : parseSelector(selector) };
  }
  throw notFound(name);
}

async function kindOf(path: string): Promise<"directory" | "file" | undefined> {
  try {
    return (await fs.stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    // Whatever else is wrong with it (no permission, a loop) is told by those who open it.
    const { code } = error as NodeJS.ErrnoException;
    return ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"].includes(code ?? "") ? undefined : "file";
  }
}

function notFound({ text, transport, rest }: ImageName): StrataError {
  const [whole, first] = splitsOf(rest);
  const tried = [first?.path, whole?.path].filter((path) => path !== undefined).map((path) => JSON.stringify(path));
  return new StrataError({
    code: "image-not-found",
    kind: "not-found",
    message: `Cannot find the image ${text}: there is no file or directory ${tried.join(" or ")}`,
    details: { image: text },
    hint:
      transport === undefined
        ? "Images are read from files and directories; save one with `docker save IMAGE -o FILE` or `skopeo copy docker://IMAGE oci:DIRECTORY`"
        : "Check the path",
  });
}

/** Whether a text, or its part before a selector, is a path of this machine: then it is not a reference to a registry. */
export async function leadsToPath(text: string): Promise<boolean> {
  for (const { path } of splitsOf(text)) {
    if ((await kindOf(path)) !== undefined) return true;
  }
  return false;
}
