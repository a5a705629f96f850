import { StrataError } from "../base/index.ts";
import { type Digest, isDigest } from "./digest.ts";

/** The name of an image in a registry, fully spelled out. */
export interface Reference {
  /** `host` or `host:port`. */
  readonly registry: string;
  /** Path of the repository in the registry, `library/` included. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_REGISTRY = "docker.io";
const REGISTRY =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const MAX_NAME = 255;

/**
 * Parses `[host[:port]/]repository[:tag][@digest]` by docker's grammar and fills in what docker fills in:
 * the registry docker.io, and `library/` for its official images. The tag stays as given: absent is absent.
 * @throws StrataError `invalid-reference`
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : digestOrRefuse(text, text.slice(at + 1));
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const { registry, repository } = splitName(hasTag ? named.slice(0, colon) : named);
  if (!REGISTRY.test(registry)) throw invalid(text, "its host is not valid");
  if (repository !== repository.toLowerCase()) throw invalid(text, "repository names are lower case");
  if (!REPOSITORY.test(repository)) throw invalid(text, "its repository is not valid");
  if (registry.length + repository.length >= MAX_NAME) throw invalid(text, `it is longer than ${MAX_NAME} characters`);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, "its tag is not valid");
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** {@link parseReference} without the exception. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The full spelling, host included. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** The spelling that docker shows: without `docker.io/` and `library/`. */
export function formatFamiliar(reference: Reference): string {
  const { registry, repository } = reference;
  const name =
    registry === DEFAULT_REGISTRY ? repository.replace(/^library\/(?=[^/]+$)/, "") : `${registry}/${repository}`;
  return formatReference(reference).replace(`${registry}/${repository}`, name);
}

/** Whether two names mean the same image: `latest` where the tag is left out. Unparsable ones mean themselves only. */
export function isSameReference(one: string, other: string): boolean {
  return one === other || (canonical(one) ?? one) === (canonical(other) ?? other);
}

function canonical(text: string): string | undefined {
  const reference = tryParseReference(text);
  if (reference === undefined) return undefined;
  const tag = reference.tag ?? (reference.digest === undefined ? "latest" : undefined);
  return formatReference({ ...reference, ...(tag === undefined ? {} : { tag }) });
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const registry = isHost ? first : DEFAULT_REGISTRY;
  const repository = isHost ? name.slice(slash + 1) : name;
  if (registry !== DEFAULT_REGISTRY && registry !== "index.docker.io") return { registry, repository };
  return { registry: DEFAULT_REGISTRY, repository: repository.includes("/") ? repository : `library/${repository}` };
}

function digestOrRefuse(text: string, digest: string): Digest {
  if (!isDigest(digest)) throw invalid(text, "its digest is not valid");
  return digest;
}

function invalid(text: string, problem: string): StrataError {
  return new StrataError({
    code: "invalid-reference",
    kind: "invalid-argument",
    message: `${JSON.stringify(text)} is not an image reference: ${problem}`,
    hint: "Write [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]",
  });
}
