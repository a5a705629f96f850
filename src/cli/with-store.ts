import type { Store } from "../index.ts";
import { type StoreOptions, storeRoot } from "./store-root.ts";
import type { Terminal } from "./terminal.ts";

export interface WithStoreOptions {
  readonly terminal: Terminal;
  readonly options: StoreOptions;
  /** For verbs that only look: then the store need not be writable. */
  readonly isReadOnly?: boolean;
  /** For verbs whose answer would be wrong about a place where no store is. */
  readonly mustExist?: boolean;
}

/** Opens the local store, lets `use` work with it and closes it. */
export async function withStore<T>(
  { terminal, options, isReadOnly = false, mustExist = false }: WithStoreOptions,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const { openStore } = await import("../index.ts");
  const store = await openStore(storeRoot(options, terminal.env), { isReadOnly, mustExist });
  try {
    return await use(store);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
