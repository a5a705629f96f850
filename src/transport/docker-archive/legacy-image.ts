import * as v from "valibot";
import { StrataError } from "../../base/index.ts";
import type { LayerSource, PlacedImage } from "../../image/index.ts";
import { assertPlatform } from "../../image/index.ts";
import {
  decodeDocument,
  digestOf,
  type HistoryEntry,
  MEDIA_TYPE,
  parseImageConfig,
  platformOf,
  validateDocument,
} from "../../oci/index.ts";
import { type Members, requireMember } from "../members.ts";
import type { ResolvedOptions } from "../open-options.ts";

/** One link of the chain: `ID/json`, the image as docker knew it before 1.10. Each image is one layer on its parent. */
interface LegacyImage {
  readonly id: string;
  readonly parent?: string | undefined;
  /** The document itself, from which a configuration is made. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly history: HistoryEntry;
}

const MAX_CHAIN = 1000;
const text = v.optional(v.string());
const imageSchema = v.looseObject({
  parent: text,
  created: text,
  author: text,
  comment: text,
  container_config: v.optional(v.object({ Cmd: v.optional(v.array(v.string())) })),
});
const repositoriesSchema = v.record(v.string(), v.record(v.string(), v.string()));

/**
 * The names of `repositories`, each with the id of its top image.
 * @throws StrataError of kind malformed: those of parseJson, `invalid-repositories`
 */
export function parseRepositories(bytes: Uint8Array, maxBytes: number): Map<string, string> {
  const what = "repositories file";
  const document = decodeDocument(bytes, { what, maxBytes });
  const value = validateDocument(repositoriesSchema, document, { what, code: "invalid-repositories" });
  const ids = new Map<string, string>();
  for (const [repository, tags] of Object.entries(value)) {
    for (const [tag, id] of Object.entries(tags)) ids.set(`${repository}:${tag}`, id);
  }
  return ids;
}

/**
 * An image of an archive without `manifest.json`: the chain of parents from `top`. The format knows no diffIDs;
 * configuration and history are made from the chain.
 */
export async function openLegacyImage(
  members: Members,
  top: { readonly id: string; readonly names: readonly string[] },
  options: ResolvedOptions,
): Promise<PlacedImage> {
  const chain = await readChain(members, top.id, options.limits.maxDocumentBytes);
  const layers: LayerSource[] = [];
  const history: HistoryEntry[] = [];
  for (const image of chain) {
    const layer = await openLayer(members, image.id);
    if (layer !== undefined) layers.push(layer);
    history.push(layer === undefined ? { ...image.history, empty_layer: true } : image.history);
  }
  const bytes = makeConfig(chain.at(-1)?.document ?? {}, history);
  const value = parseImageConfig(bytes, { what: `image ${top.id}`, maxBytes: Number.POSITIVE_INFINITY });
  const platform = platformOf(value);
  assertPlatform(options.platform, platform);
  return {
    names: top.names,
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.dockerConfig, digest: digestOf(bytes), bytes, value, isSynthetic: true },
    platform,
    layers,
    skipped: [],
  };
}

/** Of the images by id those that are nobody's parent, in the given order. */
export async function topImages(members: Members, ids: readonly string[], maxBytes: number): Promise<string[]> {
  const parents = new Set<string | undefined>();
  for (const id of ids) parents.add((await readLegacyImage(members, id, maxBytes)).parent);
  return ids.filter((id) => !parents.has(id));
}

/** The image and its ancestors, base first. @throws StrataError `image-chain-loop` (hostile) */
async function readChain(members: Members, top: string, maxBytes: number): Promise<LegacyImage[]> {
  const chain = new Map<string, LegacyImage>();
  for (let id: string | undefined = top; id !== undefined && id !== ""; ) {
    if (chain.has(id) || chain.size === MAX_CHAIN) throw chainLoop(id);
    const image = await readLegacyImage(members, id, maxBytes);
    chain.set(id, image);
    id = image.parent;
  }
  return [...chain.values()].reverse();
}

async function readLegacyImage(members: Members, id: string, maxBytes: number): Promise<LegacyImage> {
  const what = `image ${id}`;
  const bytes = await requireMember(members, `${id}/json`, { what, maxBytes });
  const document = decodeDocument(bytes, { what, maxBytes });
  const image = validateDocument(imageSchema, document, { what, code: "invalid-image-config" });
  const { parent, created, author, comment, container_config: step } = image;
  const entry = { created, created_by: step?.Cmd?.join(" "), author, comment };
  const history = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value !== ""));
  return { id, parent, document: image, history };
}

async function openLayer(members: Members, id: string): Promise<LayerSource | undefined> {
  const name = `${id}/layer.tar`;
  const source = await members.open(name);
  if (source === undefined) return undefined;
  const { size, location } = source;
  await source[Symbol.asyncDispose]();
  return {
    kind: "blob",
    name,
    diffId: undefined,
    descriptor: { mediaType: MEDIA_TYPE.dockerLayer, digest: undefined, size },
    location,
    open: async () => {
      const again = await members.open(name);
      if (again === undefined) throw new Error(`${name} was there a moment ago`);
      return again;
    },
  };
}

function makeConfig(document: Readonly<Record<string, unknown>>, history: readonly HistoryEntry[]): Uint8Array {
  const { architecture, os, created, author, config } = document;
  const rootfs = { type: "layers", diff_ids: [] };
  return Buffer.from(JSON.stringify({ architecture, os, created, author, config, rootfs, history }));
}

function chainLoop(id: string): StrataError {
  return new StrataError({
    code: "image-chain-loop",
    kind: "hostile",
    message: `The parents of image ${id} form a loop, or there are more than ${MAX_CHAIN}`,
  });
}
