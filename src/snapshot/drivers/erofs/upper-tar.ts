import { lstatSync } from "node:fs";
import { type ByteString, fromText, toBuffer } from "../../../base/index.ts";
import { listDirectory, upperDirectory } from "../../../directory/index.ts";
import {
  assertNamesFitLayer,
  changesetTar,
  type LayerIndex,
  noWhiteouts,
  type WhiteoutCodec,
} from "../../../layer/index.ts";
import { readXattrs } from "../../../linux/index.ts";

/** What has been written on top of a chain. */
export interface WrittenUpper {
  readonly upper: string;
  /** Where the chain is mounted; undefined where nothing is below, and the directory no upper but a whole tree. */
  readonly lower: string | undefined;
}

/**
 * The changeset (image-spec layer.md) of an upper directory of overlayfs: deletions are whiteouts, what overlayfs noted for
 * itself is left out. Of a directory with nothing below, all of it. The same files give the same bytes. May be called again.
 * @throws StrataError `name-reserved` for a file whose name a layer cannot hold; as `listDirectory` and `changesetTar`
 */
export async function upperTar({ upper, lower }: WrittenUpper): Promise<() => AsyncIterable<Uint8Array>> {
  if (lower === undefined) {
    const whole = await listDirectory(upper);
    assertNamesFitLayer(whole.index, noWhiteouts);
    return () => changesetTar(whole, noWhiteouts, { keepOverlayXattrs: true });
  }
  const { whiteouts, load } = upperDirectory(upper, "overlay", { isTrustedOnly: true });
  const listed = await load();
  const below = new LowerDirectories(lower);
  const codec = withoutIdleOpaques(whiteouts, below);
  assertNamesFitLayer(listed.index, codec);
  const isSame = isRootUnchanged(listed.index, lower);
  return () => changesetTar(listed, codec, { keepOverlayXattrs: true, isUnchanged: (entry) => entry === 0 && isSame });
}

/**
 * overlayfs marks every new directory opaque, for it makes lookups quicker. In a layer the mark says that something below is
 * hidden, which costs whoever squashes or compares layers the truth: it stays only where the chain has a directory.
 */
function withoutIdleOpaques(codec: WhiteoutCodec, below: LowerDirectories): WhiteoutCodec {
  return {
    ...codec,
    meaningOf(index, entry, place) {
      const meaning = codec.meaningOf(index, entry, place);
      if (meaning !== "opaque-directory") return meaning;
      const { directory, name } = place;
      return below.has(directory === "" ? name : `${directory}/${name}`) ? meaning : "entry";
    },
  };
}

/** Which directories the chain has, told by the mount of it, where no link is followed. */
class LowerDirectories {
  readonly #root: ByteString;
  readonly #known = new Map<ByteString, boolean>([["", true]]);

  constructor(root: string) {
    this.#root = fromText(root);
  }

  has(path: ByteString): boolean {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const isThere =
      this.has(parent) &&
      lstatSync(toBuffer(`${this.#root}/${path}`), { throwIfNoEntry: false })?.isDirectory() === true;
    this.#known.set(path, isThere);
    return isThere;
  }
}

/** Whether the upper's root, which every upper has, says nothing that the chain's does not. */
function isRootUnchanged(upper: LayerIndex, lower: string): boolean {
  const { mode, uid, gid, mtimeNs } = lstatSync(lower, { bigint: true });
  const { columns } = upper;
  const time = upper.mtime(0);
  const isSame =
    columns.mode[0] === Number(mode & 0o7777n) &&
    columns.uid[0] === Number(uid) &&
    columns.gid[0] === Number(gid) &&
    BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds) === mtimeNs;
  return isSame && hasSameXattrs(upper.xattrs(0), readXattrs(fromText(lower)));
}

function hasSameXattrs(a: ReadonlyMap<ByteString, Uint8Array>, b: ReadonlyMap<ByteString, Uint8Array>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, value]) => Buffer.compare(value, b.get(name) ?? value) === 0 && b.has(name))
  );
}
