import { StrataError } from "../../base/index.ts";
import type { LayerSource, PlacedImage, Skipped } from "../../image/index.ts";
import { assertPlatform } from "../../image/index.ts";
import {
  type DiffId,
  type Digest,
  digestOf,
  type ImageConfig,
  isDigest,
  isForeignLayer,
  MEDIA_TYPE,
  parseDigest,
  parseImageConfig,
  platformOf,
  verifyBytes,
} from "../../oci/index.ts";
import { type Members, missingMember, requireMember } from "../members.ts";
import type { ResolvedOptions } from "../open-options.ts";
import type { DockerManifestItem } from "./docker-manifest.ts";

/** An image of an archive that has a `manifest.json`, as docker writes it since 1.10. */
export async function openSavedImage(
  members: Members,
  item: DockerManifestItem,
  options: ResolvedOptions,
): Promise<PlacedImage> {
  const { bytes, digest, value } = await readConfig(members, item, options);
  const platform = platformOf(value);
  assertPlatform(options.platform, platform);
  const diffIds = value.rootfs.diff_ids;
  if (diffIds.length !== item.Layers.length) throw countMismatch(item, diffIds.length);
  const layers = await Promise.all(
    item.Layers.map((name, i) => layerSource(members, item, { name, diffId: diffIds[i] as DiffId })),
  );
  return {
    names: item.RepoTags,
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.dockerConfig, digest, bytes, value, isSynthetic: false },
    platform,
    layers,
    skipped: layers.flatMap(skippedOf),
  };
}

/** Reads the configuration and holds it against the digest that its name carries, where it carries one. */
async function readConfig(
  members: Members,
  { Config }: DockerManifestItem,
  { limits }: ResolvedOptions,
): Promise<{ bytes: Uint8Array; digest: Digest; value: ImageConfig }> {
  const what = `image configuration ${Config}`;
  const maxBytes = limits.maxDocumentBytes;
  const bytes = await requireMember(members, Config, { what, maxBytes });
  const digest = digestInName(Config) ?? digestOf(bytes);
  verifyBytes(bytes, { digest, what });
  return { bytes, digest, value: parseImageConfig(bytes, { what, maxBytes }) };
}

/** The digest of the configuration as far as its name tells. */
export function configDigestOf({ Config }: DockerManifestItem): Digest | undefined {
  return digestInName(Config);
}

async function layerSource(
  members: Members,
  { LayerSources }: DockerManifestItem,
  { name, diffId }: { readonly name: string; readonly diffId: DiffId },
): Promise<LayerSource> {
  const origin = Object.hasOwn(LayerSources, diffId) ? LayerSources[diffId] : undefined;
  const mediaType = origin?.mediaType || MEDIA_TYPE.dockerLayer;
  const source = await members.open(name);
  if (source === undefined) {
    if (origin === undefined || !isForeignLayer(mediaType)) throw missingMember(members, name, `layer ${diffId}`);
    const digest = origin.digest === undefined ? undefined : parseDigest(origin.digest);
    const reason = ["its owner forbids passing it on", ...origin.urls].join("; it may be at ");
    return { kind: "absent", name, diffId, descriptor: { mediaType, digest, size: 0 }, reason };
  }
  const { size, location } = source;
  await source[Symbol.asyncDispose]();
  return {
    kind: "blob",
    name,
    diffId,
    descriptor: { mediaType, digest: digestOfBlobPath(name), size },
    location,
    open: async () => (await members.open(name)) ?? missing(members, name),
  };
}

function missing(members: Members, name: string): never {
  throw missingMember(members, name, "layer");
}

/** Tells the user about layers that are not there. */
function skippedOf(layer: LayerSource): Skipped[] {
  return layer.kind === "absent" ? [{ what: `foreign layer ${layer.name}`, reason: layer.reason }] : [];
}

/** `HEX.json` (docker, skopeo), `sha256:HEX` (kaniko, ko) and `blobs/sha256/HEX` (docker 25) promise the digest of the bytes. */
function digestInName(name: string): Digest | undefined {
  const hex = /^(?:sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  return hex === undefined ? digestOfBlobPath(name) : parseDigest(`sha256:${hex}`);
}

function digestOfBlobPath(name: string): Digest | undefined {
  const [, algorithm, hex] = /^(?:\.\/)?blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(name) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

function countMismatch({ Config, Layers }: DockerManifestItem, diffIds: number): StrataError {
  return new StrataError({
    code: "layer-count-mismatch",
    kind: "malformed",
    message: `The manifest.json names ${Layers.length} layers but the configuration ${Config} has ${diffIds} diffIDs`,
  });
}
