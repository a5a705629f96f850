import { StrataError } from "../../base/index.ts";
import type { PlacedImage } from "../../image/index.ts";
import { digestOf, type HistoryEntry, MEDIA_TYPE, parseImageConfig, parseJson } from "../../oci/index.ts";
import type { StoredContainer } from "./container.ts";
import { readStoredConfig, type StoredConfig } from "./image-store.ts";
import type { StoredLayer } from "./layer-store.ts";
import type { DriverRoot } from "./stored-layers.ts";

/** The layers that a container stands on and those that it has of its own. */
export interface ContainerLayers {
  readonly chain: readonly StoredLayer[];
  /** 1, or 2 with the layer that docker filled before the container started. */
  readonly own: number;
}

/**
 * The configuration of a container's view: that of its image, with a step of history for each layer of its own. Where the
 * image is gone (`docker rmi --force`), its diffIDs come from the layers.
 */
export async function containerConfig(
  { files, layout, options }: DriverRoot,
  container: StoredContainer,
  { chain, own }: ContainerLayers,
): Promise<PlacedImage["config"]> {
  const maxBytes = options.limits.maxDocumentBytes;
  const image =
    container.image &&
    (await readStoredConfig(files, { driver: layout.name, id: container.image }, maxBytes).catch(ignoreMissing));
  const document = image === undefined ? {} : (parseJson(image.bytes, { what: "configuration", maxBytes }) as object);
  const bytes = Buffer.from(
    JSON.stringify({
      ...document,
      rootfs: { type: "layers", diff_ids: chain.map(({ diffId }) => diffId) },
      history: [...historyOf(image, chain.length), ...ownHistory(container, own)],
    }),
  );
  const value = parseImageConfig(bytes, { what: `configuration of the container ${container.name}` });
  return { mediaType: MEDIA_TYPE.dockerConfig, digest: digestOf(bytes), bytes, value, isSynthetic: true };
}

/** A container outlives its image: only then is a missing configuration no fault. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof StrataError && error.code === "storage-image-missing") return undefined;
  throw error;
}

/** The steps of the image, as many with a layer as there are layers: otherwise ours would go to the wrong ones. */
function historyOf(image: StoredConfig | undefined, layers: number): HistoryEntry[] {
  let missing = layers;
  const known = (image?.value.history ?? []).filter(({ empty_layer }) => empty_layer === true || missing-- > 0);
  return [...known, ...Array.from({ length: Math.max(0, missing) }, () => ({}))];
}

function ownHistory({ id, name, created, command }: StoredContainer, own: number): HistoryEntry[] {
  const when = created === undefined ? {} : { created };
  const who = `container ${name} (${id.slice(0, 12)})`;
  const init = { ...when, created_by: "docker create", comment: `init layer of the ${who}` };
  const written = { ...when, created_by: command.join(" ").trim(), comment: `writable layer of the ${who}` };
  return own > 1 ? [init, written] : [written];
}
