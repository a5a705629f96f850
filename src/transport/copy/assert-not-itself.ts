import { promises as fs } from "node:fs";
import { StrataError } from "../../base/index.ts";
import type { ArtifactSource, ImageDestination } from "../../image/index.ts";
import { parseDestinationName } from "../destination-name.ts";
import { parseImageName } from "../image-name.ts";
import { resolvePath } from "../resolve-path.ts";

/**
 * Refuses an archive as its own destination: it would come out with one image instead of all. A layout may be
 * written while it is read: that gives an image one more name.
 * @throws StrataError `copy-onto-itself`
 */
export async function assertNotItself(source: ArtifactSource, destination: ImageDestination): Promise<void> {
  if (!["oci-archive", "docker-archive"].includes(destination.transport)) return;
  const [from, to] = await Promise.all([pathOfSource(source.reference), pathOfDestination(destination.reference)]);
  if (from === undefined || from !== to) return;
  throw new StrataError({
    code: "copy-onto-itself",
    kind: "invalid-argument",
    message: `Cannot copy ${source.reference} to ${destination.reference}: they are the same file`,
    details: { path: to },
    hint: "Write to another file",
  });
}

/** A reference need not be a path: one that leads to no file is no trouble. */
async function pathOfSource(reference: string): Promise<string | undefined> {
  try {
    const { path, kind } = await resolvePath(parseImageName(reference));
    return kind === "file" ? await fs.realpath(path) : undefined;
  } catch {
    return undefined;
  }
}

async function pathOfDestination(reference: string): Promise<string | undefined> {
  try {
    return await fs.realpath(parseDestinationName(reference).path);
  } catch {
    return undefined;
  }
}
