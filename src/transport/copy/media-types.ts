import { StrataError } from "../../base/index.ts";
import { MEDIA_TYPE } from "../../oci/index.ts";
import type { ImageFormat, LayerCompression } from "./copy-options.ts";

/** Each of OCI's types with docker's; OCI's for zstd have none that anybody accepts. */
const PAIRS: readonly (readonly [oci: string, docker: string])[] = [
  [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerIndex],
  [MEDIA_TYPE.ociManifest, MEDIA_TYPE.dockerManifest],
  [MEDIA_TYPE.ociConfig, MEDIA_TYPE.dockerConfig],
  [MEDIA_TYPE.ociLayer, MEDIA_TYPE.dockerLayer],
  [MEDIA_TYPE.ociLayerGzip, MEDIA_TYPE.dockerLayerGzip],
  [MEDIA_TYPE.ociForeignLayer, MEDIA_TYPE.dockerForeignLayer],
  [MEDIA_TYPE.ociForeignLayerGzip, MEDIA_TYPE.dockerForeignLayerGzip],
];
const TO_DOCKER = new Map<string, string>(PAIRS);
const TO_OCI = new Map<string, string>([
  ...PAIRS.map(([oci, docker]) => [docker, oci] as const),
  [MEDIA_TYPE.dockerLayerZstd, MEDIA_TYPE.ociLayerZstd],
]);

/** The family that a manifest's or index's media type belongs to. */
export function formatOf(mediaType: string): ImageFormat {
  return mediaType.startsWith("application/vnd.docker.") ? "docker" : "oci";
}

/**
 * The same type in the other family; a type that the family has no name for stays.
 * @throws StrataError `format-lacks-zstd` (unsupported): docker's has no zstd
 */
export function mediaTypeIn(format: ImageFormat, mediaType: string): string {
  if (format === "oci") return TO_OCI.get(mediaType) ?? mediaType;
  if (mediaType.includes("zstd")) throw formatLacksZstd(mediaType);
  return TO_DOCKER.get(mediaType) ?? mediaType;
}

/** The type of a layer with that compression. */
export function layerMediaType(format: ImageFormat, compression: LayerCompression, isForeign: boolean): string {
  if (format === "docker") {
    if (compression === "zstd") throw formatLacksZstd("layer");
    if (compression === "none") return isForeign ? MEDIA_TYPE.dockerForeignLayer : MEDIA_TYPE.dockerLayer;
    return isForeign ? MEDIA_TYPE.dockerForeignLayerGzip : MEDIA_TYPE.dockerLayerGzip;
  }
  const plain = isForeign ? MEDIA_TYPE.ociForeignLayer : MEDIA_TYPE.ociLayer;
  return compression === "none" ? plain : `${plain}+${compression}`;
}

function formatLacksZstd(mediaType: string): StrataError {
  return new StrataError({
    code: "format-lacks-zstd",
    kind: "unsupported",
    message: `Docker's image format has no zstd layers, so that ${mediaType} cannot be named in it`,
    hint: "Ask for --compression gzip, or for --format oci",
  });
}
