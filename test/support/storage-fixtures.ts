import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { memorySource, toBuffer } from "../../src/base/index.ts";
import { chainIds, digestOf, hexOf } from "../../src/oci/index.ts";
import { encodeTarSplit, entryContent, readTar } from "../../src/tar/index.ts";
import { configOf, type FixtureLayer } from "./image-fixtures.ts";

/** An image to put into a container engine's own directories. */
export interface StoredFixture {
  /** As the engine spells them, with their tags. */
  readonly names: readonly string[];
  readonly layers: readonly FixtureLayer[];
  readonly config?: object;
}

/** Where things of an image lie after it was written. */
export interface WrittenFixture {
  readonly id: string;
  /** Of each layer, base first, relative to the root: the record, the journal, the directory with the files. */
  readonly records: readonly string[];
  readonly journals: readonly string[];
  readonly directories: readonly string[];
}

/** The journal of a tar, compressed. */
export async function journalOf(tar: Uint8Array): Promise<Buffer> {
  const lines: Uint8Array[] = [];
  for await (const line of encodeTarSplit(memorySource(tar))) lines.push(line);
  return gzipSync(Buffer.concat(lines));
}

/** Unpacks the files, directories and links of a tar whose names are harmless. */
async function unpack(tar: Uint8Array, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const source = memorySource(tar);
  for await (const entry of readTar(source)) {
    const path = toBuffer(`${directory}/${entry.name}`);
    await mkdir(dirname(path.toString()), { recursive: true });
    if (entry.type === "symlink") await symlink(toBuffer(entry.linkName), path);
    if (entry.type !== "file") continue;
    const content = entryContent(source, { ...entry, sparse: entry.sparse });
    const chunks: Uint8Array[] = [];
    for await (const chunk of content.stream()) chunks.push(chunk);
    await writeFile(path, Buffer.concat(chunks));
  }
}

async function put(root: string, name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), content);
}

/** Writes a data root of docker with these images; layers and images that are there already are shared. */
export async function writeDockerRoot(
  root: string,
  images: readonly StoredFixture[],
  { driver = "overlay2" }: { readonly driver?: "overlay2" | "fuse-overlayfs" | "aufs" } = {},
): Promise<WrittenFixture[]> {
  const repositories: Record<string, Record<string, string>> = {};
  const written: WrittenFixture[] = [];
  for (const { names, layers, config } of images) {
    const bytes = Buffer.from(JSON.stringify(configOf(layers, config)));
    const id = digestOf(bytes);
    await put(root, `image/${driver}/imagedb/content/${id.replace(":", "/")}`, bytes);
    for (const name of names) {
      const repository = name.slice(0, name.lastIndexOf(":"));
      repositories[repository] = { ...repositories[repository], [name]: id };
    }
    const chains = chainIds(layers.map(({ diffId }) => diffId));
    const places: { record: string; journal: string; directory: string }[] = [];
    for (const [i, { tar, diffId }] of layers.entries()) {
      const hex = hexOf(chains[i]!);
      const record = `image/${driver}/layerdb/sha256/${hex}`;
      const directory = driver === "aufs" ? `aufs/diff/c-${hex}` : `${driver}/c-${hex}/diff`;
      await put(root, `${record}/diff`, diffId);
      await put(root, `${record}/cache-id`, `c-${hex}`);
      await put(root, `${record}/size`, String(tar.length));
      if (i > 0) await put(root, `${record}/parent`, chains[i - 1]!);
      await put(root, `${record}/tar-split.json.gz`, await journalOf(tar));
      await unpack(tar, join(root, directory));
      if (driver !== "aufs") await put(root, `${driver}/c-${hex}/link`, hex.slice(0, 26).toUpperCase());
      places.push({ record, journal: `${record}/tar-split.json.gz`, directory });
    }
    written.push({
      id,
      records: places.map(({ record }) => record),
      journals: places.map(({ journal }) => journal),
      directories: places.map(({ directory }) => directory),
    });
  }
  await put(root, `image/${driver}/repositories.json`, JSON.stringify({ Repositories: repositories }));
  return written;
}

/** A stopped container on an image of {@link writeDockerRoot}: its own files and, if wanted, those of its init layer. */
export interface ContainerFixture {
  readonly id: string;
  readonly name: string;
  readonly image: StoredFixture;
  readonly written: FixtureLayer;
  readonly init?: FixtureLayer;
}

/** Adds a container to a data root with the driver overlay2. */
export async function writeContainer(
  root: string,
  { id, name, image, written, init }: ContainerFixture,
): Promise<void> {
  const chains = chainIds(image.layers.map(({ diffId }) => diffId));
  const imageId = digestOf(Buffer.from(JSON.stringify(configOf(image.layers, image.config))));
  const mount = `image/overlay2/layerdb/mounts/${id}`;
  await put(root, `${mount}/mount-id`, `m-${name}`);
  await put(root, `${mount}/parent`, chains.at(-1)!);
  await unpack(written.tar, join(root, `overlay2/m-${name}/diff`));
  if (init !== undefined) {
    await put(root, `${mount}/init-id`, `m-${name}-init`);
    await unpack(init.tar, join(root, `overlay2/m-${name}-init/diff`));
  }
  const record = { ID: id, Name: `/${name}`, Image: imageId, Driver: "overlay2", Path: "sh", Args: ["-c", "true"] };
  await put(root, `containers/${id}/config.v2.json`, JSON.stringify(record));
}

/** Writes a root of containers/storage with the driver overlay. */
export async function writeContainersStorage(
  root: string,
  images: readonly StoredFixture[],
): Promise<WrittenFixture[]> {
  const imageRecords: object[] = [];
  const layerRecords = new Map<string, object>();
  const written: WrittenFixture[] = [];
  for (const { names, layers, config } of images) {
    const configBytes = Buffer.from(JSON.stringify(configOf(layers, config)));
    const configDigest = digestOf(configBytes);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: configDigest,
          size: configBytes.length,
        },
        layers: layers.map((layer) => ({
          mediaType: layer.mediaType,
          digest: digestOf(layer.stored),
          size: layer.stored.length,
        })),
      }),
    );
    const id = hexOf(configDigest);
    const digest = digestOf(manifest);
    const big = (key: string): string => `overlay-images/${id}/=${Buffer.from(key).toString("base64")}`;
    await put(root, big(configDigest), configBytes);
    await put(root, big(`manifest-${digest}`), manifest);
    await put(root, `overlay-images/${id}/manifest`, manifest);
    const ids = chainIds(layers.map(({ diffId }) => diffId)).map((chain) => hexOf(chain));
    for (const [i, { tar, diffId }] of layers.entries()) {
      const layer = ids[i]!;
      layerRecords.set(layer, { id: layer, ...(i > 0 && { parent: ids[i - 1] }), "diff-digest": diffId });
      await put(root, `overlay-layers/${layer}.tar-split.gz`, await journalOf(tar));
      await put(root, `overlay/${layer}/link`, layer.slice(0, 26).toUpperCase());
      await unpack(tar, join(root, `overlay/${layer}/diff`));
    }
    imageRecords.push({ id, digest, names, layer: ids.at(-1) });
    written.push({
      id,
      records: ids.map(() => "overlay-layers/layers.json"),
      journals: ids.map((layer) => `overlay-layers/${layer}.tar-split.gz`),
      directories: ids.map((layer) => `overlay/${layer}/diff`),
    });
  }
  await put(root, "overlay-images/images.json", JSON.stringify(imageRecords));
  await put(root, "overlay-layers/layers.json", JSON.stringify([...layerRecords.values()]));
  return written;
}

/** Replaces a file of a root, or takes it away. */
export async function replaceFile(root: string, name: string, content: string | Uint8Array | undefined): Promise<void> {
  await rm(join(root, name), { force: true, recursive: true });
  if (content !== undefined) await put(root, name, content);
}
