import * as v from "valibot";
import { StrataError } from "../base/index.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { annotationsSchema, decodeDocument, validateDocument } from "./document.ts";
import { mediaKind } from "./media-type.ts";

/** One image, or an artifact in the shape of one (image-spec manifest.md). */
export interface Manifest {
  readonly kind: "manifest";
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  /** Base layer first. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Images side by side, usually one image for several platforms (image-spec image-index.md). */
export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

const common = {
  schemaVersion: v.optional(v.literal(2)),
  mediaType: v.exactOptional(v.string()),
  artifactType: v.exactOptional(v.string()),
  subject: v.exactOptional(descriptorSchema),
  annotations: v.exactOptional(annotationsSchema),
};
const manifestSchema = v.object({
  ...common,
  config: descriptorSchema,
  layers: v.optional(v.array(descriptorSchema), []),
});
const indexSchema = v.object({ ...common, manifests: v.optional(v.array(descriptorSchema), []) });
/** Enough to tell the kinds apart. */
const shapeSchema = v.object({
  schemaVersion: v.exactOptional(v.unknown()),
  mediaType: v.exactOptional(v.string()),
  config: v.exactOptional(v.unknown()),
  layers: v.exactOptional(v.unknown()),
  manifests: v.exactOptional(v.unknown()),
  fsLayers: v.exactOptional(v.unknown()),
});

/** How a manifest or index is parsed. */
export interface ParseManifestOptions {
  /** Names the document in messages: `manifest sha256:…`, `index.json`. */
  readonly what: string;
  /** The media type by which the document was found; the document must not claim another kind. */
  readonly mediaType?: string;
  readonly maxBytes?: number;
}

/**
 * Parses an image manifest or an index of OCI or docker (schema 2).
 * @throws StrataError of kind malformed: those of parseJson, `invalid-manifest`, `invalid-index`,
 * `ambiguous-manifest` for a document that is both or not what its media type says (CVE-2021-41190);
 * of kind unsupported: `docker-schema1`.
 */
export function parseManifest(bytes: Uint8Array, options: ParseManifestOptions): Manifest | ImageIndex {
  const { what } = options;
  const value = decodeDocument(bytes, options);
  const kind = kindOf(validateDocument(shapeSchema, value, { what, code: "invalid-manifest" }), options);
  if (kind === "index") {
    const { schemaVersion: _, ...index } = validateDocument(indexSchema, value, { what, code: "invalid-index" });
    return { kind, ...index };
  }
  const { schemaVersion: _, ...manifest } = validateDocument(manifestSchema, value, { what, code: "invalid-manifest" });
  return { kind, ...manifest };
}

function kindOf(shape: v.InferOutput<typeof shapeSchema>, options: ParseManifestOptions): "manifest" | "index" {
  const { what } = options;
  const claims = [options.mediaType, shape.mediaType].map((type) => mediaKind(type ?? ""));
  if (claims.includes("schema1") || shape.schemaVersion === 1 || shape.fsLayers !== undefined) throw schema1(what);
  const hasIndex = shape.manifests !== undefined;
  const hasManifest = shape.layers !== undefined || shape.config !== undefined;
  const saysIndex = claims.includes("index");
  const saysManifest = claims.includes("manifest");
  if ((hasIndex && (hasManifest || saysManifest)) || (saysIndex && (hasManifest || saysManifest))) {
    throw new StrataError({
      code: "ambiguous-manifest",
      kind: "malformed",
      message: `The ${what} is an image manifest and an index at the same time`,
    });
  }
  return hasIndex || saysIndex ? "index" : "manifest";
}

function schema1(what: string): StrataError {
  return new StrataError({
    code: "docker-schema1",
    kind: "unsupported",
    message: `The ${what} is of docker's schema 1, which was withdrawn in 2019`,
    hint: "Pull or push the image again with a current tool, which converts it",
  });
}
