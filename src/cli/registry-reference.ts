import { formatReference, parseReference, type Reference } from "../oci/index.ts";

/** A reference as the verbs of registries take it: with `docker://` in front or without. @throws StrataError `invalid-reference` */
export function registryReference(text: string): Reference {
  return parseReference(text.replace(/^docker:\/\//, ""));
}

/** The same in full, with docker's defaults: the tag is latest where there is neither tag nor digest. */
export function fullName(text: string): string {
  const reference = registryReference(text);
  const hasVersion = reference.tag !== undefined || reference.digest !== undefined;
  return formatReference(hasVersion ? reference : { ...reference, tag: "latest" });
}
