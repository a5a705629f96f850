import { type ByteSource, memorySource, StrataError } from "../../base/index.ts";
import { type Descriptor, type DiffId, type Digest, digestOf, MEDIA_TYPE, type Platform } from "../../oci/index.ts";
import type { ArtifactSource } from "../artifact-source.ts";
import type { PlacedImage, RawDocument } from "../image-source.ts";
import { type ArtifactLayer, type ArtifactLayerOptions, describeLayer } from "./artifact-layer.ts";

/** What makes an {@link ArtifactSource} of an image without a manifest. */
export interface ArtifactOfImageInit extends ArtifactLayerOptions, Pick<ArtifactSource, "reference" | "transport"> {
  /** For a made-up configuration, when nothing tells what the image is for. */
  readonly platform: Platform;
  /** Ends what lies below. */
  readonly dispose: () => PromiseLike<void>;
}

/**
 * The image as a graph of documents and blobs: an OCI manifest is made of the configuration, whose bytes stay as they are,
 * and the layers as they are stored; annotations of the manifest that it had stay. The same image always gives the same manifest. A layer that lies unpacked becomes a
 * tar in the scratch; a configuration that was made up is completed with diffIDs and the platform.
 *
 * When it fails nothing is disposed.
 * @throws StrataError `layer-unidentified`, `compression-unsupported`, with `details.layer`
 */
export async function artifactOfImage(image: PlacedImage, init: ArtifactOfImageInit): Promise<ArtifactSource> {
  const { reference, transport, platform, dispose } = init;
  const layers: ArtifactLayer[] = [];
  for (const [number, layer] of image.layers.entries()) layers.push(await describeLayer(layer, number, init));
  const config = configOf(image, layers, platform);
  const root = manifestOf(config, layers, image.annotations);
  const byDigest = new Map(layers.map((layer) => [layer.descriptor.digest, layer]));
  return {
    reference,
    transport,
    root,
    names: image.names,
    isSynthetic: true,
    skipped: [],
    readDocument: async ({ digest }) => {
      if (digest === root.digest) return root;
      throw missing(reference, digest);
    },
    openBlob: async ({ digest }): Promise<ByteSource> => {
      if (digest === config.digest) return memorySource(config.bytes);
      const open = byDigest.get(digest)?.open;
      if (open === undefined) throw missing(reference, digest);
      return await open();
    },
    openTar: async ({ digest }) => await byDigest.get(digest)?.openTar?.(),
    originOf: ({ digest }) => byDigest.get(digest)?.origin,
    [Symbol.asyncDispose]: async () => {
      await dispose();
    },
  };
}

function configOf({ config }: PlacedImage, layers: readonly ArtifactLayer[], platform: Platform): RawDocument {
  const diffIds = layers.map(({ diffId }) => diffId);
  const claimed = config.value.rootfs.diff_ids;
  // A layer that was rebuilt from its files is another layer than the one that the configuration speaks of.
  const isWhole = claimed.length === diffIds.length && claimed.every((diffId, i) => diffId === diffIds[i]);
  if (isWhole && !config.isSynthetic) return { ...config, mediaType: MEDIA_TYPE.ociConfig };
  const before = JSON.parse(Buffer.from(config.bytes).toString("utf8")) as Record<string, unknown>;
  const bytes = Buffer.from(JSON.stringify(completeConfig(before, diffIds, platform)));
  return { mediaType: MEDIA_TYPE.ociConfig, digest: digestOf(bytes), bytes };
}

/** os and architecture are REQUIRED (image-spec config.md#properties). */
function completeConfig(
  before: Record<string, unknown>,
  diffIds: readonly DiffId[],
  platform: Platform,
): Record<string, unknown> {
  const { architecture, os, rootfs: _, ...rest } = before;
  const isNamed = typeof architecture === "string" && architecture !== "" && typeof os === "string" && os !== "";
  const { variant } = platform;
  const named = isNamed
    ? { architecture, os }
    : { architecture: platform.architecture, os: platform.os, ...(variant === undefined ? {} : { variant }) };
  return { ...named, ...rest, rootfs: { type: "layers", diff_ids: diffIds } };
}

function manifestOf(
  config: RawDocument,
  layers: readonly ArtifactLayer[],
  annotations: PlacedImage["annotations"] = {},
): RawDocument {
  const mediaType = MEDIA_TYPE.ociManifest;
  const describe = ({ digest, bytes }: RawDocument): Descriptor => ({
    mediaType: MEDIA_TYPE.ociConfig,
    digest,
    size: bytes.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: describe(config),
    layers: layers.map(({ descriptor }) => descriptor),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { mediaType, digest: digestOf(bytes), bytes };
}

function missing(reference: string, digest: Digest): StrataError {
  return new StrataError({
    code: "missing-blob",
    kind: "not-found",
    message: `${reference} has no blob ${digest}`,
    details: { digest },
  });
}
