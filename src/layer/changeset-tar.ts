import { type ByteString, type FileTime, toText } from "../base/index.ts";
import { type TarHeaderFields, type TarMember, type WriteTarOptions, writeTar } from "../tar/index.ts";
import { capabilityCarrier, clampedTime, type MemberContext, memberOf } from "./layer-member.ts";
import type { ListedLayer } from "./listed-layer.ts";
import { type ChangesetPlacement, type ChangesetRemoval, planChangeset } from "./plan-changeset.ts";
import { assertNamesFitLayer } from "./reserved-names.ts";
import type { WhiteoutCodec } from "./whiteout-codec.ts";

/** How an unpacked layer is written. */
export interface ChangesetTarOptions extends WriteTarOptions {
  /**
   * Attributes that overlayfs understands are part of the image: whoever listed the layer has taken out what a driver noted.
   * Default: none of them gets into the tar.
   */
  readonly keepOverlayXattrs?: boolean;
  /** Later times become this one (SOURCE_DATE_EPOCH of reproducible-builds.org). */
  readonly clampTime?: FileTime | undefined;
}

/**
 * The changeset tar (image-spec layer.md) of a layer that lies unpacked: its entries in their order, deletions as whiteouts
 * of OCI. The same contents give the same bytes. Data is opened when its turn comes; of files with holes
 * (`ListedLayer.dataRuns`) only the data is written, as PAX sparse files of GNU's format 1.0.
 * @throws StrataError as {@link assertNamesFitLayer}, before the first byte, and as `planChangeset` and `writeTar`
 */
export function changesetTar(
  layer: ListedLayer,
  codec: WhiteoutCodec,
  options: ChangesetTarOptions = {},
): AsyncIterable<Uint8Array> {
  return writeTar(membersOf(layer, codec, options), options);
}

function* membersOf(layer: ListedLayer, codec: WhiteoutCodec, options: ChangesetTarOptions): Generator<TarMember> {
  using reader = layer.reader?.();
  const context = { ...options, contents: layer, reader };
  assertNamesFitLayer(layer.index, codec);
  const { removals, placements } = planChangeset(layer.index, codec);
  const withCapability = capabilityCarrier();
  const pending = [...removals];
  // An opaque marker comes right after its directory: some programs refuse one for a directory that is not there yet.
  const removalsUpTo = function* (entry: number): Generator<TarMember> {
    while (pending[0] !== undefined && pending[0].entry <= entry) {
      yield whiteout(pending.shift() as ChangesetRemoval);
    }
  };
  for (const placement of placements) {
    yield* removalsUpTo(placement.entry - 1);
    yield memberOf(withCapability(headerOf(placement, context)), placement.entry, context);
    yield* removalsUpTo(placement.entry);
  }
  yield* removalsUpTo(Number.POSITIVE_INFINITY);
}

/** As old as the epoch: the time of a deletion is no part of an image, and would make another layer of each try. */
function whiteout(removal: ChangesetRemoval): TarMember {
  const name = removal.kind === "opaque" ? ".wh..wh..opq" : `.wh.${removal.name}`;
  const { directory } = removal;
  const path = directory === "" ? name : `${directory}/${name}`;
  const mtime = { seconds: 0, nanoseconds: 0 };
  return { entry: { name: path, type: "file", mode: 0o600, uid: 0, gid: 0, size: 0, mtime } };
}

function headerOf(
  placement: ChangesetPlacement,
  {
    contents: { index },
    keepOverlayXattrs = false,
    clampTime,
  }: ChangesetTarOptions & MemberContext<number, ListedLayer>,
): TarHeaderFields {
  const { entry } = placement;
  const { columns } = index;
  const type = index.type(entry);
  const device = columns.device[entry] as number;
  const path = pathOf(placement);
  const mtime = index.mtime(entry);
  const xattrs = index.xattrs(entry);
  return {
    name: type === "directory" ? `${path === "" ? "." : path}/` : path,
    type,
    mode: columns.mode[entry] as number,
    uid: columns.uid[entry] as number,
    gid: columns.gid[entry] as number,
    size: type === "file" ? (columns.size[entry] as number) : 0,
    mtime: clampedTime(mtime, clampTime),
    linkName: placement.kind === "link" ? placement.target : index.linkName(entry),
    devMajor: device >>> 20,
    devMinor: device & 0xfffff,
    xattrs: keepOverlayXattrs ? xattrs : withoutDriverNotes(xattrs),
  };
}

function pathOf(placement: ChangesetPlacement): ByteString {
  if (placement.kind === "root") return "";
  if (placement.kind === "plumbing") return placement.path;
  const { directory, name } = placement;
  return directory === "" ? name : `${directory}/${name}`;
}

/** overlayfs keeps its own state in attributes that mean nothing, or worse, elsewhere. */
function withoutDriverNotes(xattrs: ReadonlyMap<ByteString, Uint8Array>): ReadonlyMap<ByteString, Uint8Array> {
  if (xattrs.size === 0) return xattrs;
  return new Map([...xattrs].filter(([name]) => !/^(?:trusted|user)\.overlay\./.test(toText(name))));
}
