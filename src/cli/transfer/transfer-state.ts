import type { PullEvent } from "../../index.ts";

/** One blob on its way. */
export interface BlobState {
  readonly digest: string;
  readonly what: string;
  readonly size: number;
  bytes: number;
  state: "waiting" | "transferring" | "converting" | "done";
  /** How it got there, once it is done: `present`, `mounted`, `transferred`. */
  result: string | undefined;
}

/** What is known of a transfer: all that has to be drawn. */
export class TransferState {
  readonly #blobs = new Map<string, BlobState>();
  #expectedBytes = 0;
  #unpacking = 0;
  #unpacked = 0;

  /** Every blob heard of, in the order in which they were. */
  get blobs(): readonly BlobState[] {
    return [...this.#blobs.values()];
  }

  /** Bytes of all blobs, as far as they are known; and of these the ones that need not move any more. */
  get totals(): { readonly bytes: number; readonly size: number } {
    const { blobs } = this;
    const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
    return { bytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0), size: Math.max(size, this.#expectedBytes) };
  }

  /** Layers that are being unpacked, and that were. */
  get layers(): { readonly unpacking: number; readonly unpacked: number } {
    return { unpacking: this.#unpacking, unpacked: this.#unpacked };
  }

  take(event: PullEvent): void {
    switch (event.type) {
      case "resolved":
        this.#expectedBytes = event.bytes;
        break;
      case "blob": {
        const blob = this.#blob(event);
        blob.state = event.state;
        break;
      }
      case "progress":
        this.#blob({ ...event, what: "blob" }).bytes = Math.min(event.bytes, event.size);
        break;
      case "blob-done": {
        const blob = this.#blob({ ...event, what: "blob" });
        blob.state = "done";
        blob.bytes = blob.size;
        blob.result = event.result;
        break;
      }
      case "arrival":
      case "layer":
        this.#countLayer(event.state);
        break;
      // These say nothing of what is drawn.
      case "arrival-progress":
      case "layer-progress":
      case "snapshot":
      case "warming":
      case "start":
      case "document":
      case "skipped":
      case "done":
        break;
    }
  }

  #countLayer(state: "waiting" | "unpacking" | "present" | "unpacked" | "given-up"): void {
    if (state === "unpacking") this.#unpacking++;
    if (state === "unpacked" || state === "given-up") this.#unpacking--;
    if (state === "unpacked") this.#unpacked++;
  }

  #blob({ digest, what, size }: Pick<BlobState, "digest" | "what" | "size">): BlobState {
    const known = this.#blobs.get(digest);
    if (known !== undefined) return known;
    const blob: BlobState = { digest, what, size, bytes: 0, state: "waiting", result: undefined };
    this.#blobs.set(digest, blob);
    return blob;
  }
}
