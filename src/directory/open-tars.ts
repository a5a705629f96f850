import { closeSync, openSync } from "node:fs";
import { StrataError } from "../base/index.ts";
import { fileError, type LocatedSource } from "../content/index.ts";
import type { ExtractionSource } from "./extract-options.ts";
import type { OpenTar } from "./item-placer.ts";
import { PLAIN_FILE, type Rows } from "./work-list.ts";

/** The tars that the files of a list are in, by layer. Dispose it. */
export interface TarSet extends AsyncDisposable {
  /** Local files, open. */
  readonly open: readonly (OpenTar | undefined)[];
  /** Gives the stored bytes of an item, for the tars that are no local files. */
  readonly streams: readonly (((item: number) => AsyncIterable<Uint8Array>) | undefined)[];
}

/** Opens what a list needs, and only that. @throws StrataError `tar-truncated` when the data of a file would lie behind the end */
export async function openTars(items: Rows, source: ExtractionSource): Promise<TarSet> {
  const open: (OpenTar | undefined)[] = [];
  const streams: TarSet["streams"][number][] = [];
  const sources: LocatedSource[] = [];
  const dispose = async (): Promise<void> => {
    for (const tar of open) if (tar !== undefined) closeSync(tar.fd);
    for (const tar of sources) await tar[Symbol.asyncDispose]();
  };
  try {
    for (const [layer, end] of neededEnds(items)) {
      const tar = await source.openTar(layer);
      sources.push(tar);
      if (end > tar.size) throw endsTooEarly(layer, end);
      if (tar.location === undefined) streams[layer] = (item) => streamItem(items, item, tar);
      else open[layer] = openLocated(tar.location);
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { open, streams, [Symbol.asyncDispose]: dispose };
}

/** How many bytes of each layer's tar are needed. */
function neededEnds(items: Rows): Map<number, number> {
  const ends = new Map<number, number>();
  for (let item = 0; item < items.count; item++) {
    if (items.kind[item] !== PLAIN_FILE || items.size[item] === 0) continue;
    const layer = items.layer[item] as number;
    const end = (items.dataOffset[item] as number) + storedSize(items, item);
    ends.set(layer, Math.max(end, ends.get(layer) ?? 0));
  }
  return ends;
}

function storedSize(items: Rows, item: number): number {
  const sparse = items.extras.get(item)?.sparse;
  return sparse === undefined ? (items.size[item] as number) : sparse.reduce((sum, { length }) => sum + length, 0);
}

function streamItem(items: Rows, item: number, tar: LocatedSource): AsyncIterable<Uint8Array> {
  const start = items.dataOffset[item] as number;
  return tar.stream({ start, end: start + storedSize(items, item) });
}

function openLocated({ path, offset }: NonNullable<LocatedSource["location"]>): OpenTar {
  try {
    return { fd: openSync(path, "r"), offset };
  } catch (error) {
    throw fileError(error, path);
  }
}

function endsTooEarly(layer: number, end: number): StrataError {
  return new StrataError({
    code: "tar-truncated",
    kind: "malformed",
    message: `The tar of layer ${layer} ends before the data of its files do`,
    details: { layer, offset: end },
  });
}
