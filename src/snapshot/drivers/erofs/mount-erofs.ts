import { type ByteString, fromText, StrataError } from "../../../base/index.ts";
import { attachLoop, type LoopDevice, mountFileSystem } from "../../../linux/index.ts";

/** An image with its devices, by absolute paths. */
export interface ErofsFiles {
  readonly path: string;
  /** In the order of the image's device table. */
  readonly devices: readonly string[];
}

/**
 * Mounts an EROFS image read-only, straight from its files where the kernel can (Linux 6.12), else from loop devices,
 * which go with the mount.
 * @throws StrataError as `mountFileSystem` and `attachLoop`
 */
export function mountErofs(files: ErofsFiles, target: ByteString): void {
  try {
    mountImage(fromText(files.path), files.devices.map(fromText), target);
  } catch (error) {
    if (!(error instanceof StrataError) || error.code !== "mount-needs-device") throw error;
    mountErofsFromLoops(files, target);
  }
}

/** {@link mountErofs} through loop devices. */
function mountErofsFromLoops({ path, devices }: ErofsFiles, target: ByteString): void {
  const loops: LoopDevice[] = [];
  const attach = (file: string): ByteString => {
    const loop = attachLoop(fromText(file), { isReadOnly: true });
    loops.push(loop);
    return loop.device;
  };
  try {
    mountImage(attach(path), devices.map(attach), target);
  } finally {
    // The mount holds them from now on; without one they are free at once.
    for (const loop of loops) loop.detach();
  }
}

function mountImage(source: ByteString, devices: readonly ByteString[], target: ByteString): void {
  mountFileSystem({ type: "erofs", source, target, options: ["ro", ...devices.map((device) => `device=${device}`)] });
}
