import type { PlacedImage } from "../image/index.ts";
import { digestOf, parseImageConfig, platformOf } from "../oci/index.ts";

/** A part of an image configuration as it is written: what we do not know stays, in the order in which it stands there. */
export type RawObject = Readonly<Record<string, unknown>>;

/** The configuration of an image as it is written, for making another. */
export function configDocument({ config }: Pick<PlacedImage, "config">): RawObject {
  return JSON.parse(Buffer.from(config.bytes).toString("utf8")) as RawObject;
}

/** The image with that configuration, of which no manifest speaks yet. @throws StrataError as `parseImageConfig` */
export function withConfig(image: PlacedImage, document: RawObject): PlacedImage {
  const bytes = Buffer.from(JSON.stringify(document));
  const value = parseImageConfig(bytes, { what: "edited image configuration" });
  return {
    ...image,
    manifest: undefined,
    platform: platformOf(value) ?? image.platform,
    config: { ...image.config, digest: digestOf(bytes), bytes, value },
  };
}

/** The object with these members; one that is undefined is taken out, and all others stay in their places. */
export function withMembers(object: RawObject, members: Readonly<Record<string, unknown>>): RawObject {
  return Object.fromEntries(Object.entries({ ...object, ...members }).filter(([, value]) => value !== undefined));
}

/** The value as an object, empty where it is none: Go writes null for what is empty. */
export function objectOf(value: unknown): RawObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as RawObject) : {};
}
