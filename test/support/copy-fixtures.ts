import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ANNOTATION, type Descriptor, MEDIA_TYPE } from "../../src/oci/index.ts";
import {
  type CopyOptions,
  type CopyResult,
  copyArtifact,
  type OpenDestinationOptions,
  type OpenSourceOptions,
  openArtifact,
  openDestination,
} from "../../src/transport/index.ts";
import { configOf, type FixtureLayer, FixtureLayout, forPlatform, layerOf, named } from "./image-fixtures.ts";

/** Copies by names, as the command does. */
export async function copyByName(
  from: string,
  to: string,
  options: CopyOptions & { readonly open?: OpenSourceOptions; readonly write?: OpenDestinationOptions } = {},
): Promise<CopyResult> {
  await using source = await openArtifact(from, options.open);
  await using destination = await openDestination(to, options.write);
  return await copyArtifact(source, destination, options);
}

/** Every file below a directory, in base64, by its relative path; directories too when they are empty. */
export async function filesBelow(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(directory.length + 1)] = (await readFile(path)).toString("base64");
    else if ((await readdir(path)).length === 0) found[path.slice(directory.length + 1)] = "(an empty directory)";
  }
  return found;
}

/** The images of the fixture, by the names under which the layout has them. */
export const COPY_IMAGES = [
  "one",
  "empty-layer",
  "duplicates",
  "hundred",
  "no-layers",
  "docker",
  "multi",
  "nested",
  "artifact",
] as const;

/** A layout with images of every shape that a copier must get right. */
export async function makeCopyLayout(): Promise<{ readonly layout: FixtureLayout; readonly roots: Descriptor[] }> {
  const layout = new FixtureLayout();
  const base = await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(5000) });
  const plain = await layerOf({ "etc/.wh.motd": "", "srv/data": "y".repeat(3000) }, { compress: false });
  const empty = await layerOf({});
  const one = layout.image([base], { config: { config: { Cmd: ["/bin/tool"] } } });
  const many = await Promise.all(Array.from({ length: 100 }, (_, i) => layerOf({ [`file-${i}`]: `${i}` })));
  const arm = layout.image([base, plain], { config: { architecture: "arm64" } });
  const riscv = layout.image([plain], { config: { architecture: "riscv64" } });
  const multi = layout.index([
    forPlatform(one, "linux/amd64"),
    forPlatform(arm, "linux/arm64/v8"),
    forPlatform(riscv, "linux/riscv64"),
    attestationOf(layout, one),
  ]);
  const nested = layout.index([layout.index([forPlatform(arm, "linux/arm64")]), forPlatform(one, "linux/amd64")]);
  const roots = [
    named(one, "one"),
    named(layout.image([base, empty, plain]), "empty-layer"),
    named(layout.image([base, plain, base, base]), "duplicates"),
    named(layout.image(many), "hundred"),
    named(layout.image([]), "no-layers"),
    named(dockerImage(layout, [base, plain]), "docker"),
    named(multi, "multi"),
    named(nested, "nested"),
    named(artifact(layout), "artifact"),
  ];
  return { layout, roots };
}

/** What BuildKit adds to an index about one of its manifests. */
function attestationOf(layout: FixtureLayout, about: Descriptor): Descriptor {
  const statement = layout.blob({ predicateType: "https://slsa.dev/provenance/v0.2" }, "application/vnd.in-toto+json");
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: layout.blob(configOf([], { os: "unknown", architecture: "unknown" }), MEDIA_TYPE.ociConfig),
    layers: [{ ...statement, annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" } }],
  };
  return {
    ...layout.blob(manifest, MEDIA_TYPE.ociManifest),
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      [ANNOTATION.dockerReferenceType]: "attestation-manifest",
      [ANNOTATION.dockerReferenceDigest]: about.digest,
    },
  };
}

/** An image in docker's own media types (schema 2), all layers gzip. */
function dockerImage(layout: FixtureLayout, layers: readonly FixtureLayer[]): Descriptor {
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.dockerManifest,
    config: layout.blob(configOf(layers), MEDIA_TYPE.dockerConfig),
    layers: layers.map(({ tar }) => layout.blob(gzipSync(tar), MEDIA_TYPE.dockerLayerGzip)),
  };
  return layout.blob(manifest, MEDIA_TYPE.dockerManifest);
}

/** A thing that is no image, as ORAS pushes it. */
function artifact(layout: FixtureLayout): Descriptor {
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    artifactType: "application/vnd.example.chart",
    config: layout.blob({}, "application/vnd.oci.empty.v1+json"),
    layers: [layout.blob(Buffer.from("a chart"), "application/vnd.example.chart.layer")],
    annotations: { "org.opencontainers.image.title": "chart" },
  };
  return layout.blob(manifest, MEDIA_TYPE.ociManifest);
}

/** A new directory in memory where the system has such a place: syncing thousands of small files to a disk takes long. */
export async function makeQuickDirectory(): Promise<string> {
  const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  return await mkdtemp(join(parent, "strata-copy-"));
}
