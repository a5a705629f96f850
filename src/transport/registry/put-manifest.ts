import type { RawDocument } from "../../image/index.ts";
import { assertSentDigest } from "./registry-error.ts";
import { pathIn, type Repository, withSignal } from "./repository.ts";

/**
 * Puts a manifest or index under a tag or its digest (distribution-spec pushing-manifests). All it names is there.
 * Tells whether the registry took note of its subject (`OCI-Subject`).
 * @throws StrataError `registry-digest-mismatch`; what refuses the push
 */
export async function putManifest(
  repository: Repository,
  target: string,
  { document, signal }: { readonly document: RawDocument; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly knowsSubject: boolean }> {
  const response = await repository.http.request({
    method: "PUT",
    path: pathIn(repository, `manifests/${target}`),
    headers: { "content-type": document.mediaType },
    body: document.bytes,
    scopes: repository.scopes,
    accept: [200, 201, 202],
    // The same bytes twice are there once.
    isRepeatable: true,
    ...withSignal(signal),
  });
  await response.discard();
  assertSentDigest(repository, response, document.digest);
  return { knowsSubject: response.headers.get("oci-subject") !== undefined };
}
