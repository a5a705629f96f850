import { StrataError } from "../../base/index.ts";
import { type Descriptor, type Digest, isForeignLayer, type Manifest, mediaKind } from "../../oci/index.ts";
import type { GraphNode } from "./read-graph.ts";

/** A blob to copy. */
export interface PlannedBlob {
  readonly descriptor: Descriptor;
  readonly what: "config" | "layer" | "blob";
  /** Number of the layer in the first manifest that has it, counted from 0 at the base. */
  readonly layer: number | undefined;
  /** It may be absent because its owner forbids passing it on; then it stays named in the manifest. */
  readonly isForeign: boolean;
}

/** The blobs of all nodes, each once, in the order of the manifests. @throws StrataError `descriptor-conflict` (malformed) */
export function planBlobs(nodes: readonly GraphNode[]): PlannedBlob[] {
  const planned = new Map<Digest, PlannedBlob>();
  for (const { document, blobs } of nodes) {
    for (const [i, descriptor] of blobs.entries()) {
      const known = planned.get(descriptor.digest);
      if (known === undefined) planned.set(descriptor.digest, plan(descriptor, document.kind === "manifest" ? i : 0));
      else if (known.descriptor.size !== descriptor.size) throw conflict(descriptor, known.descriptor);
    }
  }
  return [...planned.values()];
}

/** `position` counts the configuration as 0 and the base layer as 1. */
function plan(descriptor: Descriptor, position: number): PlannedBlob {
  const kind = mediaKind(descriptor.mediaType);
  const what = kind === "config" || kind === "layer" ? kind : "blob";
  return {
    descriptor,
    what,
    layer: position > 0 ? position - 1 : undefined,
    isForeign: isForeignLayer(descriptor.mediaType),
  };
}

/** Whether a manifest is an image whose layers are file systems: an attestation only looks like one from its config. */
export function isImage({ config, layers }: Manifest): boolean {
  return mediaKind(config.mediaType) === "config" && layers.every(({ mediaType }) => mediaKind(mediaType) === "layer");
}

function conflict({ digest, size }: Descriptor, other: Descriptor): StrataError {
  return new StrataError({
    code: "descriptor-conflict",
    kind: "malformed",
    message: `The blob ${digest} has ${size} bytes by one descriptor and ${other.size} by another`,
    details: { digest },
  });
}
