import { StrataError } from "../../base/index.ts";
import { algorithmOf, type Digest, isDigest } from "../../oci/index.ts";
import type { RegistryResponse } from "./http/registry-http.ts";
import type { Repository } from "./repository.ts";

/** The error for an answer that the distribution spec does not allow. `what` is a clause: `answers … without …`. */
export function breaksProtocol({ registry, place }: Repository, what: string): StrataError {
  return new StrataError({
    code: "registry-protocol",
    kind: "malformed",
    message: `The registry of ${place} ${what}`,
    details: { registry },
    hint: "Is this the address of a registry, or of something in front of it?",
  });
}

/** The error for a registry that names another digest than the bytes have. */
export function registryDigestMismatch(
  { registry, place }: Repository,
  { claimed, actual }: { readonly claimed: string; readonly actual: Digest },
): StrataError {
  return new StrataError({
    code: "registry-digest-mismatch",
    kind: "integrity",
    message: `The registry of ${place} says that the digest is ${JSON.stringify(claimed.slice(0, 160))}, but it is ${actual}`,
    details: { registry, digest: actual },
    hint: "Something between here and the registry changes what it sends, or the registry is damaged",
  });
}

/** Whether a registry or the way to it failed for the moment, so that another attempt may get further. */
export function isBroken(error: unknown): error is StrataError {
  if (!(error instanceof StrataError) || error.kind !== "unavailable") return false;
  return error.code.startsWith("registry-") || error.code === "rate-limited";
}

/** Holds a `Docker-Content-Digest` against the digest of what was sent; one of another algorithm says nothing. */
export function assertSentDigest(repository: Repository, { headers }: RegistryResponse, actual: Digest): void {
  const claimed = headers.get("docker-content-digest");
  if (claimed === undefined || claimed === actual || !isDigest(claimed)) return;
  if (algorithmOf(claimed) === algorithmOf(actual)) throw registryDigestMismatch(repository, { claimed, actual });
}
