import { realpathSync } from "node:fs";
import { type ByteString, fromText, toText } from "../../base/index.ts";
import { isLinux, type MountEntry, mountOf } from "../../linux/index.ts";
import type { OverlayDialect, OverlayPlace } from "./overlay-place.ts";

/** An overlay that is mounted. */
export interface MountedOverlay extends OverlayPlace {
  readonly dialect: OverlayDialect;
}

/**
 * The overlay that is mounted at just this path; undefined where there is none, where nothing can be written to it, or where its
 * directories have no names here: they are on layers of data alone, or were given as open files.
 */
export function overlayMountAt(path: string): MountedOverlay | undefined {
  if (!isLinux()) return undefined;
  try {
    const real = fromText(realpathSync(path));
    const mount = mountOf(real);
    return mount?.type === "overlay" && mount.mountPoint === real && mount.root === "/"
      ? directoriesOf(mount)
      : undefined;
  } catch {
    // Whoever cannot be asked is walked like any other directory.
    return undefined;
  }
}

function directoriesOf({ superOptions }: MountEntry): MountedOverlay | undefined {
  const values = (key: string): ByteString[] =>
    superOptions.filter((option) => option.startsWith(key)).map((option) => option.slice(key.length));
  const [upper] = values("upperdir=");
  const lowers = [...values("lowerdir=").flatMap(splitLowers), ...values("lowerdir+=")];
  const all = [upper, ...lowers];
  const isNamed = all.every((place) => place?.startsWith("/") === true && !place.startsWith("/proc/"));
  if (upper === undefined || lowers.length === 0 || !isNamed || values("datadir+=").length > 0) return undefined;
  const isTrustedOnly = !superOptions.includes("userxattr");
  return { lowers: lowers.map(toText), upper: toText(upper), dialect: { isTrustedOnly } };
}

/** Colons between them, backslashes before those that belong to them; an empty one begins layers of data alone. */
function splitLowers(list: ByteString): ByteString[] {
  return list.split(/(?<!\\):/).map((lower) => lower.replaceAll("\\:", ":").replaceAll("\\\\", "\\"));
}
