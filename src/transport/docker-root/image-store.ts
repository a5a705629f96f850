import * as v from "valibot";
import { addDetails } from "../../base/index.ts";
import {
  type Digest,
  decodeDocument,
  type ImageConfig,
  isDigest,
  parseDigest,
  parseImageConfig,
  validateDocument,
  verifyBytes,
} from "../../oci/index.ts";
import { missingImage } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";

/** What one driver's part of a data root says about images. */
export interface ImageStore {
  readonly driver: string;
  /** Every image with its names: those with names first, as `repositories.json` lists them. Intermediate ones last. */
  readonly images: readonly StoredImage[];
}

/** An image, by its id. */
export interface StoredImage {
  readonly id: Digest;
  /** `repository:tag` and `repository@digest`. */
  readonly names: readonly string[];
  /** True for a step of a build that another image stands on. */
  readonly isParent: boolean;
}

/** A configuration with its bytes. */
export interface StoredConfig {
  readonly bytes: Uint8Array;
  readonly value: ImageConfig;
}

/** `repositories.json` grows with every name, by some 200 bytes. */
const MAX_REPOSITORIES_BYTES = 64 * 1024 * 1024;
const digestText = v.pipe(v.string(), v.check(isDigest, "is not a digest"));
const repositoriesSchema = v.object({
  Repositories: v.optional(v.record(v.string(), v.record(v.string(), digestText)), {}),
});

/** The drivers that have a part of their own below `image/`. */
export function driversIn(files: StorageFiles): string[] {
  return files.names("image").filter((name) => files.names(`image/${name}/imagedb`).length > 0);
}

/** Reads the names and ids of a driver's images. @throws StrataError those of documents, `storage-malformed` */
export async function readImageStore(files: StorageFiles, driver: string): Promise<ImageStore> {
  const names = await readNames(files, driver);
  const ids = files
    .names(`image/${driver}/imagedb/content/sha256`)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((hex) => parseDigest(`sha256:${hex}`));
  const parents = new Set(await Promise.all(ids.map((id) => parentOf(files, driver, id))));
  const known = [...new Set([...names.keys(), ...ids])];
  const images = known.map((id) => ({ id, names: names.get(id) ?? [], isParent: parents.has(id) }));
  const isLast = ({ names: own, isParent }: StoredImage): number => (isParent && own.length === 0 ? 1 : 0);
  return { driver, images: images.sort((a, b) => isLast(a) - isLast(b)) };
}

/** Reads the configuration of an image and holds it against its id. @throws StrataError `digest-mismatch`, … */
export async function readStoredConfig(
  files: StorageFiles,
  { driver, id }: { readonly driver: string; readonly id: Digest },
  maxBytes: number,
): Promise<StoredConfig> {
  const name = `image/${driver}/imagedb/content/${id.replace(":", "/")}`;
  const path = files.pathOf(name);
  const bytes = await files.read(name, maxBytes);
  if (bytes === undefined) throw missingImage(path, id);
  try {
    verifyBytes(bytes, { digest: id, what: `image configuration ${path}` });
    return { bytes, value: parseImageConfig(bytes, { what: path, maxBytes }) };
  } catch (error) {
    throw addDetails(error, { path });
  }
}

async function readNames(files: StorageFiles, driver: string): Promise<Map<Digest, string[]>> {
  const name = `image/${driver}/repositories.json`;
  const bytes = await files.read(name, MAX_REPOSITORIES_BYTES);
  const names = new Map<Digest, string[]>();
  if (bytes === undefined) return names;
  const what = files.pathOf(name);
  const { Repositories } = validateDocument(
    repositoriesSchema,
    decodeDocument(bytes, { what, maxBytes: MAX_REPOSITORIES_BYTES }),
    { what, code: "invalid-repositories" },
  );
  for (const references of Object.values(Repositories)) {
    for (const [reference, id] of Object.entries(references)) {
      const digest = parseDigest(id);
      names.set(digest, [...(names.get(digest) ?? []), reference]);
    }
  }
  return names;
}

async function parentOf(files: StorageFiles, driver: string, id: Digest): Promise<string | undefined> {
  return await files.line(`image/${driver}/imagedb/metadata/${id.replace(":", "/")}/parent`, /^sha256:[0-9a-f]{64}$/);
}
