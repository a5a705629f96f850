import { mergeLayers } from "../union/index.ts";
import { ImageBuffer } from "./image-buffer.ts";
import { ImageLayout } from "./image-layout.ts";
import { InodeWriter } from "./inode-writer.ts";
import { encodeSuperblock } from "./superblock.ts";
import { tableOf } from "./tree-table.ts";

const UUID_BYTES = 16;

/** The smallest image, 1,536 bytes: an empty root directory and no device. To try whether a kernel mounts such images. */
export function sampleErofs(): Uint8Array {
  const layout = new ImageLayout(tableOf(mergeLayers([])), false);
  layout.endSurvey();
  layout.place(0, layout.table.count);
  layout.finish(() => "");
  const buffer = new ImageBuffer();
  buffer.append(encodeSuperblock(layout.superblock(new Uint8Array(UUID_BYTES), "")));
  new InodeWriter(layout, buffer).write(0);
  buffer.skipTo(layout.bytes);
  const [image = new Uint8Array()] = buffer.finish();
  return image.slice();
}
