import { StrataError } from "../base/index.ts";
import { type Descriptor, type Digest, hexOf, isDigest, tryParseReference } from "../oci/index.ts";
import { rootOf } from "./image-graph.ts";
import { tryNormalizeName } from "./image-reference.ts";
import type { ImageRecord, RecordReader } from "./metadata/records.ts";

/** What a text leads to. */
export interface FoundImage {
  /** The digest of the root, by which the record is kept. */
  readonly key: string;
  readonly record: ImageRecord;
  /** The root, or the manifest inside of an index that an id named. */
  readonly target: Descriptor;
  /** The name by which it was found; undefined when an id did it. */
  readonly name: string | undefined;
  /** Keys of other images that hold the same manifest or configuration, by which it was found. */
  readonly alsoIn?: readonly string[];
}

const ID_PREFIX = /^(?:(sha256|sha512):)?([0-9a-f]{4,128})$/;

/**
 * Finds an image: by exact name, by `NAME@DIGEST`, by digest, else by the beginning of one.
 * @throws StrataError `image-not-found`, `ambiguous-image`
 */
export function findImage(records: RecordReader, text: string): FoundImage {
  const found = findByName(records, text) ?? findByDigest(records, text) ?? findByPrefix(records, text);
  if (found === undefined) throw notFound(text);
  return found;
}

function findByName(records: RecordReader, text: string): FoundImage | undefined {
  if (isDigest(text)) return undefined;
  const name = tryNormalizeName(text);
  const reference = tryParseReference(text);
  if (name === undefined || reference === undefined) return undefined;
  const named = records.get("name", name);
  const record = named === undefined ? undefined : records.get("image", named.digest);
  if (named !== undefined && record !== undefined) {
    const found = { key: named.digest, record, target: rootOf(record), name };
    if (reference.digest === undefined || reference.tag === undefined) return found;
    return withDigest(found, reference.digest);
  }
  // NAME@DIGEST is whatever a name of that repository leads to, as long as it has the digest.
  if (reference.digest === undefined || reference.tag !== undefined) return undefined;
  const repository = `${reference.registry}/${reference.repository}`;
  for (const [other, { digest }] of records.list("name")) {
    if (!other.startsWith(`${repository}:`) && !other.startsWith(`${repository}@`)) continue;
    const image = records.get("image", digest);
    const found =
      image && withDigest({ key: digest, record: image, target: rootOf(image), name: other }, reference.digest);
    if (found !== undefined) return { ...found, name: undefined };
  }
  return undefined;
}

/** What was found, if it has this digest or a manifest with it. */
function withDigest(found: FoundImage, digest: Digest): FoundImage | undefined {
  const target = targetOf(found.record, digest);
  return target === undefined ? undefined : { ...found, target };
}

function findByDigest(records: RecordReader, text: string): FoundImage | undefined {
  if (!isDigest(text)) return undefined;
  const record = records.get("image", text);
  if (record !== undefined) return { key: text, record, target: rootOf(record), name: undefined };
  return findAmong(records, text, (digest) => digest === text);
}

function findByPrefix(records: RecordReader, text: string): FoundImage | undefined {
  const match = ID_PREFIX.exec(text);
  if (match === null) return undefined;
  const [, algorithm = "sha", prefix = ""] = match;
  return findAmong(records, text, (digest) => digest.startsWith(algorithm) && hexOf(digest).startsWith(prefix));
}

/** Roots first: who names a root does not mean an index that lists it too. Then manifests and configurations. */
function findAmong(records: RecordReader, text: string, isMeant: (digest: Digest) => boolean): FoundImage | undefined {
  const images = records.list("image");
  const roots = images.filter(([key]) => isMeant(key as Digest));
  if (roots.length > 1)
    throw ambiguous(
      text,
      roots.map(([key]) => key),
    );
  const [root] = roots;
  if (root !== undefined) return { key: root[0], record: root[1], target: rootOf(root[1]), name: undefined };
  const inside = images.flatMap(([key, record]) => {
    const ids = record.leaves.flatMap(({ manifest, config }) => [manifest, config].filter(isMeant));
    return ids.map((id) => ({ key, record, id }));
  });
  const [first] = inside;
  if (first === undefined) return undefined;
  if (new Set(inside.map(({ id }) => id)).size > 1)
    throw ambiguous(
      text,
      inside.map(({ id }) => id),
    );
  const target = targetOf(first.record, first.id) ?? rootOf(first.record);
  const alsoIn = [...new Set(inside.map(({ key }) => key))].filter((key) => key !== first.key);
  return { key: first.key, record: first.record, target, name: undefined, alsoIn };
}

/** The root or manifest of an image that has this digest, or whose configuration has it. */
function targetOf(record: ImageRecord, digest: Digest): Descriptor | undefined {
  const leaf = record.leaves.find(({ manifest, config }) => manifest === digest || config === digest);
  const wanted = leaf?.manifest ?? digest;
  const root = rootOf(record);
  if (root.digest === wanted) return root;
  const part = record.parts.find((one) => one.digest === wanted && one.mediaType !== undefined);
  return part && { mediaType: part.mediaType ?? "", digest: part.digest, size: part.size };
}

function notFound(text: string): StrataError {
  return new StrataError({
    code: "image-not-found",
    kind: "not-found",
    message: `The store has no image ${JSON.stringify(text)}`,
    details: { image: text },
  });
}

/** The error for an id that several images have. */
export function ambiguous(text: string, ids: readonly string[]): StrataError {
  const listed = [...new Set(ids)].sort();
  return new StrataError({
    code: "ambiguous-image",
    kind: "invalid-argument",
    message: `Several images of the store begin with ${JSON.stringify(text)}: ${listed.slice(0, 5).join(", ")}`,
    details: { image: text },
    hint: "Write more digits",
  });
}
