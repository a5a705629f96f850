import { type ByteSource, StrataError, sliceSource } from "../base/index.ts";
import { createLocalScratch, type LocatedSource, type Scratch } from "../content/index.ts";
import type { ArtifactSource } from "../image/index.ts";
import type { Descriptor, DiffId, Digest } from "../oci/index.ts";
import type { ImageRecord, Metadata } from "./metadata/records.ts";
import { recompressed } from "./recipe.ts";
import type { StoreParts } from "./store-parts.ts";

/**
 * An artifact of the store of which some layers may be here only as uncompressed tars: their blobs are made again where
 * that gives the very same bytes, into temporary space. It also knows from which repository each blob came.
 */
export function withTars(
  { content }: Pick<StoreParts, "content">,
  metadata: Metadata,
  artifact: ArtifactSource,
): ArtifactSource {
  let scratch: Scratch | undefined;
  const made = new Map<Digest, Promise<LocatedSource>>();
  const make = (digest: Digest, tar: DiffId): Promise<LocatedSource> => {
    scratch ??= createLocalScratch();
    const known = made.get(digest) ?? makeBlob({ content }, metadata, { digest, tar, scratch });
    made.set(digest, known);
    return known;
  };
  return {
    ...artifact,
    originOf: ({ digest }) => metadata.read((records) => records.get("blob", digest)?.origin),
    async openTar({ digest }, diffId) {
      const tar = diffId as string as Digest;
      if (tar === digest || (await content.stat(digest)) !== undefined) return undefined;
      return (await content.stat(tar)) === undefined ? undefined : await content.open(tar);
    },
    async openBlob(descriptor): Promise<ByteSource> {
      const tar = await standIn({ content }, metadata, descriptor);
      if (tar === undefined) return await artifact.openBlob(descriptor);
      const source = await make(descriptor.digest, tar);
      return sliceSource(source, 0, source.size);
    },
    async [Symbol.asyncDispose]() {
      for (const blob of await Promise.allSettled(made.values())) {
        if (blob.status === "fulfilled") await blob.value[Symbol.asyncDispose]();
      }
      await scratch?.[Symbol.asyncDispose]();
      await artifact[Symbol.asyncDispose]();
    },
  };
}

/** The tar that stands for a blob which is not here. */
async function standIn(
  { content }: Pick<StoreParts, "content">,
  metadata: Metadata,
  { digest }: Descriptor,
): Promise<DiffId | undefined> {
  if ((await content.stat(digest)) !== undefined) return undefined;
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
  metadata: Metadata,
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
