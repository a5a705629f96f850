import type { Descriptor } from "../../src/oci/index.ts";
import type { FixtureLayout } from "./image-fixtures.ts";
import type { RegistryServer } from "./registry-server.ts";

/** Puts everything of a layout into a repository, as if it had been pushed, and gives `root` a tag. */
export function serveFixture(
  server: RegistryServer,
  { repository, layout, root, tag }: { repository: string; layout: FixtureLayout; root: Descriptor; tag?: string },
): void {
  const served = server.repository(repository);
  for (const [name, file] of Object.entries(layout.files)) {
    const [, algorithm, hex] = name.split("/");
    const bytes = Buffer.from(file as Uint8Array);
    const mediaType = manifestTypeOf(bytes);
    if (mediaType === undefined) served.blobs.set(`${algorithm}:${hex}`, bytes);
    else served.manifests.set(`${algorithm}:${hex}`, { mediaType, bytes });
  }
  if (tag !== undefined) served.tags.set(tag, root.digest);
}

function manifestTypeOf(bytes: Buffer): string | undefined {
  if (bytes[0] !== "{".charCodeAt(0)) return undefined;
  const { mediaType, layers, manifests } = JSON.parse(bytes.toString()) as Record<string, unknown>;
  if (layers === undefined && manifests === undefined) return undefined;
  return typeof mediaType === "string" ? mediaType : "application/vnd.oci.image.manifest.v1+json";
}
