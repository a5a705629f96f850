import { ANNOTATION, type Descriptor, MEDIA_TYPE, parseManifest } from "../../oci/index.ts";

/** The content of the file `oci-layout` (image-spec image-layout.md#oci-layout-file). */
export const OCI_LAYOUT: string = '{"imageLayoutVersion":"1.0.0"}';

/** Something to be found at the entrance of a layout. */
export interface LayoutRoot {
  readonly descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  /** The value of `org.opencontainers.image.ref.name`; undefined for what has no name. */
  readonly name: string | undefined;
  /** Further annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
}

type RawEntry = Record<string, unknown> & { digest?: string; annotations?: Record<string, unknown> | null };
type RawIndex = Record<string, unknown> & { manifests?: RawEntry[] | null };

/**
 * The `index.json` with the roots in it: each takes the place of what had its name before, or comes last. Everything
 * else stays as it is spelled, and so do all bytes when nothing changes.
 * @throws StrataError of kind malformed for bytes that are no index
 */
export function enterRoots(before: Uint8Array | undefined, roots: readonly LayoutRoot[]): Uint8Array {
  const index = before === undefined ? emptyIndex() : parseIndex(before);
  const manifests = [...(index.manifests ?? [])];
  for (const root of roots) enter(manifests, root);
  const isSame = before !== undefined && JSON.stringify(manifests) === JSON.stringify(index.manifests ?? []);
  return isSame ? before : Buffer.from(JSON.stringify({ ...index, manifests }));
}

function emptyIndex(): RawIndex {
  return { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] };
}

function parseIndex(bytes: Uint8Array): RawIndex {
  const maxBytes = Number.POSITIVE_INFINITY;
  parseManifest(bytes, { what: "index.json", mediaType: MEDIA_TYPE.ociIndex, maxBytes });
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as RawIndex;
}

function enter(manifests: RawEntry[], { descriptor, name, annotations }: LayoutRoot): void {
  const { mediaType, digest, size } = descriptor;
  const all = { ...annotations, ...(name === undefined ? {} : { [ANNOTATION.refName]: name }) };
  const entry: RawEntry = { mediaType, digest, size, ...(Object.keys(all).length === 0 ? {} : { annotations: all }) };
  const places = manifests.flatMap((other, i) => (takesPlaceOf(entry, other) ? [i] : []));
  const [first, ...rest] = places;
  if (first === undefined) {
    manifests.push(entry);
    return;
  }
  // What says more about the same thing, a platform say, is not made poorer.
  const kept = manifests[first] as RawEntry;
  if (kept.digest !== entry.digest) manifests[first] = entry;
  for (const place of rest.reverse()) manifests.splice(place, 1);
}

/** A name of containerd's says all; the tag beside it is shared by images of other repositories. */
function takesPlaceOf(entry: RawEntry, other: RawEntry): boolean {
  const annotation = entry.annotations?.[ANNOTATION.containerdName] ? ANNOTATION.containerdName : ANNOTATION.refName;
  const [name, otherName] = [entry, other].map(({ annotations }) => annotations?.[annotation] ?? undefined);
  return name === otherName && (name !== undefined || entry.digest === other.digest);
}
