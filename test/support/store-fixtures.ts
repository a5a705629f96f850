import { memorySource } from "../../src/base/index.ts";
import type { ImageDestination } from "../../src/image/index.ts";
import { type Descriptor, type Digest, type ImageIndex, type Manifest, parseManifest } from "../../src/oci/index.ts";
import type { Store } from "../../src/store/index.ts";
import { blobPath, type FixtureLayer, FixtureLayout, layerOf } from "./image-fixtures.ts";

/** Blobs by digest, and what leads to an image among them. */
export interface FixtureArtifact {
  readonly layout: FixtureLayout;
  readonly root: Descriptor;
}

/** An image of layers that hold a file of that text each. */
export async function artifactOf(texts: readonly string[], config: object = {}): Promise<FixtureArtifact> {
  const layers: FixtureLayer[] = [];
  for (const text of texts) layers.push(await layerOf({ [`file-${text.slice(0, 20)}`]: text }));
  const layout = new FixtureLayout();
  return { layout, root: layout.image(layers, { config }) };
}

/** The bytes of a blob of the layout. */
export function bytesOf({ layout }: FixtureArtifact, digest: Digest): Buffer {
  const file = layout.files[blobPath(digest)];
  if (!(file instanceof Uint8Array)) throw new Error(`the fixture has no blob ${digest}`);
  return Buffer.from(file);
}

/** Copies as a copier does: blobs, then what names them, then the root gets its name. */
export async function copyInto(
  destination: ImageDestination,
  artifact: FixtureArtifact,
  { names = [], choose = () => true }: { names?: readonly string[]; choose?: (child: Descriptor) => boolean } = {},
): Promise<void> {
  await putGraph(destination, artifact, { descriptor: artifact.root, choose });
  await destination.name(artifact.root, names);
  await destination.finish();
}

/** {@link copyInto} a store, under a name. */
export async function putImage(store: Store, name: string | undefined, artifact: FixtureArtifact): Promise<Descriptor> {
  await using destination = await store.destination(name);
  await copyInto(destination, artifact);
  return artifact.root;
}

interface Subgraph {
  readonly descriptor: Descriptor;
  readonly choose: (child: Descriptor) => boolean;
}

async function putGraph(
  to: ImageDestination,
  artifact: FixtureArtifact,
  { descriptor, choose }: Subgraph,
): Promise<void> {
  if (await to.has(descriptor)) return;
  const { mediaType, digest } = descriptor;
  const bytes = bytesOf(artifact, digest);
  const document = parseManifest(bytes, { what: "fixture", mediaType });
  for (const child of childrenOf(document)) {
    if (document.kind === "manifest") {
      await to.putBlob({ descriptor: child, open: async () => memorySource(bytesOf(artifact, child.digest)) });
    } else if (choose(child)) await putGraph(to, artifact, { descriptor: child, choose });
  }
  await to.putDocument({ mediaType, digest, bytes });
}

function childrenOf(document: Manifest | ImageIndex): readonly Descriptor[] {
  return document.kind === "index" ? document.manifests : [document.config, ...document.layers];
}
