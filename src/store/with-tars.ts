import { type ByteSource, StrataError, sliceSource } from "../base/index.ts";
import { createLocalScratch, type LocatedSource, type Scratch } from "../content/index.ts";
import type { ArtifactSource } from "../image/index.ts";
import type { DiffId, Digest } from "../oci/index.ts";
import type { ImageRecord, Metadata } from "./metadata/records.ts";
import { recompressed } from "./recipe.ts";
import type { StoreParts } from "./store-parts.ts";

/** The blobs of images in the store, of which some may be here only as uncompressed tars. Disposing frees what was made. */
export interface StoredBlobs extends AsyncDisposable {
  /** Whether the blob itself is here. */
  isHere(digest: Digest): Promise<boolean>;
  /**
   * Opens a blob; one that is not here is made again of its tar, where that gives the very same bytes, into temporary space.
   * Undefined where no tar stands for it. @throws StrataError `compressed-blob-discarded`
   */
  open(digest: Digest): Promise<ByteSource | undefined>;
}

/** @param metadata opens the tables when a blob is not here */
export function storedBlobs(
  { content }: Pick<StoreParts, "content">,
  metadata: () => Promise<Pick<Metadata, "read">>,
): StoredBlobs {
  let scratch: Scratch | undefined;
  const made = new Map<Digest, Promise<LocatedSource>>();
  const make = async (digest: Digest): Promise<ByteSource | undefined> => {
    const tables = await metadata();
    const tar = standIn(tables, digest);
    if (tar === undefined) return undefined;
    scratch ??= createLocalScratch();
    const making = made.get(digest) ?? makeBlob({ content }, tables, { digest, tar, scratch });
    made.set(digest, making);
    const source = await making;
    return sliceSource(source, 0, source.size);
  };
  const isHere = async (digest: Digest): Promise<boolean> => (await content.stat(digest)) !== undefined;
  return {
    isHere,
    open: async (digest) => ((await isHere(digest)) ? await content.open(digest) : await make(digest)),
    async [Symbol.asyncDispose]() {
      for (const blob of await Promise.allSettled(made.values())) {
        if (blob.status === "fulfilled") await blob.value[Symbol.asyncDispose]();
      }
      await scratch?.[Symbol.asyncDispose]();
    },
  };
}

/** An artifact of the store with blobs that are made again. It also knows from which repository each blob came. */
export function withTars(
  { content }: Pick<StoreParts, "content">,
  metadata: Metadata,
  artifact: ArtifactSource,
): ArtifactSource {
  const blobs = storedBlobs({ content }, async () => metadata);
  return {
    ...artifact,
    originOf: ({ digest }) => metadata.read((records) => records.get("blob", digest)?.origin),
    async openTar({ digest }, diffId) {
      const tar = diffId as string as Digest;
      if (tar === digest || (await blobs.isHere(digest))) return undefined;
      return (await blobs.isHere(tar)) ? await content.open(tar) : undefined;
    },
    async openBlob(descriptor): Promise<ByteSource> {
      const { digest } = descriptor;
      const source = (await blobs.isHere(digest)) ? undefined : await blobs.open(digest);
      return source ?? (await artifact.openBlob(descriptor));
    },
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]();
      await artifact[Symbol.asyncDispose]();
    },
  };
}

/** The tar that stands for a blob which is not here. */
function standIn(metadata: Pick<Metadata, "read">, digest: Digest): DiffId | undefined {
  const tarIn = ({ parts }: ImageRecord): DiffId | undefined => parts.find((part) => part.digest === digest)?.tar;
  return metadata.read(
    (records) =>
      records.get("blob", digest)?.tar ??
      records.list("image").reduce<DiffId | undefined>((tar, [, record]) => tar ?? tarIn(record), undefined),
  );
}

interface Making {
  readonly digest: Digest;
  readonly tar: DiffId;
  readonly scratch: Scratch;
}

async function makeBlob(
  { content }: Pick<StoreParts, "content">,
  metadata: Pick<Metadata, "read">,
  { digest, tar, scratch }: Making,
): Promise<LocatedSource> {
  const known = metadata.read((records) => records.get("blob", digest));
  // When it was discarded all recipes were tried; a record that knows nothing of that is one that was derived anew.
  if (known?.tar !== undefined && known.recipe === undefined) throw discarded(digest);
  await using source = await content.open(tar as string as Digest);
  const file = await scratch.create();
  try {
    if (!(await recompressed(source, digest, { recipe: known?.recipe, sink: file }))) throw discarded(digest);
    return await file.finish();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function discarded(digest: Digest): StrataError {
  return new StrataError({
    code: "compressed-blob-discarded",
    kind: "failed-precondition",
    message: `The layer ${digest} was discarded after it was unpacked, and cannot be made again from its uncompressed tar`,
    details: { digest },
    hint: "Copy it with --compression gzip, which changes its digest; or to a registry that has it; or remove the image and pull it again",
  });
}
