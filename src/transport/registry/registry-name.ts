import { StrataError } from "../../base/index.ts";
import { parseReference, type Reference } from "../../oci/index.ts";

/**
 * Parses what follows `docker:`: `//[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`, short names as docker reads them.
 * @throws StrataError `invalid-image-name`, `invalid-reference`
 */
export function parseRegistryName(rest: string): Reference {
  if (rest.startsWith("//")) return parseReference(rest.slice(2));
  throw new StrataError({
    code: "invalid-image-name",
    kind: "invalid-argument",
    message: `${JSON.stringify(`docker:${rest}`)} does not name an image in a registry`,
    hint: `Write docker://${rest.replace(/^\/+/, "")}`,
  });
}
