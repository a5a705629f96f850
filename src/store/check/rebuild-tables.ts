import { promises as fs } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../../base/index.ts";
import { lockFile, syncDirectory } from "../../content/index.ts";
import { DEFAULT_SOURCE_LIMITS, readDocument } from "../../image/index.ts";
import { type Descriptor, type Digest, MEDIA_TYPE, parseManifest } from "../../oci/index.ts";
import { type ImageGraph, readGraph } from "../image-graph.ts";
import { openMetadata } from "../metadata/open-metadata.ts";
import type { NameRecord } from "../metadata/records.ts";
import { readNamesCopy, writeNamesCopy } from "../names-copy.ts";
import { saveImage } from "../save-image.ts";
import type { StoreParts } from "../store-parts.ts";
import { missingImage } from "./missing-image.ts";
import { quarantine } from "./quarantine.ts";

/** The files of LMDB lie here until they are complete. */
const ASIDE = "metadata.partial";

/**
 * Makes the tables anew: names from their copy, images from the manifests and indexes among the blobs. Those that no
 * other document names and that have no name become dangling images. The old tables go to quarantine.
 * @returns where the old tables lie now
 * @throws StrataError `file-locked` while another process has the tables open
 */
export async function rebuildTables(parts: StoreParts): Promise<string | undefined> {
  const { layout } = parts;
  await parts.closeMetadata();
  await using _ = await lockFile(layout.version, "exclusive");
  const aside = join(layout.root, ASIDE);
  await fs.rm(aside, { recursive: true, force: true });
  const names = (await readNamesCopy(layout.root)) ?? new Map<string, NameRecord>();
  await fillTables(parts, aside, names);
  // Killed between here and the last line, the store has no tables but a copy of the names: then this is done again.
  const movedTo = await quarantine(layout, "metadata");
  await fs.rename(aside, layout.metadata);
  await syncDirectory(layout.root);
  return movedTo;
}

async function fillTables(
  { layout, content, place }: StoreParts,
  aside: string,
  names: ReadonlyMap<string, NameRecord>,
): Promise<void> {
  const graphs: ImageGraph[] = [];
  const unread: NameRecord[] = [];
  for (const root of await findRoots({ content, place }, names)) {
    try {
      graphs.push(await readGraph(place, content, root));
    } catch (error) {
      if (!(error instanceof StrataError)) throw error;
      unread.push(root);
    }
  }
  await using metadata = await openMetadata(aside, (all) => writeNamesCopy(layout.root, all));
  metadata.write((records) => {
    for (const root of unread) records.put("image", root.digest, missingImage(root));
    for (const graph of graphs) saveImage(records, graph, []);
    for (const [name, record] of names) records.put("name", name, record);
  });
}

/** What has a name, and what no other document names. */
async function findRoots(
  parts: Pick<StoreParts, "content" | "place">,
  names: ReadonlyMap<string, NameRecord>,
): Promise<readonly Descriptor[]> {
  const roots = new Map<Digest, Descriptor>();
  const children = new Set<Digest>();
  for (const { descriptor, named } of await findDocuments(parts)) {
    roots.set(descriptor.digest, descriptor);
    for (const digest of named) children.add(digest);
  }
  for (const digest of children) roots.delete(digest);
  for (const { mediaType, digest, size } of names.values()) roots.set(digest, { mediaType, digest, size });
  return [...roots.values()];
}

interface FoundDocument {
  readonly descriptor: Descriptor;
  /** The documents that it names. */
  readonly named: readonly Digest[];
}

async function findDocuments({ content, place }: Pick<StoreParts, "content" | "place">): Promise<FoundDocument[]> {
  const maxBytes = DEFAULT_SOURCE_LIMITS.maxDocumentBytes;
  const found: FoundDocument[] = [];
  for await (const { digest, size } of content.list()) {
    if (size > maxBytes) continue;
    try {
      const bytes = await readDocument(place, { digest, size }, { what: "blob", role: "manifest", maxBytes });
      const document = parseManifest(bytes, { what: `blob ${digest}`, maxBytes });
      const isIndex = document.kind === "index";
      const mediaType = document.mediaType ?? (isIndex ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
      const named = isIndex ? document.manifests.map((child) => child.digest) : [];
      found.push({ descriptor: { mediaType, digest, size }, named });
    } catch (error) {
      // Layers, configurations, damaged blobs: no documents that lead to an image.
      if (!(error instanceof StrataError)) throw error;
    }
  }
  return found;
}
