import { formatReference, parseReference, type Reference, tryParseReference } from "../oci/index.ts";

/**
 * The full spelling under which a name is kept: host and `library/` filled in, `latest` where there is neither tag nor
 * digest. A name with both is kept by its tag: the digest says what it led to once.
 * @throws StrataError `invalid-reference`
 */
export function normalizeName(text: string): string {
  return spell(parseReference(text));
}

/** {@link normalizeName}; undefined for what is no reference. */
export function tryNormalizeName(text: string): string | undefined {
  const reference = tryParseReference(text);
  return reference === undefined ? undefined : spell(reference);
}

function spell({ registry, repository, tag, digest }: Reference): string {
  if (tag === undefined && digest !== undefined) return formatReference({ registry, repository, digest });
  return formatReference({ registry, repository, tag: tag ?? "latest" });
}
