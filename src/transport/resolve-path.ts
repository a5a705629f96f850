import { promises as fs } from "node:fs";
import { StrataError } from "../base/index.ts";
import { type ImageName, parseSelector, type Selector, splitsOf } from "./image-name.ts";
import { STDIN } from "./open-archive.ts";

/** A path that exists, and what was written after it. */
export interface ResolvedPath {
  readonly path: string;
  readonly kind: "directory" | "file" | "stdin" | "registry";
  readonly selector: Selector | undefined;
}

/**
 * Finds out where the path ends and the selector begins: the whole text when it exists, else the shortest part before
 * a `:` or `@` that does.
 * @throws StrataError `image-not-found`, `invalid-selector`
 */
export async function resolvePath(name: ImageName): Promise<ResolvedPath> {
  if (name.transport === "docker") return { path: name.rest, kind: "registry", selector: undefined };
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
