import type { EditOptions } from "./draft-chain.ts";
import { type OpenImageOptions, openDocuments } from "./open-documents.ts";
import type { ImageDraft } from "./opened-image.ts";

/**
 * Begins to make another image of one that lives anywhere, by a name as {@link openImage} takes it; of an index, of the image
 * for the chosen platform. Its documents are read; a layer only when an edit needs its files. The caller disposes the draft,
 * or one that came of it.
 *
 * @example
 * await using draft = await draftImage("docker://debian:12");
 * const patched = await draft.configure({ env: { TZ: "UTC" } });
 * await patched.copyTo("oci:patched");
 *
 * @throws StrataError naming the image
 */
export async function draftImage(name: string, options: OpenImageOptions & EditOptions = {}): Promise<ImageDraft> {
  return await (await openDocuments(name, { ...options, isEdited: true })).draft(options);
}
