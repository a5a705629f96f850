import { readAll, StrataError } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";
import { assertDocumentSize } from "../oci/index.ts";

/** Files by name, wherever they lie: in a directory, in an archive. */
export interface Members extends AsyncDisposable {
  /** Names the whole in messages. */
  readonly place: string;
  /**
   * Opens the regular file of that relative, slash-separated name; undefined when there is none.
   * The caller disposes the source, before the members.
   */
  open(name: string): Promise<LocatedSource | undefined>;
  /** Whether {@link Members.open} would find something. */
  has(name: string): Promise<boolean>;
}

/** How a document is read. */
export interface ReadDocumentOptions {
  /** Names the document in messages. */
  readonly what: string;
  readonly maxBytes: number;
}

/** The whole of a small file; undefined when there is none. @throws StrataError `json-too-large` before reading */
export async function readMember(
  members: Members,
  name: string,
  options: ReadDocumentOptions,
): Promise<Uint8Array | undefined> {
  const source = await members.open(name);
  if (source === undefined) return undefined;
  await using _ = source;
  assertDocumentSize(source.size, options.what, options.maxBytes);
  return await readAll(source);
}

/** {@link readMember} for a file that must be there. @throws StrataError `missing-member` (malformed) */
export async function requireMember(members: Members, name: string, options: ReadDocumentOptions): Promise<Uint8Array> {
  const bytes = await readMember(members, name, options);
  if (bytes !== undefined) return bytes;
  throw missingMember(members, name, options.what);
}

/** The error for a file that something in the place names but the place does not have. */
export function missingMember({ place }: Members, name: string, what: string): StrataError {
  return new StrataError({
    code: "missing-member",
    kind: "not-found",
    message: `The ${what} is missing: ${place} has no ${JSON.stringify(name)}`,
    details: { entry: name },
    hint: "The archive is incomplete; save or copy the image again",
  });
}
