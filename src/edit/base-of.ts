import { StrataError } from "../base/index.ts";
import type { PlacedImage } from "../image/index.ts";
import { ANNOTATION, formatReference, parseDigest, tryParseReference } from "../oci/index.ts";

/**
 * The reference to what an image was made from, as its annotations tell (image-spec annotations.md): by digest where they
 * have it, since a name may lead elsewhere by now.
 * @throws StrataError `base-unknown`
 */
export function baseOf({ annotations }: Pick<PlacedImage, "annotations">): string {
  const name = annotations?.[ANNOTATION.baseName];
  const digest = annotations?.[ANNOTATION.baseDigest];
  const reference = name === undefined ? undefined : tryParseReference(name);
  if (reference !== undefined) {
    return formatReference(digest === undefined ? reference : { ...reference, digest: parseDigest(digest) });
  }
  throw new StrataError({
    code: "base-unknown",
    kind: "failed-precondition",
    message: "Nothing tells what the image was made from: it has no annotation org.opencontainers.image.base.name",
    hint: "Name the old base: { oldBase: … }, or --base",
  });
}
