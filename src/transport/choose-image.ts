import { StrataError } from "../base/index.ts";
import { formatPlatform, isSameReference, tryParseReference } from "../oci/index.ts";
import type { Selector } from "./image-name.ts";
import type { ListedImage } from "./image-place.ts";

/** The error for a place in which the user has to choose. */
export function severalImages(images: readonly ListedImage[]): StrataError {
  return new StrataError({
    code: "several-images",
    kind: "invalid-argument",
    message: `There are ${images.length} images here: ${enumerate(images)}`,
    details: { images: images.map(describe) },
    hint: `Choose one by appending its selector to the path, for example ${images[0]?.selector ?? ":@0"}`,
  });
}

/** The error for a selector that matches nothing. */
export function imageNotFound(wanted: string, images: readonly ListedImage[]): StrataError {
  return new StrataError({
    code: "image-not-found",
    kind: "not-found",
    message: `There is no image ${wanted} here${images.length === 0 ? "" : `, but ${enumerate(images)}`}`,
    details: { images: images.map(describe) },
    ...(images[0] === undefined ? {} : { hint: `Append a selector to the path, for example ${images[0].selector}` }),
  });
}

/**
 * The items with the wanted name: spelled alike, else the same by docker's rules, else those whose tag it is.
 * Each rule is tried only when the one before finds nothing.
 */
export function findByName<Item>(
  items: readonly Item[],
  wanted: string,
  namesOf: (item: Item) => readonly string[],
): Item[] {
  const rules: ((name: string) => boolean)[] = [
    (name) => name === wanted,
    (name) => isSameReference(name, wanted),
    (name) => tryParseReference(name)?.tag === wanted,
  ];
  for (const rule of rules) {
    const found = items.filter((item) => namesOf(item).some(rule));
    if (found.length > 0) return found;
  }
  return [];
}

/** What the user wrote, for messages. */
export function describeSelector(selector: Selector): string {
  switch (selector.kind) {
    case "name":
      return selector.name;
    case "position":
      return `@${selector.position}`;
    case "digest":
      return selector.digest;
  }
}

const SHOWN = 20;

function enumerate(images: readonly ListedImage[]): string {
  const shown = images.slice(0, SHOWN).map(describe).join(", ");
  return images.length > SHOWN ? `${shown} and ${images.length - SHOWN} more` : shown;
}

function describe({ names, platforms, digest, selector }: ListedImage): string {
  const name = names.length > 0 ? names.join(" = ") : `${selector.replace(/^:/, "")} (${digest ?? "no name"})`;
  const for_ = [...new Set(platforms.map(formatPlatform))];
  return for_.length === 0 ? name : `${name} [${for_.join(" ")}]`;
}
