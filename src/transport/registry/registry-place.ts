import {
  chooseLeaf,
  createArtifact,
  type LayerBlob,
  openManifestImage,
  type RawDocument,
  walkManifests,
} from "../../image/index.ts";
import {
  type Descriptor,
  type Digest,
  formatReference,
  mediaKind,
  parseManifest,
  type Reference,
} from "../../oci/index.ts";
import type { ImagePlace } from "../image-place.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { listReferrersIn } from "./list-referrers.ts";
import { createRegistryBlobs } from "./registry-blobs.ts";
import { openRepository } from "./repository.ts";
import { resolveManifest } from "./resolve-manifest.ts";
import { createSpooledBlobs } from "./spooled-blobs.ts";

/**
 * The image that a reference names, in a registry. It is resolved once, when it is first needed, so that a tag that moves
 * meanwhile changes nothing. Nothing is sent before that. Layers of an opened image are downloaded when they are read,
 * once each, into the scratch.
 */
export function openRegistryPlace(reference: Reference, options: ResolvedOptions): ImagePlace {
  const repository = openRepository(reference, "pull", options.registry);
  const { limits, signal } = options;
  const asking = { signal, maxBytes: limits.maxDocumentBytes };
  const blobs = createRegistryBlobs(repository, asking);
  const spooled = createSpooledBlobs(blobs, options.scratch);
  const name = formatReference(withTag(reference));
  // A digest is no name: a tag that stands beside it was not asked for.
  const names = reference.digest === undefined ? [name] : [];
  const origin = { registry: repository.registry, repository: repository.name };
  const inRepository = (layer: LayerBlob): LayerBlob => {
    const digest = layer.descriptor.digest as Digest;
    const stored = { isHere: true, open: async () => await spooled.openOnce(digest) };
    return { ...layer, isContentAddressed: true, origin, stored };
  };
  let resolving: Promise<RawDocument> | undefined;
  const resolve = async (): Promise<Descriptor> => {
    resolving ??= resolveManifest(repository, reference, asking);
    const { mediaType, digest, bytes } = await resolving;
    blobs.remember(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  return {
    transport: "docker",
    list: async () => {
      const root = await resolve();
      const document = parseManifest((await resolving)?.bytes ?? new Uint8Array(), { what: `manifest of ${name}` });
      const children = document.kind === "index" ? document.manifests : [];
      const platforms = children.flatMap(({ platform, mediaType }) =>
        platform !== undefined && mediaKind(mediaType) === "manifest" ? [platform] : [],
      );
      return [{ names, platforms, digest: root.digest, selector: `@${root.digest}` }];
    },
    open: async () => {
      const tree = await walkManifests(spooled, [await resolve()], limits);
      const { documents, skipped } = await chooseLeaf(spooled, tree, options);
      const image = await openManifestImage(spooled, documents);
      const layers = image.layers.map((layer) => (layer.kind === "blob" ? inRepository(layer) : layer));
      return { ...image, names, layers, skipped: [...tree.skipped, ...skipped, ...image.skipped] };
    },
    openArtifact: async () => {
      const root = await resolve();
      const dispose = async (): Promise<void> => {};
      const referrers = ({ digest }: Descriptor) => listReferrersIn(repository, digest, { signal });
      const place = { reference: name, transport: "docker", names, origin, referrers, dispose };
      return await createArtifact({ ...place, blobs, root, limits });
    },
    [Symbol.asyncDispose]: async () => {
      await spooled[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}

/** `latest` where the reference says neither tag nor digest. */
function withTag(reference: Reference): Reference {
  const { tag, digest } = reference;
  return tag === undefined && digest === undefined ? { ...reference, tag: "latest" } : reference;
}
