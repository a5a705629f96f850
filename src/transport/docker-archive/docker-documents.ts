import {
  ANNOTATION,
  algorithmOf,
  type Descriptor,
  type Digest,
  formatReference,
  hexOf,
  type Manifest,
  parseReference,
} from "../../oci/index.ts";
import type { LayoutRoot } from "../oci-layout/layout-index.ts";

/** An image with the names that docker gives it. */
export interface TaggedImage {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** `name:tag`. */
  readonly tags: readonly string[];
}

/** The documents that stand at the top of an archive of docker's, beside the layout. */
export interface DockerDocuments {
  /** For `index.json`, annotated as docker and containerd do. */
  readonly roots: readonly LayoutRoot[];
  /** Docker since 1.10, podman and skopeo go by it. */
  readonly manifestJson: string;
  /** What docker had before; named after the top layer. */
  readonly repositories: string;
}

/** The documents for these images, in their order. */
export function dockerDocuments(images: readonly TaggedImage[]): DockerDocuments {
  const manifest = images.map(({ manifest: { config, layers }, tags }) => ({
    Config: blobPath(config.digest),
    RepoTags: tags.length === 0 ? null : tags,
    Layers: layers.map(({ digest }) => blobPath(digest)),
  }));
  return {
    roots: images.flatMap(rootsOf),
    manifestJson: JSON.stringify(manifest),
    repositories: JSON.stringify(repositoriesOf(images)),
  };
}

function rootsOf({ descriptor, tags }: TaggedImage): LayoutRoot[] {
  if (tags.length === 0) return [{ descriptor, name: undefined }];
  return tags.map((text) => {
    const reference = parseReference(text);
    return {
      descriptor,
      name: reference.tag,
      annotations: { [ANNOTATION.containerdName]: formatReference(reference) },
    };
  });
}

function repositoriesOf(images: readonly TaggedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { tags, manifest } of images) {
    const top = manifest.layers.at(-1);
    for (const text of top === undefined ? [] : tags) {
      const colon = text.lastIndexOf(":");
      const [name, tag] = [text.slice(0, colon), text.slice(colon + 1)];
      repositories[name] = { ...repositories[name], [tag]: hexOf(top?.digest as Digest) };
    }
  }
  return repositories;
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
