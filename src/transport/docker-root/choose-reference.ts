import { type Digest, isSameReference } from "../../oci/index.ts";

/** Something that names and an id lead to. */
export interface Named {
  readonly id: string;
  readonly names: readonly string[];
}

/**
 * What docker would take for `wanted`, in its order: a full id, a name (`alpine` is `docker.io/library/alpine:latest`), the
 * beginning of an id. Several only for a beginning that several ids have.
 */
export function findReference<Item extends Named>(items: readonly Item[], wanted: string): Item[] {
  const hex = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(wanted)?.[1];
  const rules: ((item: Item) => boolean)[] = [
    ({ id }) => hex !== undefined && hexOfId(id) === hex,
    ({ names }) => names.includes(wanted),
    ({ names }) => names.some((name) => isSameReference(name, wanted)),
    ({ id }) => hex !== undefined && hexOfId(id).startsWith(hex),
  ];
  for (const rule of rules) {
    const found = items.filter(rule);
    if (found.length > 0) return found;
  }
  return [];
}

function hexOfId(id: Digest | string): string {
  return id.slice(id.indexOf(":") + 1);
}
