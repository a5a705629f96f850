import * as v from "valibot";
import { StrataError } from "../../base/index.ts";
import { decodeDocument, MEDIA_TYPE, parseManifest, validateDocument } from "../../oci/index.ts";
import type { ImagePlace } from "../image-place.ts";
import { type Members, readMember } from "../members.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { layoutBlobs } from "./layout-blobs.ts";
import { createOciPlace } from "./oci-place.ts";

const layoutSchema = v.object({ imageLayoutVersion: v.string() });

/**
 * The images of an OCI layout (image-spec image-layout.md), in a directory or an archive; the members belong to the
 * place. A layout without its `oci-layout` file is taken as one, as skopeo does; one of another version is refused.
 */
export async function openOciLayoutPlace(
  transport: "oci" | "oci-archive",
  members: Members,
  options: ResolvedOptions,
): Promise<ImagePlace> {
  const maxBytes = options.limits.maxDocumentBytes;
  await assertVersion(members, maxBytes);
  const what = "index.json";
  const bytes = await readMember(members, what, { what, maxBytes });
  if (bytes === undefined) throw notALayout(members);
  const index = parseManifest(bytes, { what, mediaType: MEDIA_TYPE.ociIndex, maxBytes });
  const roots = index.kind === "index" ? index.manifests : [];
  const dispose = (): PromiseLike<void> => members[Symbol.asyncDispose]();
  return createOciPlace({ transport, blobs: layoutBlobs(members), roots, dispose }, options);
}

async function assertVersion(members: Members, maxBytes: number): Promise<void> {
  const what = "oci-layout";
  const bytes = await readMember(members, what, { what, maxBytes });
  if (bytes === undefined) return;
  const document = decodeDocument(bytes, { what, maxBytes });
  const { imageLayoutVersion: version } = validateDocument(layoutSchema, document, {
    what,
    code: "invalid-oci-layout",
  });
  if (version.startsWith("1.")) return;
  throw new StrataError({
    code: "unsupported-layout-version",
    kind: "unsupported",
    message: `${members.place} is an OCI layout of version ${JSON.stringify(version)}, not 1.0.0`,
  });
}

function notALayout({ place }: Members): StrataError {
  return new StrataError({
    code: "not-an-oci-layout",
    kind: "malformed",
    message: `${place} is not an OCI layout: it has no index.json`,
    hint: "Leave the transport out to have the format detected",
  });
}
