import type { ContentStore } from "../../content/index.ts";

/** Where stores of the driver under test lie: what one of them keeps, another one that is opened there later finds. */
export interface ContentStorePlace extends AsyncDisposable {
  /** May be called several times, and the stores be used at once. */
  open(): Promise<ContentStore>;
}

/** One law of the port. It rejects with an `AssertionError` where the driver breaks it. */
export interface ContentStoreCase {
  /** A sentence. */
  readonly name: string;
  run(store: ContentStore, place: ContentStorePlace): Promise<void>;
}
