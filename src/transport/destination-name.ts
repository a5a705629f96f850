import { existsSync } from "node:fs";
import { StrataError } from "../base/index.ts";
import { splitsOf } from "./image-name.ts";

/** The places into which images can be written. */
export const DESTINATION_TRANSPORTS = ["oci", "oci-archive", "docker-archive", "docker"] as const;
/** Name of a kind of place, one of {@link DESTINATION_TRANSPORTS}. */
export type DestinationTransport = (typeof DESTINATION_TRANSPORTS)[number];

/** `TRANSPORT:PATH[:NAME]`, split. */
export interface DestinationName {
  readonly text: string;
  readonly transport: DestinationTransport;
  /** A path; for a registry `//` and a reference. */
  readonly path: string;
  /** What to name the image there; undefined: not said. */
  readonly name: string | undefined;
}

/** image-spec annotations.md: what `org.opencontainers.image.ref.name` may hold. */
const REF_NAME =
  /^[A-Za-z0-9+]+(?:(?:[-._:@+]|--)[A-Za-z0-9+]+)*(?:\/[A-Za-z0-9+]+(?:(?:[-._:@+]|--)[A-Za-z0-9+]+)*)*$/;

/**
 * Splits the name of a destination. The path ends where a reader would see its end once it is written: the whole text
 * when that exists, else the shortest part before a `:` that does, else before the first `:`.
 * @throws StrataError `unsupported-transport`, `invalid-image-name`
 */
export function parseDestinationName(text: string): DestinationName {
  const colon = text.indexOf(":");
  const transport = DESTINATION_TRANSPORTS.find((name) => name === text.slice(0, Math.max(colon, 0)));
  if (transport === undefined) throw notADestination(text);
  const rest = text.slice(colon + 1);
  if (transport === "docker") return { text, transport, path: rest, name: undefined };
  const { path, name } = splitPath(rest);
  if (path === "" || path.startsWith(":") || (name !== undefined && !isName(name, transport))) throw invalidName(text);
  return { text, transport, path, name };
}

/** Docker's archives have docker's names, which whoever writes them judges. */
function isName(name: string, transport: DestinationTransport): boolean {
  return transport === "docker-archive" ? name !== "" : REF_NAME.test(name);
}

function splitPath(rest: string): { path: string; name: string | undefined } {
  const splits = splitsOf(rest).filter(({ path }) => rest[path.length] !== "@");
  const [whole, first] = splits;
  const chosen = splits.find(({ path }) => path !== "" && existsSync(path)) ?? first ?? whole;
  return { path: chosen?.path ?? "", name: chosen?.selector };
}

function notADestination(text: string): StrataError {
  return new StrataError({
    code: "unsupported-transport",
    kind: "unsupported",
    message: `Cannot write to ${JSON.stringify(text)}: it does not begin with the name of a place that can be written`,
    hint: "Write oci:DIRECTORY[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] or docker://REFERENCE",
  });
}

function invalidName(text: string): StrataError {
  return new StrataError({
    code: "invalid-image-name",
    kind: "invalid-argument",
    message: `${JSON.stringify(text)} does not name a place for an image`,
    hint: "Write TRANSPORT:PATH or TRANSPORT:PATH:NAME, as in oci:layout:v1 or docker-archive:app.tar:app:v1",
  });
}
