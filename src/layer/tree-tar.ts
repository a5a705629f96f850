import type { FileTime } from "../base/index.ts";
import { type TarEntry, type TarHeaderFields, type TarMember, type WriteTarOptions, writeTar } from "../tar/index.ts";
import { capabilityCarrier, clampedTime, memberOf } from "./layer-member.ts";
import type { WalkedTree } from "./listed-layer.ts";
import { assertNameFitsLayer } from "./reserved-names.ts";

/** How a whole tree is written. */
export interface TreeTarOptions extends WriteTarOptions {
  /** Later times become this one (SOURCE_DATE_EPOCH of reproducible-builds.org). */
  readonly clampTime?: FileTime | undefined;
  /** Leaves out the entry of the root. */
  readonly withoutRoot?: boolean | undefined;
}

/**
 * The tar of a layer that holds a whole tree, entry by entry while the tree is walked: the bytes that `changesetTar` writes of
 * the same tree when it is listed.
 * @throws StrataError `name-reserved` (unsupported) when it comes to such a name; as `writeTar`
 */
export function treeTar(tree: WalkedTree, options: TreeTarOptions = {}): AsyncIterable<Uint8Array> {
  return writeTar(membersOf(tree, options), options);
}

function* membersOf(tree: WalkedTree, { clampTime, withoutRoot }: TreeTarOptions): Generator<TarMember> {
  using reader = tree.reader?.();
  const withCapability = capabilityCarrier();
  const context = { contents: tree, reader };
  for (const entry of tree.entries) {
    assertNameFitsLayer(entry.name);
    if (withoutRoot === true && entry.name === ROOT) continue;
    yield memberOf(withCapability(headerOf(entry, clampTime)), entry, context);
  }
}

const ROOT = "./";

/** Most entries are headers as they are. */
function headerOf(entry: TarEntry, clampTime: FileTime | undefined): TarHeaderFields {
  const mtime = clampedTime(entry.mtime, clampTime);
  if (entry.type === "directory" && entry.name !== ROOT) return { ...entry, name: `${entry.name}/`, mtime };
  return mtime === entry.mtime ? entry : { ...entry, mtime };
}
