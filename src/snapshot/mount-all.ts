import { addDetails, type ByteString, fromText, replaceHint, StrataError, toText } from "../base/index.ts";
import { bindMount, mountOverlay, unmount } from "../linux/index.ts";
import { mountErofs } from "./drivers/erofs/mount-erofs.ts";
import type { Mount } from "./snapshotter.ts";

/**
 * Mounts what a snapshotter gave, in its order, at one existing directory. When one of the mounts fails those before it are
 * undone. The mounts survive the process; {@link unmountAll} ends them.
 * @throws StrataError as `mountFileSystem` of the room linux: `mount-not-permitted`, `mount-path-missing` …
 */
export async function mountAll(mounts: readonly Mount[], target: string): Promise<void> {
  let done = 0;
  try {
    for (const mount of mounts) {
      mountOne(mount, target);
      done++;
    }
  } catch (error) {
    unmountLast(target, done);
    throw explained(addDetails(error, { path: target }));
  }
}

/** Unmounts so many of what is mounted at a directory, the topmost first. @throws StrataError `mount-busy`, `not-mounted` */
export function unmountLast(target: string, count: number): void {
  for (let left = count; left > 0; left--) unmount(fromText(target));
}

/**
 * Unmounts everything that is mounted at just that directory, the topmost first; nothing mounted there is fine.
 * @throws StrataError `mount-busy`, `mount-not-permitted`: then some of it may be unmounted
 */
export async function unmountAll(target: string): Promise<void> {
  for (;;) {
    try {
      unmount(fromText(target));
    } catch (error) {
      if (error instanceof StrataError && error.code === "not-mounted") return;
      throw error;
    }
  }
}

function mountOne(mount: Mount, target: string): void {
  const [place, options] = [fromText(target), mount.options.map(fromText)];
  switch (mount.type) {
    case "bind":
      bindMount({
        source: fromText(mount.source),
        target: place,
        isReadOnly: options.includes("ro"),
        isRecursive: options.includes("rbind"),
      });
      return;
    case "overlay":
      mountOverlay({ ...overlayParts(options), target: place });
      return;
    case "erofs": {
      const devices = valuesOf(options, "device").map(toText);
      mountErofs({ path: mount.source, devices }, place);
    }
  }
}

interface OverlayParts {
  readonly lowers: readonly ByteString[];
  readonly upper?: ByteString | undefined;
  readonly work?: ByteString | undefined;
  readonly options: readonly ByteString[];
}

/** The options of an overlay as mount(8) takes them, taken apart: `\` stands before `:`, `,` and `\` of a name. */
export function overlayParts(options: readonly ByteString[]): OverlayParts {
  const one = (name: ByteString): ByteString | undefined => valuesOf(options, name).map(unescaped)[0];
  return {
    lowers: valuesOf(options, "lowerdir").flatMap(splitList).map(unescaped),
    upper: one("upperdir"),
    work: one("workdir"),
    options: options.filter((option) => !/^(lowerdir|upperdir|workdir)=/.test(option)),
  };
}

function valuesOf(options: readonly ByteString[], name: ByteString): readonly ByteString[] {
  return options.filter((option) => option.startsWith(`${name}=`)).map((option) => option.slice(name.length + 1));
}

function splitList(list: ByteString): readonly ByteString[] {
  return list.match(/(?:[^:\\]|\\.)+/gs) ?? [];
}

function unescaped(path: ByteString): ByteString {
  return path.replace(/\\(.)/gs, "$1");
}

/** Whoever may not mount can do other things. */
function explained(error: unknown): unknown {
  if (!(error instanceof StrataError) || error.code !== "mount-not-permitted") return error;
  return replaceHint(
    error,
    "Run it as root, or inside a user namespace (unshare -Urm), where overlay and vfs work; or write the files out with strata unpack",
  );
}
