import { storedBlobCases } from "./content-store/blobs.ts";
import type { ContentStorePlace } from "./content-store/content-store-case.ts";
import { ingestCases } from "./content-store/ingests.ts";
import { refCases } from "./content-store/refs.ts";

/** A case that has its place. */
export interface RunnableCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * The conformance suite of the port `ContentStore`, for any driver and any test runner. Every case gets a new, empty place,
 * which is disposed afterwards.
 *
 * @example
 * for (const { name, run } of contentStoreSuite(async () => newPlace())) test(name, run);
 */
export function contentStoreSuite(makePlace: () => Promise<ContentStorePlace>): readonly RunnableCase[] {
  return [...storedBlobCases, ...ingestCases, ...refCases].map(({ name, run }) => ({
    name,
    run: async () => {
      await using place = await makePlace();
      await using store = await place.open();
      await run(store, place);
    },
  }));
}
