import {
  closeSync,
  existsSync,
  promises as fs,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { randomName } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { ANNOTATION, type Descriptor, MEDIA_TYPE, parseManifest } from "../oci/index.ts";
import type { NameRecord } from "./metadata/records.ts";

/**
 * All names once more, as `index.json`: they survive the loss of the tables, and other tools can read the root of the
 * store as an OCI layout. It is written within the transaction that changes a name, before it is committed, so after
 * `kill -9` it is the same as the tables or one change ahead; the next change makes it right again.
 *
 * Synchronous, because a transaction must not wait.
 * @throws as `fileError`: then nothing has changed
 */
export function writeNamesCopy(root: string, names: readonly (readonly [string, NameRecord])[]): void {
  const manifests = names.map(([name, { mediaType, digest, size }]) => ({
    mediaType,
    digest,
    size,
    annotations: { [ANNOTATION.refName]: name, [ANNOTATION.containerdName]: name },
  }));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests };
  if (!existsSync(join(root, "oci-layout"))) replaceSync(root, "oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  replaceSync(root, "index.json", JSON.stringify(index));
}

/** The names as the copy has them; undefined where it is missing or cannot be read. */
export async function readNamesCopy(root: string): Promise<Map<string, NameRecord> | undefined> {
  try {
    const what = "index.json";
    const bytes = await fs.readFile(join(root, what));
    const document = parseManifest(bytes, { what, mediaType: MEDIA_TYPE.ociIndex, maxBytes: bytes.length });
    if (document.kind !== "index") return undefined;
    return new Map(document.manifests.flatMap(nameOf));
  } catch {
    return undefined;
  }
}

/** Whether the tables may have that name, as far as the copy tells without being parsed; where there is none, they may. */
export async function mayHaveName(root: string, name: string): Promise<boolean> {
  try {
    return readFileSync(join(root, "index.json"), "utf8").includes(JSON.stringify(name));
  } catch {
    return true;
  }
}

function nameOf({ annotations, mediaType, digest, size }: Descriptor): [string, NameRecord][] {
  const name = annotations?.[ANNOTATION.refName];
  return name === undefined ? [] : [[name, { mediaType, digest, size }]];
}

function replaceSync(root: string, name: string, text: string): void {
  const path = join(root, name);
  const aside = `${path}.${randomName()}.partial`;
  try {
    writeFileSync(aside, text, { flag: "wx", flush: true });
    renameSync(aside, path);
    syncDirectorySync(root);
  } catch (error) {
    rmSync(aside, { force: true });
    throw fileError(error, path, "write");
  }
}

function syncDirectorySync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
