import { type ByteString, StrataError, toText } from "../base/index.ts";

/** A journal that breaks its format. `line` counts from 1. */
export function malformedJournal(
  what: string,
  fault: string,
  { line, cause }: { readonly line?: number; readonly cause?: unknown } = {},
): StrataError {
  return new StrataError({
    code: "tar-split-malformed",
    kind: "malformed",
    message: `The tar-split journal ${what} is broken: ${fault}`,
    details: { path: what, ...(line === undefined ? {} : { line }) },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A journal that asks for more than the limits allow. */
export function hostileJournal(what: string, fault: string): StrataError {
  return new StrataError({
    code: "tar-split-too-large",
    kind: "hostile",
    message: `Refused the tar-split journal ${what}: ${fault}`,
    details: { path: what },
  });
}

/** A file that is no longer what the journal says of it. `how` completes "the file NAME …". */
export function fileChanged(name: ByteString, how: string, offset: number): StrataError {
  return new StrataError({
    code: "layer-file-changed",
    kind: "integrity",
    message: `The file ${JSON.stringify(toText(name))} ${how}: it was changed after its layer was stored`,
    details: { entry: toText(name), offset },
    hint: "Somebody wrote into the directories of the container engine, or its disk is damaged; get the image anew",
  });
}
