import { memorySource } from "../../base/index.ts";
import type { LocatedSource } from "../../content/index.ts";
import type { BlobPlace } from "../../image/index.ts";
import { type Descriptor, type Digest, isForeignLayer, parseManifest } from "../../oci/index.ts";
import { blobSource } from "./blob-source.ts";
import { fetchManifest, type ManifestOptions } from "./manifest-request.ts";
import { breaksProtocol } from "./registry-error.ts";
import { statBlob } from "./remote-blob.ts";
import type { Repository } from "./repository.ts";

/** Blobs and manifests of a repository. */
export interface RegistryBlobs extends BlobPlace {
  /** Takes in a document that was fetched and verified already. */
  remember(digest: Digest, bytes: Uint8Array): void;
}

/** Documents of one image are read two or three times, one after the other. */
const MAX_REMEMBERED = 16 * 1024 ** 2;

/**
 * The blobs of a repository. A manifest is fetched whole, verified, when it is opened. Of another blob nothing is
 * fetched before it is read; its length is what a manifest from here said, else the registry is asked for it.
 */
export function createRegistryBlobs(repository: Repository, options: ManifestOptions): RegistryBlobs {
  const documents = new Map<Digest, Uint8Array>();
  const sizes = new Map<Digest, number>();
  let total = 0;
  const remember = (digest: Digest, bytes: Uint8Array): void => {
    for (const { digest: named, size, mediaType } of namedIn(bytes, options.maxBytes)) {
      // A foreign layer need not be here, so that it has to be looked for.
      if (!isForeignLayer(mediaType)) sizes.set(named, size);
    }
    if (documents.has(digest) || total + bytes.length > MAX_REMEMBERED) return;
    total += bytes.length;
    documents.set(digest, bytes);
  };
  const openManifest = async (digest: Digest): Promise<LocatedSource | undefined> => {
    const known = documents.get(digest);
    if (known !== undefined) return memorySource(known);
    const sent = await fetchManifest(repository, digest, options);
    if (sent === undefined) return undefined;
    remember(digest, sent.bytes);
    return memorySource(sent.bytes);
  };
  return {
    place: repository.place,
    remember,
    open: async (digest, role) => {
      if (role === "manifest") return await openManifest(digest);
      const known = sizes.get(digest);
      const found = known === undefined ? await statBlob(repository, digest, options.signal) : { size: known };
      if (found === undefined) return undefined;
      const { size } = found;
      if (size === undefined) throw breaksProtocol(repository, `does not tell how long blob ${digest} is`);
      return blobSource({ repository, digest, size }, options.signal);
    },
  };
}

/** What a document names; nothing where it is not valid, which its reader will say. */
function namedIn(bytes: Uint8Array, maxBytes: number): readonly Descriptor[] {
  try {
    const document = parseManifest(bytes, { what: "manifest", maxBytes });
    return document.kind === "manifest" ? [document.config, ...document.layers] : [];
  } catch {
    return [];
  }
}
