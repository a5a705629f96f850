import type { BlobPlace } from "../../image/index.ts";
import { type Digest, digestOf, hexOf, type ImageIndex, type Manifest, parseManifest } from "../../oci/index.ts";
import type { ImagePlace } from "../image-place.ts";
import { type Members, readMember, requireMember } from "../members.ts";
import { createOciPlace } from "../oci-layout/oci-place.ts";
import type { ResolvedOptions } from "../open-options.ts";

const SIGNATURE = "Directory Transport Version:";
const MAX_VERSION_BYTES = 1024;

/** Whether a directory is what skopeo calls `dir:`: one image as loose files, marked by a `version` file. */
export async function isSkopeoDirectory(members: Members): Promise<boolean> {
  if (!(await members.has("manifest.json")) || !(await members.has("version"))) return false;
  const bytes = await readMember(members, "version", { what: "version", maxBytes: MAX_VERSION_BYTES }).catch(
    () => undefined,
  );
  return bytes !== undefined && Buffer.from(bytes).toString("latin1").startsWith(SIGNATURE);
}

/** The image of such a directory: `manifest.json`, blobs named by their hex, other manifests as `HEX.manifest.json`. */
export async function openSkopeoDirPlace(members: Members, options: ResolvedOptions): Promise<ImagePlace> {
  const what = "manifest.json";
  const maxBytes = options.limits.maxDocumentBytes;
  const bytes = await requireMember(members, what, { what, maxBytes });
  const { mediaType = "" }: Manifest | ImageIndex = parseManifest(bytes, { what, maxBytes });
  const root = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const dispose = (): PromiseLike<void> => members[Symbol.asyncDispose]();
  return createOciPlace({ transport: "dir", blobs: looseBlobs(members, root.digest), roots: [root], dispose }, options);
}

function looseBlobs(members: Members, root: Digest): BlobPlace {
  return {
    place: members.place,
    open: async (digest) => {
      if (digest === root) return await members.open("manifest.json");
      const hex = hexOf(digest);
      return (await members.open(hex)) ?? (await members.open(`${hex}.manifest.json`));
    },
  };
}
