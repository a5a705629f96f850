import * as v from "valibot";
import { decodeDocument, isDigest, validateDocument } from "../../oci/index.ts";

/** What `manifest.json` tells about one layer since docker 25, by diffID. */
export interface LayerOrigin {
  readonly mediaType: string;
  readonly digest?: string | undefined;
  /** Where the layer may be downloaded. */
  readonly urls: readonly string[];
}

/** One image of `docker save`'s `manifest.json`: names of members of the archive. */
export interface DockerManifestItem {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  /** Base layer first. */
  readonly Layers: readonly string[];
  readonly LayerSources: Readonly<Record<string, LayerOrigin>>;
}

const originSchema = v.object({
  mediaType: v.optional(v.string(), ""),
  digest: v.optional(v.pipe(v.string(), v.check(isDigest, "is not a digest"))),
  urls: v.optional(v.array(v.string()), []),
});
const manifestSchema = v.array(
  v.object({
    Config: v.pipe(v.string(), v.nonEmpty()),
    RepoTags: v.optional(v.array(v.string()), []),
    Layers: v.optional(v.array(v.pipe(v.string(), v.nonEmpty())), []),
    LayerSources: v.optional(v.record(v.string(), originSchema), {}),
  }),
);

/**
 * Parses the `manifest.json` of an archive.
 * @throws StrataError of kind malformed: those of parseJson, `invalid-docker-manifest`
 */
export function parseDockerManifest(bytes: Uint8Array, maxBytes: number): DockerManifestItem[] {
  const what = "manifest.json";
  return validateDocument(manifestSchema, decodeDocument(bytes, { what, maxBytes }), {
    what,
    code: "invalid-docker-manifest",
  });
}
