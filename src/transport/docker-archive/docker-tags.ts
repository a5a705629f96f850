import { formatFamiliar, parseReference, tryParseReference } from "../../oci/index.ts";

/**
 * Names as docker knows them: `name:tag`, short where docker shortens them.
 * @param defaultTag for a name without a tag, which must then be valid; without one such names are passed over, and so is
 * what is no reference: a layout may call its images as it likes
 */
export function tagsOf(names: readonly string[], defaultTag: string | undefined): string[] {
  const tags = names.flatMap((name) => {
    const reference = defaultTag === undefined ? tryParseReference(name) : parseReference(name);
    const tag = reference?.tag ?? defaultTag;
    if (reference === undefined || tag === undefined) return [];
    const { registry, repository } = reference;
    return [formatFamiliar({ registry, repository, tag })];
  });
  return [...new Set(tags)];
}
