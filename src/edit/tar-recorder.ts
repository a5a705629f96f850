import type { LocatedSource, ScratchFile } from "../content/index.ts";
import { type LayerIndex, LayerIndexBuilder, planChangeset } from "../layer/index.ts";
import { createHasher, type DiffId, diffIdOfUncompressed } from "../oci/index.ts";
import { TarScanner } from "../tar/index.ts";

/** As container engines read layers; an index knows owners by number. */
const READING = { globalHeaders: "ignore", ownerNames: "ignore" } as const;

/** An uncompressed tar that passed by, judged to be a layer. */
export interface RecordedTar {
  readonly index: LayerIndex;
  readonly diffId: DiffId;
  /** Belongs to the scratch. */
  readonly tar: LocatedSource;
}

/** Hashes, indexes and keeps an uncompressed tar while its bytes pass by. */
export class TarRecorder {
  readonly #file: ScratchFile;
  readonly #hasher = createHasher();
  readonly #builder = new LayerIndexBuilder();
  readonly #scanner = new TarScanner((entry) => this.#builder.add(entry), READING);

  /** @param file keeps the tar; stays its owner's */
  constructor(file: ScratchFile) {
    this.#file = file;
  }

  /** The same chunks, recorded before anybody else gets them. */
  async *passing(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      this.#hasher.update(chunk);
      this.#scanner.push(chunk);
      await this.#file.write(chunk);
      yield chunk;
    }
  }

  /** All bytes have come. @throws StrataError where they are no tar, or no layer (`planChangeset`) */
  async finish(): Promise<RecordedTar> {
    this.#scanner.end();
    const diffId = diffIdOfUncompressed(this.#hasher.digest());
    const tar = await this.#file.finish();
    const index = this.#builder.finish(tar.size);
    for (const _ of planChangeset(index).placements) {
      // The plan is made as it is taken, and throws at what no layer may hold.
    }
    return { index, diffId, tar };
  }
}
