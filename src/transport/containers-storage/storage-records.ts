import * as v from "valibot";
import { type DiffId, decodeDocument, isDigest, parseDiffId, validateDocument } from "../../oci/index.ts";
import { layerLoop, malformedStorage, missingLayer } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";

/** Records grow with every image and layer, by some 500 bytes. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;
const id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/, "is no id"));
const digest = v.pipe(v.string(), v.check(isDigest, "is not a digest"));
const names = v.optional(v.array(v.string()), []);

const imageSchema = v.object({
  id,
  names,
  digest: v.optional(v.string(), ""),
  layer: v.optional(id),
  "big-data-names": names,
});
const layerSchema = v.object({
  id,
  parent: v.optional(v.union([id, v.literal("")])),
  "diff-digest": v.optional(digest),
  "compressed-diff-digest": v.optional(digest),
});
/** One image of `images.json`. */
export type ImageRecord = v.InferOutput<typeof imageSchema>;
/** One layer of `layers.json`. */
export type LayerRecord = v.InferOutput<typeof layerSchema>;
/** The drivers with records below the root. */
export function driversIn(files: StorageFiles): string[] {
  return files
    .names(".")
    .filter((name) => name.endsWith("-images"))
    .map((name) => name.slice(0, -"-images".length))
    .filter((driver) => files.names(`${driver}-images`).includes("images.json"));
}

/** The images of a driver, in the order of the record. @throws StrataError `storage-malformed`, those of documents */
export async function readImages(files: StorageFiles, driver: string): Promise<ImageRecord[]> {
  return await readRecord(files, `${driver}-images/images.json`, v.array(imageSchema));
}

/**
 * The layers from the base up to `top`.
 * @throws StrataError `storage-layer-missing`, `storage-layer-loop`, `storage-malformed`
 */
export async function readLayerChain(files: StorageFiles, driver: string, top: string): Promise<LayerRecord[]> {
  const record = `${driver}-layers/layers.json`;
  const records = [
    ...(await readRecord(files, record, v.array(layerSchema))),
    ...(await readRecord(files, `${driver}-layers/volatile-layers.json`, v.array(layerSchema))),
  ];
  const byId = new Map(records.map((layer) => [layer.id, layer]));
  const chain = new Set<LayerRecord>();
  for (let next: string | undefined = top; next !== undefined && next !== ""; ) {
    const layer = byId.get(next);
    if (layer === undefined) throw missingLayer(files.pathOf(record), next, "does not list it");
    if (chain.has(layer)) throw layerLoop(files.pathOf(record), next);
    chain.add(layer);
    next = layer.parent;
  }
  return [...chain].reverse();
}

/**
 * Holds the layers against the diffIDs of the configuration.
 * @throws StrataError `storage-malformed`
 */
export function assertSameDiffIds(path: string, layers: readonly LayerRecord[], diffIds: readonly DiffId[]): void {
  const known = layers.map((layer) => layer["diff-digest"]);
  if (layers.length !== diffIds.length) {
    throw malformedStorage(
      path,
      `it has ${layers.length} layers where the configuration has ${diffIds.length} diffIDs`,
    );
  }
  const wrong = known.findIndex((diffId, i) => diffId !== undefined && parseDiffId(diffId) !== diffIds[i]);
  if (wrong < 0) return;
  throw malformedStorage(path, `its layer ${layers[wrong]?.id} is ${known[wrong]}, not ${diffIds[wrong]}`);
}

async function readRecord<Schema extends v.GenericSchema<unknown, unknown[]>>(
  files: StorageFiles,
  name: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const bytes = await files.read(name, MAX_RECORD_BYTES);
  const what = files.pathOf(name);
  const document = bytes === undefined ? [] : decodeDocument(bytes, { what, maxBytes: MAX_RECORD_BYTES });
  return validateDocument(schema, document ?? [], { what, code: "storage-malformed" });
}
