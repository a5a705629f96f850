import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** How {@link layoutScript} packs an image. */
export interface LayoutOptions {
  /** The image's name in the layout; `latest` by default. */
  readonly tag?: string;
  /** Whether the layers are stored compressed; not by default. */
  readonly gzip?: boolean;
}

/** An OCI layout as the files of a directory, with the paths of its layers from the base up. */
export interface LayoutFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly layers: readonly string[];
}

/**
 * The least OCI layout that real tools open: `oci-layout`, `index.json`, one manifest, one configuration, the layers
 * (image-spec image-layout.md). The same layers give the same bytes.
 */
export function layoutScript(tars: readonly Uint8Array[], options: LayoutOptions = {}): LayoutFiles {
  const { tag = "latest", gzip = false } = options;
  const files = new Map<string, Uint8Array>();
  const add = (mediaType: string, bytes: Uint8Array): Descriptor => {
    files.set(`blobs/sha256/${sha256(bytes)}`, bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const layers = tars.map((tar) =>
    gzip
      ? add("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar, { level: 1 }))
      : add("application/vnd.oci.image.layer.v1.tar", tar),
  );
  const diffIds = tars.map((tar) => `sha256:${sha256(tar)}`);
  const config = add("application/vnd.oci.image.config.v1+json", json(configOf(diffIds)));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = add(mediaType, json({ schemaVersion: 2, mediaType, config, layers }));
  const annotations = {
    "org.opencontainers.image.ref.name": tag,
    "io.containerd.image.name": `localhost/case:${tag}`,
  };
  files.set("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  files.set("index.json", json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  return { files, layers: layers.map(({ digest }) => `blobs/sha256/${digest.slice("sha256:".length)}`) };
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function configOf(diffIds: readonly string[]): unknown {
  return {
    created: "2020-09-13T12:26:40Z",
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/nothing"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map((_, i) => ({ created: "2020-09-13T12:26:40Z", created_by: `layer ${i}` })),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
