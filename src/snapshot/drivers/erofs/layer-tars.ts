import { type BigIntStats, statSync } from "node:fs";
import { addDetails, StrataError } from "../../../base/index.ts";
import { type ContentStore, fileError } from "../../../content/index.ts";
import type { DiffId, Digest } from "../../../oci/index.ts";

/** The uncompressed tar of a layer, a file of this machine. */
export interface LayerTar {
  readonly diffId: DiffId;
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** Where the tar of a layer lies. @throws StrataError `layer-tar-missing`, `layer-tar-not-local` (unsupported) */
export async function locateTar(content: ContentStore, diffId: DiffId): Promise<LayerTar> {
  await using source = await content.open(digestOf(diffId)).catch((error: unknown) => {
    throw error instanceof StrataError && error.kind === "not-found" ? layerTarMissing(diffId, error) : error;
  });
  const { location } = source;
  if (location !== undefined && location.offset === 0) return { diffId, path: location.path, size: location.size };
  throw new StrataError({
    code: "layer-tar-not-local",
    kind: "unsupported",
    message: `The tar of the layer ${diffId} is no file of this machine, which the kernel could read`,
    details: { digest: diffId },
  });
}

/** The tars of all layers, base first. @throws StrataError as {@link locateTar}, with the number of the layer */
export async function locateTars(content: ContentStore, diffIds: readonly DiffId[]): Promise<LayerTar[]> {
  const tars: LayerTar[] = [];
  for (const [layer, diffId] of diffIds.entries()) {
    const tar = await locateTar(content, diffId).catch((error: unknown) => {
      throw addDetails(error, { layer });
    });
    tars.push(tar);
  }
  return tars;
}

/** A file as it is at one moment. */
export interface FileStamp {
  readonly size: number;
  /** Differs once the file was written to or replaced; neither reading nor renaming changes it. */
  readonly text: string;
}

/** Undefined when the file is not there. Synchronous: a chain may have hundreds, and each takes microseconds. */
export function stampOfFile(path: string): FileStamp | undefined {
  const stats = statOrThrow(path);
  if (stats === undefined) return undefined;
  const { dev, ino, size, mtimeNs } = stats;
  return { size: Number(size), text: [dev, ino, size, mtimeNs].join(":") };
}

function statOrThrow(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, path);
  }
}

/**
 * Makes sure that the tar of a layer is in the store, where a blob is durable as soon as it is visible.
 * @throws StrataError `layer-tar-missing`, also for one of another length
 */
export async function assertTar(content: ContentStore, diffId: DiffId, size: number): Promise<void> {
  const blob = await content.stat(digestOf(diffId));
  if (blob?.size !== size) throw layerTarMissing(diffId);
}

/** The name of the tar in the content store. */
export function digestOf(diffId: DiffId): Digest {
  return diffId as string as Digest;
}

/** The error of a snapshot whose layer was taken away, or was damaged so that it shows. */
export function layerTarMissing(diffId: DiffId, cause?: unknown): StrataError {
  return new StrataError({
    code: "layer-tar-missing",
    kind: "not-found",
    message: `The tar of the layer ${diffId} is not in the store, and the snapshot consists of it`,
    details: { digest: diffId },
    hint: "Pull the image again: what is missing is fetched, and the snapshot is whole again",
    ...(cause === undefined ? {} : { cause }),
  });
}
