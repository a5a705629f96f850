/** The media types that image tools write (image-spec media-types.md; docker's are their ancestors). */
export const MEDIA_TYPE = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  ociForeignLayer: "application/vnd.oci.image.layer.nondistributable.v1.tar",
  ociForeignLayerGzip: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  ociForeignLayerZstd: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar",
  dockerForeignLayerGzip: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

/** What a descriptor points to, as far as its media type tells. */
export type MediaKind = "index" | "manifest" | "config" | "layer" | "schema1" | "other";

const KINDS = new Map<string, MediaKind>([
  [MEDIA_TYPE.ociIndex, "index"],
  [MEDIA_TYPE.dockerIndex, "index"],
  [MEDIA_TYPE.ociManifest, "manifest"],
  [MEDIA_TYPE.dockerManifest, "manifest"],
  [MEDIA_TYPE.ociConfig, "config"],
  [MEDIA_TYPE.dockerConfig, "config"],
  ["application/vnd.docker.distribution.manifest.v1+json", "schema1"],
  ["application/vnd.docker.distribution.manifest.v1+prettyjws", "schema1"],
]);

const LAYER =
  /^application\/(?:vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar|vnd\.docker\.container\.image\.rootfs\.diff\+x-gtar|vnd\.docker\.image\.rootfs\.diff\+x-gtar|x-tar|x-gtar|tar|gzip|x-gzip|zstd)(?:[+.](?:gzip|gz|zstd|encrypted))*$/;

/** Classifies a media type; parameters after `;` and letter case do not matter. */
export function mediaKind(mediaType: string): MediaKind {
  const essence = essenceOf(mediaType);
  return KINDS.get(essence) ?? (LAYER.test(essence) ? "layer" : "other");
}

/**
 * Whether the layer may be absent because its owner forbids passing it on
 * (image-spec layer.md#non-distributable-layers): docker's foreign and OCI's nondistributable types.
 */
export function isForeignLayer(mediaType: string): boolean {
  const essence = essenceOf(mediaType);
  return essence.includes(".image.layer.nondistributable.") || essence.includes(".image.rootfs.foreign.");
}

/** Whether the layer's bytes are encrypted (ocicrypt), so that nothing can be read without a key. */
export function isEncryptedLayer(mediaType: string): boolean {
  return essenceOf(mediaType).endsWith("+encrypted");
}

function essenceOf(mediaType: string): string {
  return (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
