import * as v from "valibot";
import type { Digest } from "./digest.ts";
import { annotationsSchema, digestSchema, sizeSchema } from "./document.ts";
import type { Platform } from "./platform.ts";

/** A pointer to a blob: what it is, which bytes, how many (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Length of the blob in bytes. */
  readonly size: number;
  /** Places from which the blob may be downloaded; for foreign layers the only ones. */
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** The blob itself in base64, when it is small. Not trusted without its digest. */
  readonly data?: string;
  readonly artifactType?: string;
  /** In an index only: the platform of the image. */
  readonly platform?: Platform;
}

const platformSchema = v.object({
  os: v.optional(v.string(), ""),
  architecture: v.optional(v.string(), ""),
  variant: v.exactOptional(v.string()),
  "os.version": v.exactOptional(v.string()),
  "os.features": v.exactOptional(v.array(v.string())),
});

export const descriptorSchema = v.object({
  mediaType: v.optional(v.string(), ""),
  digest: digestSchema,
  size: sizeSchema,
  urls: v.exactOptional(v.array(v.string())),
  annotations: v.exactOptional(annotationsSchema),
  data: v.exactOptional(v.string()),
  artifactType: v.exactOptional(v.string()),
  platform: v.exactOptional(platformSchema),
});

/** The annotations that say something to a reader of images (image-spec annotations.md, containerd, BuildKit). */
export const ANNOTATION = {
  refName: "org.opencontainers.image.ref.name",
  baseName: "org.opencontainers.image.base.name",
  created: "org.opencontainers.image.created",
  baseDigest: "org.opencontainers.image.base.digest",
  containerdName: "io.containerd.image.name",
  dockerReferenceType: "vnd.docker.reference.type",
  dockerReferenceDigest: "vnd.docker.reference.digest",
} as const;

/**
 * Whether the descriptor of an index points to BuildKit's provenance or SBOM statements about an image,
 * not to an image: marked so, or for the platform `unknown/unknown`.
 */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  const type = annotations?.[ANNOTATION.dockerReferenceType];
  return type === "attestation-manifest" || (platform?.os === "unknown" && platform.architecture === "unknown");
}
