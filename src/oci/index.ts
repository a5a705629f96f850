/**
 * oci: the documents and identities of images, and nothing that reads files.
 *
 * - {@link Digest} names bytes as stored, {@link DiffId} an uncompressed layer, {@link ChainId} a stack of layers:
 *   three types, because mixing them up is the classic mistake. {@link explainChainId} shows how the last comes from
 *   the second.
 * - {@link parseManifest} and {@link parseImageConfig} turn bytes from untrusted places into validated values.
 *   Whoever calls them keeps the bytes, so that digests survive.
 * - {@link verifyStream} is the only way bytes should pass from a blob to a reader: it bounds and verifies them.
 * - {@link Platform} and {@link Reference} are what people write to choose an image.
 *
 * @example
 * const bytes = verifyBytes(await readAll(blob), { ...descriptor, what: "manifest" });
 * const manifest = parseManifest(bytes, { what: "manifest", mediaType: descriptor.mediaType });
 *
 * @module
 */
export { type ChainIdStep, chainIdOf, chainIds, explainChainId, explainChainIds } from "./chain-id.ts";
export { ANNOTATION, type Descriptor, isAttestation } from "./descriptor.ts";
export {
  algorithmOf,
  type ChainId,
  type DiffId,
  type Digest,
  type DigestAlgorithm,
  diffIdOfUncompressed,
  hexOf,
  isDigest,
  parseChainId,
  parseDiffId,
  parseDigest,
} from "./digest.ts";
export { type DocumentNames, decodeDocument, validateDocument } from "./document.ts";
export { createHasher, digestOf, digestStream, type Hasher } from "./hasher.ts";
export { type HistoryEntry, type ImageConfig, parseImageConfig, platformOf, type RunConfig } from "./image-config.ts";
export { assertDocumentSize, MAX_DOCUMENT_BYTES, type ParseJsonOptions, parseJson } from "./json.ts";
export { type ImageIndex, type Manifest, type ParseManifestOptions, parseManifest } from "./manifest.ts";
export { isEncryptedLayer, isForeignLayer, MEDIA_TYPE, type MediaKind, mediaKind } from "./media-type.ts";
export {
  formatPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformDistance,
  selectPlatform,
} from "./platform.ts";
export {
  formatFamiliar,
  formatReference,
  isSameReference,
  parseReference,
  type Reference,
  tryParseReference,
} from "./reference.ts";
export { createVerifier, type Expected, type Verifier, verifyBytes, verifyStream } from "./verify.ts";
