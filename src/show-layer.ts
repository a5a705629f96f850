import type { ListedTree } from "./changeset/index.ts";
import { Held } from "./held.ts";
import type { ImageLayer } from "./image/index.ts";
import { type ChangedField, noWhiteouts, planChangeset } from "./layer/index.ts";
import type { ListedChange } from "./listed-change.ts";
import type { OpenImageOptions } from "./open-documents.ts";
import { openImage } from "./open-image.ts";
import { type ResolvedChange, resolveChange } from "./resolve-change.ts";
import { joinPath } from "./tree/index.ts";
import { openTree } from "./tree-operand.ts";
import { mergeLayers } from "./union/index.ts";

/** How a layer is shown. */
export interface ShowLayerOptions extends OpenImageOptions {
  /** The tree below, by its name as {@link diffTrees} takes it: then only what the layer really changes is told. */
  readonly lower?: string | undefined;
}

/**
 * What one layer does, in its own order. Without a lower tree nobody knows what was there before: then all that the layer carries
 * is `added`, and what its whiteouts name is `deleted`.
 *
 * @param layer a tar archive, compressed or not; `-` is standard input
 * @throws StrataError as openImage
 */
export async function* showLayer(layer: string, options: ShowLayerOptions = {}): AsyncGenerator<ListedChange> {
  await using held = new Held();
  const { lower, ...opening } = options;
  const image = held.add(await openImage(`tar:${layer}`, opening));
  const [top] = image.layers as readonly [ImageLayer];
  if (lower === undefined) yield* contentsOf(top);
  else yield* changesOn(await openTree(lower, held, opening), top);
}

/** What a layer carries and names, nothing being below. */
function* contentsOf({ index, whiteouts }: ImageLayer): Generator<ListedChange> {
  for (const removal of planChangeset(index, whiteouts).removals) {
    // An opaque marker takes away whatever is there.
    const path = joinPath(removal.directory, removal.kind === "opaque" ? "*" : removal.name);
    yield { kind: "deleted", path, fields: [] };
  }
  const tree = mergeLayers([index], [whiteouts]);
  for (const { slot, after } of tree.changes(0)) {
    if (after !== undefined) yield { kind: "added", path: tree.pathOf(slot), fields: [], after };
  }
}

/** What a layer really changes in a tree. */
async function* changesOn(below: ListedTree, layer: ImageLayer): AsyncGenerator<ListedChange> {
  const tree = mergeLayers([below.index, layer.index], [noWhiteouts, layer.whiteouts]);
  const contents = {
    open: async (number: number, entry: number) => await (number === 0 ? below : layer).open(entry),
    openSync: () => undefined,
  };
  for (const change of tree.changes(1)) {
    const listed = listedChange(await resolveChange(tree, contents, change));
    if (listed !== undefined) yield listed;
  }
}

const KINDS = { add: "added", modify: "modified", delete: "deleted" } as const;

/** Undefined for what goes with a directory that is told, and for what the layer only says again. */
function listedChange({
  kind,
  cause,
  path,
  before,
  after,
  metadata,
  content,
}: ResolvedChange): ListedChange | undefined {
  if (kind === "delete" && cause === "ancestor") return undefined;
  const fields: ChangedField[] = kind === "modify" ? [...metadata] : [];
  if (kind === "modify" && content === "changed") fields.unshift("content");
  if (kind === "modify" && fields.length === 0) return undefined;
  return { kind: KINDS[kind], path, fields, before, after };
}
