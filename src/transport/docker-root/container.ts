import * as v from "valibot";
import type { LayerSource } from "../../image/index.ts";
import {
  type ChainId,
  type Digest,
  decodeDocument,
  isDigest,
  parseChainId,
  validateDocument,
} from "../../oci/index.ts";
import { directoryLayer } from "../storage-driver/directory-layer.ts";
import { type LayerPlace, layerDirectory } from "../storage-driver/layer-directories.ts";
import { missingLayer } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";
import { type DriverRoot, storageOf } from "./stored-layers.ts";

/** A container as its records have it. */
export interface StoredContainer {
  readonly id: string;
  /** Without the slash that docker begins it with. */
  readonly name: string;
  /** Id of the image it was made from. */
  readonly image: Digest | undefined;
  readonly driver: string;
  /** RFC 3339. */
  readonly created: string | undefined;
  /** The command line that ran in it. */
  readonly command: readonly string[];
}

/** What `layerdb/mounts` says of a container. */
export interface ContainerMount {
  readonly mountId: string;
  readonly initId: string | undefined;
  readonly parent: ChainId | undefined;
}

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;
const LAYER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;
const containerSchema = v.object({
  ID: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  Name: v.optional(v.string(), ""),
  Image: v.optional(v.string(), ""),
  Driver: v.optional(v.string(), ""),
  Created: v.optional(v.string()),
  Path: v.optional(v.string(), ""),
  Args: v.optional(v.array(v.string()), []),
});

/** All containers of a data root, by id. @throws StrataError those of documents, `storage-malformed` */
export async function readContainers(files: StorageFiles): Promise<StoredContainer[]> {
  const ids = files.names("containers").filter((name) => /^[0-9a-f]{64}$/.test(name));
  const found: StoredContainer[] = [];
  for (const id of ids) {
    const name = `containers/${id}/config.v2.json`;
    const bytes = await files.read(name, MAX_CONFIG_BYTES);
    if (bytes !== undefined) found.push(parseContainer(bytes, files.pathOf(name)));
  }
  return found;
}

function parseContainer(bytes: Uint8Array, what: string): StoredContainer {
  const document = decodeDocument(bytes, { what, maxBytes: MAX_CONFIG_BYTES });
  const value = validateDocument(containerSchema, document, { what, code: "storage-malformed" });
  const { ID: id, Name, Image, Driver: driver, Created: created, Path, Args } = value;
  const image = isDigest(Image) ? Image : undefined;
  return { id, name: Name.replace(/^\//, ""), image, driver, created, command: [Path, ...Args] };
}

/** Reads where a container's layers lie. @throws StrataError `storage-layer-missing`, `storage-malformed` */
export async function readMount(files: StorageFiles, driver: string, container: string): Promise<ContainerMount> {
  const record = `image/${driver}/layerdb/mounts/${container}`;
  const mountId = await files.line(`${record}/mount-id`, LAYER_ID);
  if (mountId === undefined) {
    throw missingLayer(files.pathOf(`${record}/mount-id`), `of the container ${container}`, "is missing");
  }
  const parent = await files.line(`${record}/parent`, /^sha256:[0-9a-f]{64}$/);
  const initId = await files.line(`${record}/init-id`, LAYER_ID);
  return { mountId, initId, parent: parent === undefined ? undefined : parseChainId(parent) };
}

/** The layers that a container has above those of its image: what docker put there before it started, what it wrote. */
export async function openContainerLayers(
  root: DriverRoot,
  { mountId, initId }: ContainerMount,
  top: LayerPlace | undefined,
): Promise<LayerSource[]> {
  const ids = initId === undefined || root.layout.copiesInit ? [mountId] : [initId, mountId];
  const layers: LayerSource[] = [];
  let below = top;
  for (const id of ids) {
    const place = layerDirectory(root.files, root.layout, id);
    if (place === undefined) {
      throw missingLayer(root.files.pathOf(root.layout.placesOf(id)[0]?.path ?? id), id, "is no directory");
    }
    layers.push(directoryLayer({ place, below, name: id, storage: await storageOf(root, place, id) }));
    below = place;
  }
  return layers;
}
