import { type BlobIngester, type BlobReader, type IngestStreamOptions, ingestStream } from "../content/index.ts";
import type { OfferedBlob, PutBlobOptions, PutBlobResult } from "./image-destination.ts";
import type { RawDocument } from "./image-source.ts";
import { streamBlob } from "./stream-blob.ts";

/** Takes an offered blob into a content store, for destinations that have one. @throws StrataError as `ingestStream` */
export async function ingestBlob(
  store: BlobReader & BlobIngester,
  blob: OfferedBlob,
  { signal, onProgress, onIngest }: PutBlobOptions & Pick<IngestStreamOptions, "onIngest"> = {},
): Promise<PutBlobResult> {
  const { digest, size } = blob.descriptor;
  const open = (start: number): AsyncIterable<Uint8Array> => streamBlob(blob, { start, signal });
  const { result } = await ingestStream(store, { expected: { digest, size }, open }, { signal, onProgress, onIngest });
  return result;
}

/** The same for a manifest or index. */
export async function ingestDocument(store: BlobReader & BlobIngester, { digest, bytes }: RawDocument): Promise<void> {
  const open = async function* (start: number): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(start);
  };
  await ingestStream(store, { expected: { digest, size: bytes.length }, open });
}
