import { StrataError, toText } from "../../../base/index.ts";
import type { TreeChanges } from "../../../directory/index.ts";

/**
 * Refuses a layer that has a device 0:0 of its own: below an overlay it would be a whiteout, and delete what it names.
 * @throws StrataError `layer-has-whiteout-device`
 */
export function assertNoWhiteoutDevices({ files, layer }: TreeChanges): void {
  const found = files.find(({ node }) => node.type === "char" && node.device.major === 0 && node.device.minor === 0);
  if (found === undefined) return;
  const entry = toText((found.added[0] ?? found.kept[0]) as string);
  throw new StrataError({
    code: "layer-has-whiteout-device",
    kind: "unsupported",
    message: `Cannot keep layer ${layer} with the overlay driver: to overlayfs the device 0:0 "${entry}" is a whiteout`,
    details: { layer, entry },
    hint: "Use the driver erofs for views, or vfs or btrfs",
  });
}
