import { basename, dirname } from "node:path";
import { StrataError } from "../base/index.ts";
import { type DestinationKind, TRANSPORTS } from "../transport/index.ts";

/** What `cp` was asked to copy, before anything is looked up. */
export interface CopyRequest {
  readonly image: string;
  readonly paths: readonly string[];
  readonly destination: string;
}

/**
 * Reads the words of `cp`: `IMAGE:/PATH… DEST` or `IMAGE PATH… DEST`.
 *
 * @throws StrataError `invalid-usage`
 */
export function parseCopyRequest(words: readonly string[]): CopyRequest {
  const destination = words.at(-1);
  const [first, ...others] = words.slice(0, -1);
  if (destination === undefined || first === undefined) throw usage("Something to copy and a destination are needed");
  const joined = splitImagePath(first);
  if (joined === undefined) {
    if (others.length === 0) throw usage(`"${first}" names no path inside the image`);
    return { image: first, paths: others, destination };
  }
  const rest = others.map((word) => splitImagePath(word) ?? { image: undefined, path: word });
  const stranger = rest.find(({ image }) => image !== joined.image);
  if (stranger !== undefined) throw usage("All paths must be of one image: IMAGE:/PATH IMAGE:/PATH … DEST");
  return { image: joined.image, paths: [joined.path, ...rest.map(({ path }) => path)], destination };
}

/** `IMAGE:/PATH` at its last `:/`, unless what stands before is only a transport's name. */
function splitImagePath(word: string): { image: string; path: string } | undefined {
  const at = word.lastIndexOf(":/");
  if (at <= 0) return undefined;
  const image = word.slice(0, at);
  if ((TRANSPORTS as readonly string[]).includes(image)) return undefined;
  return { image, path: word.slice(at + 1) };
}

/** Something to copy: what it is, and what the user called it. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Where a source goes. */
export interface CopyPlan {
  /** An existing directory of the host. */
  readonly directory: string;
  /** The source's name there; undefined: only what is in the source goes there. */
  readonly name: string | undefined;
  /** `directory` has to be made first. */
  readonly makesDirectory: boolean;
}

/**
 * Decides where a source goes, as `docker cp` does: a directory that exists receives the source under its name, or only
 * its contents when the path ends with `/.`; a destination that does not exist becomes the copy.
 *
 * @throws StrataError `copy-refused`
 */
export function planCopy(source: CopySource, destination: string, kind: DestinationKind): CopyPlan {
  const isContents = source.isDirectory && /(?:^|\/)\.$|^\/*$/.test(source.path);
  if (kind === "directory") {
    return { directory: destination, name: isContents ? undefined : basename(source.path), makesDirectory: false };
  }
  const named = { directory: dirname(destination), name: basename(destination), makesDirectory: false };
  if (kind === "other") {
    if (!source.isDirectory && !destination.endsWith("/")) return named;
    throw refused(`Cannot copy to ${destination}: it is not a directory`);
  }
  if (isContents) return { directory: destination, name: undefined, makesDirectory: true };
  if (!source.isDirectory && destination.endsWith("/")) {
    throw refused(`Cannot copy a file to ${destination}: there is no such directory`);
  }
  return named;
}

function refused(message: string): StrataError {
  return new StrataError({ code: "copy-refused", kind: "failed-precondition", message });
}

function usage(message: string): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message,
    hint: "strata cp IMAGE:/PATH DEST, or strata cp IMAGE PATH… DEST",
  });
}
