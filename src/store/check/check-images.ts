import { assertNotAborted, StrataError } from "../../base/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { Fault } from "../fault.ts";
import { type ImageGraph, readGraph, rootHere, rootOf } from "../image-graph.ts";
import type { ImagePart, ImageRecord, RecordReader } from "../metadata/records.ts";
import { type CheckContext, namesShown } from "./check-context.ts";

/** Derives each image anew from its documents and holds what is found against the tables. */
export async function* checkImages(context: CheckContext): AsyncGenerator<Fault> {
  const { parts, tables, options } = context;
  if (tables === undefined) return;
  const shown = tables.read(namesShown);
  for (const [root, record] of tables.read((records) => records.list("image"))) {
    assertNotAborted(options.signal);
    const images = shown(root);
    const digest = root as Digest;
    if ((await parts.content.stat(digest)) === undefined) {
      yield rootMissing(digest, images);
      continue;
    }
    try {
      const graph = await readGraph(parts.place, parts.content, await rootHere(parts, root, record));
      yield* compare(context, { graph, record, images });
    } catch (error) {
      const fault = unreadable(error, digest, images);
      if (fault !== undefined) yield fault;
    }
  }
}

interface Compared {
  readonly graph: ImageGraph;
  readonly record: ImageRecord;
  readonly images: readonly string[];
}

async function* compare(context: CheckContext, { graph, record, images }: Compared): AsyncGenerator<Fault> {
  const { claims, sizes } = context;
  for (const { diffId, blob } of graph.layers) claims.set(blob, (claims.get(blob) ?? new Set()).add(diffId));
  for (const { digest, size } of graph.record.parts) sizes.set(digest, (sizes.get(digest) ?? new Set()).add(size));
  const wasHere = new Set(record.parts.filter(({ isHere }) => isHere).map(({ digest }) => digest));
  for (const part of graph.record.parts) {
    if (part.tar !== undefined && wasHere.has(part.digest)) yield tarStandsIn(part, images);
    if (!isLost(part, wasHere) || (await context.parts.content.stat(part.digest)) !== undefined) continue;
    yield blobMissing(part, images);
  }
  const { digest } = rootOf(graph.record);
  if (!isRecordOf(record, graph.record)) yield recordDiffers(digest, images);
  if (context.tables?.read((records) => hasLayers(records, graph)) === false) yield layersDiffer(digest, images);
}

/** A manifest that is here needs its blobs; other documents are missed only if they were here before. */
function isLost({ isHere, role, digest, tar }: ImagePart, wasHere: ReadonlySet<Digest>): boolean {
  if (isHere || tar !== undefined || role === "foreign-layer") return false;
  return role === "config" || role === "layer" || wasHere.has(digest);
}

/**
 * Whether the record is what the documents tell, apart from what came or went since it was made: blobs, or documents with
 * all that they name.
 */
function isRecordOf(record: ImageRecord, derived: ImageRecord): boolean {
  const [before, now] = [documentsIn(record), documentsIn(derived)];
  if (before.size !== now.size) return isWithin(before, now) || isWithin(now, before);
  const essence = ({ mediaType, parts }: ImageRecord): string =>
    JSON.stringify([mediaType, parts.map(({ digest, size, role }) => [digest, size, role])]);
  const hasSameLeaves = JSON.stringify(record.leaves) === JSON.stringify(derived.leaves);
  return essence(record) === essence(derived) && (hasSameLeaves || record.leaves.length !== derived.leaves.length);
}

function documentsIn({ parts }: ImageRecord): Set<Digest> {
  return new Set(
    parts.filter(({ isHere, mediaType }) => isHere && mediaType !== undefined).map(({ digest }) => digest),
  );
}

function isWithin(some: ReadonlySet<Digest>, all: ReadonlySet<Digest>): boolean {
  return [...some].every((digest) => all.has(digest));
}

function hasLayers(records: RecordReader, { layers, chains }: ImageGraph): boolean {
  const hasBlobs = layers.every(({ diffId, blob }) => records.get("layer", diffId)?.blobs.includes(blob) === true);
  return (
    hasBlobs &&
    chains.every(([chainId, { diffId, parent }]) => {
      const known = records.get("chain", chainId);
      return known?.diffId === diffId && known.parent === parent;
    })
  );
}

/** Bytes that are not those of the digest are reported with the blob itself. */
function unreadable(error: unknown, root: Digest, images: readonly string[]): Fault | undefined {
  if (!(error instanceof StrataError) || error.kind === "aborted") throw error;
  if (error.kind === "integrity") return undefined;
  return {
    code: "document-unreadable",
    severity: "error",
    what: `A document of ${root} cannot be read: ${error.message}`,
    digest: root,
    images,
    remedy: "tell whoever published it, or remove the image",
  };
}

function rootMissing(digest: Digest, images: readonly string[]): Fault {
  return {
    code: "root-missing",
    severity: "error",
    what: `The manifest or index ${digest} is missing`,
    digest,
    images,
    remedy: "pull the image again",
  };
}

function blobMissing({ digest, role }: ImagePart, images: readonly string[]): Fault {
  return {
    code: "blob-missing",
    severity: "error",
    what: `The ${role} ${digest} is missing`,
    digest,
    images,
    remedy: "pull the image again",
  };
}

function tarStandsIn({ digest, tar }: ImagePart, images: readonly string[]): Fault {
  return {
    code: "compressed-missing",
    severity: "warning",
    what: `The compressed layer ${digest} is missing; its uncompressed tar ${tar} is here`,
    digest,
    images,
    remedy: "repair the store: the tar stands for it from now on",
  };
}

function recordDiffers(digest: Digest, images: readonly string[]): Fault {
  return {
    code: "record-differs",
    severity: "warning",
    what: `The tables say something else about the image ${digest} than its documents`,
    digest,
    images,
    remedy: "repair the store: the record is derived anew",
  };
}

function layersDiffer(digest: Digest, images: readonly string[]): Fault {
  return {
    code: "layer-table-differs",
    severity: "warning",
    what: `The tables of layers lack what the image ${digest} has, or say something else`,
    digest,
    images,
    remedy: "repair the store: the tables are derived anew",
  };
}
