import { sliceSource } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";
import type { LayerBlob } from "../image/index.ts";
import { type Digest, MEDIA_TYPE } from "../oci/index.ts";
import type { CompressionFormat } from "../tar/index.ts";
import type { RecordedTar } from "./tar-recorder.ts";

/** A layer that was made here. Its `tar` can be read at random and without waiting; do not dispose it. */
export interface WrittenLayer extends RecordedTar {
  /** For the `layers` of an image: `open` gives the uncompressed tar, `stored` the bytes of `descriptor`. */
  readonly source: LayerBlob;
}

/** The stored bytes of a layer, where they are not its tar. */
export interface StoredLayer {
  readonly digest: Digest;
  readonly compression: Exclude<CompressionFormat, "none">;
  /** Belongs to the scratch. */
  readonly bytes: LocatedSource;
}

/** The layer of a tar that was recorded; without `stored` it is stored as the tar itself. */
export function writtenLayer(recorded: RecordedTar, stored: StoredLayer | undefined): WrittenLayer {
  const { tar, diffId } = recorded;
  const plain = { mediaType: MEDIA_TYPE.ociLayer, digest: diffId as string as Digest, size: tar.size };
  const common = {
    kind: "blob",
    diffId,
    open: async () => sliceSource(tar, 0, tar.size),
    location: tar.location,
    isContentAddressed: true,
  } as const;
  if (stored === undefined) {
    return { ...recorded, source: { ...common, name: diffId, descriptor: plain, published: plain } };
  }
  const { digest, compression, bytes } = stored;
  const mediaType = compression === "gzip" ? MEDIA_TYPE.ociLayerGzip : MEDIA_TYPE.ociLayerZstd;
  const descriptor = { mediaType, digest, size: bytes.size };
  const source: LayerBlob = {
    ...common,
    name: digest,
    descriptor,
    published: descriptor,
    tar: plain,
    stored: { isHere: true, open: async () => sliceSource(bytes, 0, bytes.size) },
  };
  return { ...recorded, source };
}
