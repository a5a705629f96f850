import { isSameReference } from "../../oci/index.ts";
import { imageNotFound, severalImages } from "../choose-image.ts";
import type { ListedImage } from "../image-place.ts";

/** An image of a container engine: something that names and an id lead to. */
export interface StoredReference {
  /** With or without its algorithm. */
  readonly id: string;
  readonly names: readonly string[];
}

/**
 * What the engine would take for `wanted`, in its order: a full id, a name (`alpine` is `docker.io/library/alpine:latest`,
 * and for podman also `localhost/alpine:latest`), the beginning of an id. Several only for a beginning of several ids.
 */
function findReference<Item extends StoredReference>(items: readonly Item[], wanted: string): Item[] {
  const hex = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(wanted)?.[1];
  const rules: ((item: Item) => boolean)[] = [
    ({ id }) => hex !== undefined && hexOf(id) === hex,
    ({ names }) => names.includes(wanted),
    ({ names }) => names.some((name) => isSameReference(name, wanted)),
    ({ names }) => names.some((name) => isSameReference(name, `localhost/${wanted}`)),
    ({ id }) => hex !== undefined && hexOf(id).startsWith(hex),
  ];
  for (const rule of rules) {
    const found = items.filter(rule);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The one image that is wanted; without a wish the only one of those that are shown.
 * @throws StrataError `several-images`, `image-not-found`
 */
export function chooseReference<Item extends StoredReference>(
  items: readonly Item[],
  wanted: string | undefined,
  { describe, isShown = () => true }: ReferenceListing<Item>,
): Item {
  const shown = items.filter(isShown);
  const found = wanted === undefined ? shown : findReference(items, wanted);
  const [only, ...others] = found;
  if (only === undefined) throw imageNotFound(wanted ?? "", shown.map(describe));
  if (others.length === 0) return only;
  throw severalImages(found.map(describe));
}

/** How images are shown to people who have to choose. */
export interface ReferenceListing<Item> {
  readonly describe: (item: Item) => ListedImage;
  /** Whether an image is worth a line; all are unless given. */
  readonly isShown?: (item: Item) => boolean;
}

function hexOf(id: string): string {
  return id.slice(id.indexOf(":") + 1);
}
