import type { StoredImage } from "../index.ts";
import { formatFamiliar, formatPlatform, isSameReference, tryParseReference } from "../oci/index.ts";

/** An image of the store under one of its names, as `images --json` gives it. */
export interface ImageRow {
  /** In full, `docker.io/library/nginx:latest`; null for an image that lost its last name. */
  readonly name: string | null;
  /** Of the manifest or index. */
  readonly digest: string;
  readonly mediaType: string;
  /** Of the configuration, what docker calls the image id; null for an index of several platforms. */
  readonly configDigest: string | null;
  readonly platforms: readonly string[];
  /** As the configuration says, RFC 3339. */
  readonly created: string | null;
  /** Bytes of everything it names that is here. */
  readonly size: number;
  /** Of these, bytes that other images name too. */
  readonly sharedSize: number;
  /** False while something that it needs is missing. */
  readonly complete: boolean;
}

/** A row for each name, and one for an image without a name. */
export function imageRows(images: readonly StoredImage[]): ImageRow[] {
  return images.flatMap((image) => {
    const names = image.names.length === 0 ? [null] : image.names;
    return names.map((name) => ({
      name,
      digest: image.descriptor.digest,
      mediaType: image.descriptor.mediaType,
      configDigest: image.configDigest ?? null,
      platforms: image.platforms.map(formatPlatform),
      created: image.created ?? null,
      size: image.size,
      sharedSize: image.sharedSize,
      complete: image.isComplete,
    }));
  });
}

/** A name as docker shows it: `nginx:latest`. */
export function familiarName(name: string): string {
  const reference = tryParseReference(name);
  return reference === undefined ? name : formatFamiliar(reference);
}

/** Whether a name is the wanted one, or of the wanted repository when no tag is given. */
export function isNamed(name: string | null, wanted: string): boolean {
  if (name === null) return false;
  const [parsed, asked] = [tryParseReference(name), tryParseReference(wanted)];
  if (parsed === undefined || asked === undefined) return name === wanted;
  if (asked.tag !== undefined || asked.digest !== undefined) return isSameReference(name, wanted);
  return parsed.registry === asked.registry && parsed.repository === asked.repository;
}
