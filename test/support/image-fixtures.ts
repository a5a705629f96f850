import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { fromText } from "../../src/base/index.ts";
import {
  type Descriptor,
  type DiffId,
  type Digest,
  type DigestAlgorithm,
  digestOf,
  hexOf,
  MEDIA_TYPE,
} from "../../src/oci/index.ts";
import { type TarMember, writeTar } from "../../src/tar/index.ts";

/** A file of a fixture: its bytes or text, or a link. */
export type FixtureFile = string | Uint8Array | { readonly symlink: string } | { readonly hardlink: string };

/** Files by name, in the order in which an archive has them. */
export type FixtureFiles = Readonly<Record<string, FixtureFile>>;

/** The bytes of a tar with these files. */
export async function tarOf(files: FixtureFiles): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(Object.entries(files).map(([name, file]) => memberOf(name, file))))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

function memberOf(name: string, file: FixtureFile): TarMember {
  const common = { name: fromText(name), mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } };
  if (typeof file === "string" || file instanceof Uint8Array) {
    const data = Buffer.from(file);
    return { entry: { ...common, type: "file", size: data.length }, data: [data] };
  }
  const [type, target] =
    "symlink" in file ? (["symlink", file.symlink] as const) : (["hardlink", file.hardlink] as const);
  return { entry: { ...common, type, linkName: fromText(target), size: 0 } };
}

/** One layer of a fixture: its tar and how it is stored. */
export interface FixtureLayer {
  readonly tar: Buffer;
  readonly stored: Buffer;
  readonly mediaType: string;
  readonly diffId: DiffId;
}

/** A layer that holds these files, gzip-compressed unless told otherwise. */
export async function layerOf(files: FixtureFiles, { compress = true } = {}): Promise<FixtureLayer> {
  const tar = await tarOf(files);
  return {
    tar,
    stored: compress ? gzipSync(tar) : tar,
    mediaType: compress ? MEDIA_TYPE.ociLayerGzip : MEDIA_TYPE.ociLayer,
    diffId: digestOf(tar) as string as DiffId,
  };
}

/** The configuration of an image of these layers. */
export function configOf(layers: readonly { readonly diffId: DiffId }[], more: object = {}): object {
  return {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, i) => ({ created_by: `step ${i}` })),
    ...more,
  };
}

/** What an image of a fixture has that others have not. */
export interface FixtureImage {
  readonly config?: object;
  readonly manifest?: object;
  readonly algorithm?: DigestAlgorithm;
}

/** Collects the blobs of an OCI layout; what it gives out are descriptors to put into manifests and indexes. */
export class FixtureLayout {
  readonly files: Record<string, FixtureFile> = {};

  /** Adds a blob and describes it. */
  blob(content: Uint8Array | object, mediaType: string, algorithm: DigestAlgorithm = "sha256"): Descriptor {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes, algorithm);
    this.files[blobPath(digest)] = bytes;
    return { mediaType, digest, size: bytes.length };
  }

  /** Adds an image with everything it needs; `manifest` and `config` override what the documents say. */
  image(
    layers: readonly FixtureLayer[],
    { config = {}, manifest = {}, algorithm = "sha256" }: FixtureImage = {},
  ): Descriptor {
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: this.blob(configOf(layers, config), MEDIA_TYPE.ociConfig, algorithm),
      layers: layers.map(({ stored, mediaType }) => this.blob(stored, mediaType, algorithm)),
      ...manifest,
    };
    return this.blob(document, MEDIA_TYPE.ociManifest, algorithm);
  }

  /** Adds an index of these. */
  index(manifests: readonly object[]): Descriptor {
    return this.blob({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }, MEDIA_TYPE.ociIndex);
  }

  /** All files of the layout with these descriptors in `index.json`. */
  finish(manifests: readonly object[]): FixtureFiles {
    return {
      ...this.files,
      "index.json": JSON.stringify({ schemaVersion: 2, manifests }),
      "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    };
  }
}

/** Where a layout keeps a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(":"))}/${hexOf(digest)}`;
}

/** A descriptor with the name that `oci:PATH:NAME` selects it by. */
export function named(descriptor: Descriptor, name: string): Descriptor {
  return { ...descriptor, annotations: { ...descriptor.annotations, "org.opencontainers.image.ref.name": name } };
}

/** A descriptor that says which platform it is for. */
export function forPlatform(descriptor: Descriptor, platform: string): Descriptor {
  const [os = "", architecture = "", variant] = platform.split("/");
  return { ...descriptor, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

/** Writes the files below a directory; links become real links. */
export async function writeFiles(directory: string, files: FixtureFiles): Promise<void> {
  for (const [name, file] of Object.entries(files)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof file === "string" || file instanceof Uint8Array) await writeFile(path, file);
    else if ("symlink" in file) await symlink(file.symlink, path);
    else await link(join(directory, file.hardlink), path);
  }
}
