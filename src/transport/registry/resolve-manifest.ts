import { StrataError } from "../../base/index.ts";
import type { RawDocument } from "../../image/index.ts";
import { formatReference, MEDIA_TYPE, mediaKind, parseManifest, type Reference } from "../../oci/index.ts";
import { fetchManifest, type ManifestOptions, type SentManifest } from "./manifest-request.ts";
import type { Repository } from "./repository.ts";

/** What a reference asks a registry for: the digest where it has one, else the tag, else `latest`. */
export function targetOf({ digest, tag }: Reference): string {
  return digest ?? tag ?? "latest";
}

/**
 * Resolves a reference to its manifest or index, verified and of a known media type. A digest wins over a tag.
 * @throws StrataError `image-not-found`; `docker-schema1`, `ambiguous-manifest` and others of parseManifest;
 * `registry-content-type`; those of {@link fetchManifest}
 */
export async function resolveManifest(
  repository: Repository,
  reference: Reference,
  options: ManifestOptions,
): Promise<RawDocument> {
  const target = targetOf(reference);
  const sent = await fetchManifest(repository, target, options).catch((error: unknown) => {
    throw isRefusal(error) ? notForUs(formatReference({ tag: "latest", ...reference }), error) : error;
  });
  if (sent === undefined) throw notFound(repository, target);
  const { digest, bytes } = sent;
  return { mediaType: mediaTypeOf(sent, formatReference(reference)), digest, bytes };
}

/**
 * The media type of a document that nothing but a tag or digest led to. The Content-Type and the document must agree on
 * what it is; then the document's own `mediaType` counts, because its digest covers it.
 */
function mediaTypeOf({ bytes, contentType }: SentManifest, name: string): string {
  if (contentType?.startsWith("text/") === true && contentType !== "text/plain") throw wrongType(contentType, name);
  const known = contentType !== undefined && mediaKind(contentType) !== "other" ? contentType : undefined;
  const what = `manifest of ${name}`;
  const options = { what, maxBytes: bytes.length };
  const document = parseManifest(bytes, known === undefined ? options : { ...options, mediaType: known });
  return document.mediaType ?? known ?? (document.kind === "index" ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
}

function wrongType(contentType: string, name: string): StrataError {
  return new StrataError({
    code: "registry-content-type",
    kind: "malformed",
    message: `The registry answers with ${JSON.stringify(contentType)} instead of the manifest of ${name}`,
    hint: "Is this the address of a registry, or of something in front of it, such as a login page?",
  });
}

function isRefusal(error: unknown): error is StrataError {
  return error instanceof StrataError && ["registry-unauthorized", "registry-denied"].includes(error.code);
}

/** Many registries do not tell strangers whether something is there at all. */
function notForUs(name: string, cause: StrataError): StrataError {
  const { code, kind, message, details, hint } = cause;
  return new StrataError({
    code,
    kind,
    details,
    cause,
    message: `${name} is not there, or it takes a login to read it: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error for a tag or digest that a repository does not have. */
export function notFound({ place }: Repository, target: string): StrataError {
  const name = target.includes(":") ? `${place}@${target}` : `${place}:${target}`;
  return new StrataError({
    code: "image-not-found",
    kind: "not-found",
    message: `There is no image ${name}`,
    hint: "Check its name and tag",
  });
}

/** The error for a repository that a registry does not have. */
export function repositoryNotFound({ place }: Repository): StrataError {
  return new StrataError({
    code: "repository-not-found",
    kind: "not-found",
    message: `There is no repository ${place}`,
    hint: "Check its name",
  });
}
