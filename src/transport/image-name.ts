import { StrataError } from "../base/index.ts";
import { type Digest, isDigest } from "../oci/index.ts";

/** The places from which images can be opened, by the names that skopeo gave them; `tar` is ours. */
export const TRANSPORTS = [
  "docker",
  "docker-root",
  "containers-storage",
  "docker-archive",
  "oci-archive",
  "oci",
  "dir",
  "tar",
] as const;
/** Name of a kind of place, one of {@link TRANSPORTS}. */
export type Transport = (typeof TRANSPORTS)[number];

/** Names that are taken, so that they are never mistaken for a path. */
const RESERVED = ["docker-daemon", "ostree", "sif"];

/** `TRANSPORT:REST`, split; `transport` is undefined where the format must be detected. */
export interface ImageName {
  readonly text: string;
  readonly transport: Transport | undefined;
  /** `-` for standard input, or a path, perhaps followed by a {@link Selector}; for a registry `//` and a reference. */
  readonly rest: string;
}

/** Which of several images in one place: by name, by position (from 0) or by digest. */
export type Selector =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "position"; readonly position: number }
  | { readonly kind: "digest"; readonly digest: Digest };

/**
 * Splits an image name at its transport. Purely textual: nothing is looked up.
 * @throws StrataError `invalid-image-name`, or `unsupported-transport` for one that exists elsewhere but not here
 */
export function parseImageName(text: string): ImageName {
  const colon = text.indexOf(":");
  const prefix = colon < 0 ? "" : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (RESERVED.includes(prefix)) {
    throw new StrataError({
      code: "unsupported-transport",
      kind: "unsupported",
      message: `Cannot open ${text}: images cannot be read from ${prefix}: yet`,
      hint: `Save the image to a file first; readable are ${TRANSPORTS.map((name) => `${name}:`).join(", ")}`,
    });
  }
  const transport = TRANSPORTS.find((name) => name === prefix);
  if (text === "" || (transport !== undefined && rest === "")) {
    throw new StrataError({
      code: "invalid-image-name",
      kind: "invalid-argument",
      message: `${JSON.stringify(text)} does not name an image`,
      hint: "Write TRANSPORT:PATH[:NAME], a path, or - for standard input",
    });
  }
  return transport === undefined ? { text, transport, rest: text } : { text, transport, rest };
}

/** Whether a name says in which kind of place the image is. */
export function hasTransport(text: string): boolean {
  return [...TRANSPORTS, ...RESERVED].some((name) => text.startsWith(`${name}:`));
}

/** All ways to read `PATH[:SELECTOR]` or `PATH[@DIGEST]`, in the order in which they should be tried: whole first. */
export function splitsOf(rest: string): { path: string; selector: string | undefined }[] {
  const splits: { path: string; selector: string | undefined }[] = [{ path: rest, selector: undefined }];
  for (let i = 1; i < rest.length; i++) {
    const character = rest[i];
    if (character === ":") splits.push({ path: rest.slice(0, i), selector: rest.slice(i + 1) });
    if (character === "@") splits.push({ path: rest.slice(0, i), selector: rest.slice(i) });
  }
  return splits;
}

/**
 * Parses what follows the path: `NAME`, `@POSITION` or `@DIGEST`.
 * @throws StrataError `invalid-selector`
 */
export function parseSelector(text: string): Selector {
  if (!text.startsWith("@")) {
    if (text !== "") return { kind: "name", name: text };
  } else {
    const chosen = text.slice(1);
    if (/^[0-9]{1,9}$/.test(chosen)) return { kind: "position", position: Number(chosen) };
    if (isDigest(chosen)) return { kind: "digest", digest: chosen };
  }
  throw new StrataError({
    code: "invalid-selector",
    kind: "invalid-argument",
    message: `${JSON.stringify(text)} does not select an image`,
    hint: "Write :NAME, :@POSITION (counted from 0) or @DIGEST after the path",
  });
}
