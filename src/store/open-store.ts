import { StrataError } from "../base/index.ts";
import { createLocalContentStore } from "../content/index.ts";
import { LocalStore } from "./local-store.ts";
import { openTables, readTables } from "./open-tables.ts";
import type { Store } from "./store.ts";
import { createStoreIndexCache } from "./store-index-cache.ts";
import { isStore, prepareRoot, storeLayout } from "./store-layout.ts";

/** How a store is opened. */
export interface OpenStoreOptions {
  /**
   * Nothing is made, locked or written, so it also works where the user may only read. The tables are those of the moment
   * when they are first asked for; what is read is not protected from others who remove it. A root that does not exist
   * is a store without images.
   */
  readonly isReadOnly?: boolean | undefined;
  /** Whether tables of contents may be remembered all the same, where the user may write. Default: unless read-only. */
  readonly remembersIndexes?: boolean | undefined;
  /** Refuses a root where no store is, instead of taking it for an empty one. Default: false. */
  readonly mustExist?: boolean | undefined;
}

/**
 * Opens the store in that directory; makes one where there is nothing or an empty directory. The tables are opened with
 * the first question to them. The caller disposes the store, last.
 * @throws StrataError `store-not-found`, `not-a-store`, `store-too-new`, `invalid-store-version`; as `fileError`
 */
export async function openStore(root: string, options: OpenStoreOptions = {}): Promise<Store> {
  const layout = storeLayout(root);
  const { isReadOnly = false, remembersIndexes = !isReadOnly, mustExist = false } = options;
  const isThere = await isStore(layout);
  if (mustExist && !isThere) throw storeNotFound(root);
  if (!isThere && !isReadOnly) await prepareRoot(layout);
  return new LocalStore({
    layout,
    isReadOnly,
    content: await createLocalContentStore({ directory: root, isReadOnly }),
    indexCache: createStoreIndexCache(layout, !remembersIndexes),
    openMetadata: () => (isReadOnly ? readTables(layout) : openTables(layout)),
  });
}

function storeNotFound(root: string): StrataError {
  return new StrataError({
    code: "store-not-found",
    kind: "not-found",
    message: `There is no store at ${root}`,
    details: { path: root },
    hint: "`strata pull` and `strata load` make one; --root and STRATA_ROOT say where",
  });
}
