import type { ContentStore, IndexCache } from "../../../content/index.ts";
import { ingestStream } from "../../../content/index.ts";
import { type Limits, rememberIndex } from "../../../image/index.ts";
import { LayerIndexBuilder } from "../../../layer/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import { TarScanner } from "../../../tar/index.ts";
import type { CommittedFacts } from "../../snapshot-driver.ts";
import { upperChangeset, type WrittenUpper } from "./upper-tar.ts";

/** The upper of a snapshot. */
export interface SnapshotUpper extends WrittenUpper {
  /** Names the ingest: the snapshot's id. */
  readonly id: string;
}

/** Where the layer goes. */
export interface CommitPlaces {
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  readonly limits: Limits;
}

/**
 * Makes a layer of what was written: its tar becomes a blob, durable when this resolves, and its table of contents is
 * remembered. Both are of one pass over the files.
 */
export async function commitUpper(written: SnapshotUpper, places: CommitPlaces): Promise<CommittedFacts> {
  const { content, indexCache, limits } = places;
  const { tar } = await upperChangeset(written);
  let builder = new LayerIndexBuilder();
  const open = async function* (): AsyncGenerator<Uint8Array> {
    builder = new LayerIndexBuilder();
    const scanner = new TarScanner((entry) => builder.add(entry), {
      limits,
      globalHeaders: "ignore",
      ownerNames: "ignore",
    });
    for await (const chunk of tar()) {
      scanner.push(chunk);
      yield chunk;
    }
    scanner.end();
  };
  const { digest, size } = await ingestStream(content, { ref: `snapshot ${written.id}`, expected: {}, open });
  const index = builder.finish(size);
  await rememberIndex(indexCache, digest as string as DiffId, index);
  return { content: [digest], usage: { bytes: size, inodes: index.count } };
}
