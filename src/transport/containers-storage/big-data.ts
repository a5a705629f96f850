import type { RawDocument } from "../../image/index.ts";
import {
  type Digest,
  digestOf,
  type ImageConfig,
  type Manifest,
  parseImageConfig,
  parseManifest,
  verifyBytes,
} from "../../oci/index.ts";
import { missingImage } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";
import type { ImageRecord } from "./storage-records.ts";

/** The documents of an image, verified. */
export interface StoredDocuments {
  readonly manifest: RawDocument;
  /** Of the manifest. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly config: RawDocument & { readonly value: ImageConfig };
}

/**
 * Reads manifest and configuration from an image's big data. The manifest is the one that the record's digest names, else
 * the latest, because one image may have been stored under several.
 *
 * @throws StrataError `storage-image-missing`, `digest-mismatch`, those of documents
 */
export async function readStoredDocuments(
  files: StorageFiles,
  { driver, image }: { readonly driver: string; readonly image: ImageRecord },
  maxBytes: number,
): Promise<StoredDocuments> {
  const read = async (key: string): Promise<Uint8Array | undefined> =>
    await files.read(bigDataName(driver, image.id, key), maxBytes);
  const named = image.digest === "" ? undefined : await read(`manifest-${image.digest}`);
  const what = `manifest of the image ${image.id}`;
  if (named !== undefined) verifyBytes(named, { digest: image.digest as Digest, what });
  const parsed = named && parseManifest(named, { what, maxBytes });
  const latest = parsed?.kind === "manifest" ? undefined : await read("manifest");
  const bytes = latest ?? named;
  if (bytes === undefined) throw missingImage(files.pathOf(bigDataName(driver, image.id, "manifest")), image.id);
  const manifest = (latest === undefined ? parsed : parseManifest(bytes, { what, maxBytes })) as Manifest;
  const { digest, mediaType } = manifest.config;
  const configBytes = await read(digest);
  if (configBytes === undefined) throw missingImage(files.pathOf(bigDataName(driver, image.id, digest)), image.id);
  verifyBytes(configBytes, { digest, what: `configuration of the image ${image.id}` });
  const value = parseImageConfig(configBytes, { what: `image configuration ${digest}`, maxBytes });
  return {
    manifest: { mediaType: manifest.mediaType ?? "", digest: digestOf(bytes), bytes },
    annotations: manifest.annotations,
    config: { mediaType, digest, bytes: configBytes, value },
  };
}

/** Keys that are not plain names are files named by their base64 (containers/storage images.go, makeBigDataBaseName). */
function bigDataName(driver: string, image: string, key: string): string {
  const name = /^[.0-9a-z]+$/.test(key) ? key : `=${Buffer.from(key).toString("base64")}`;
  return `${driver}-images/${image}/${name}`;
}
