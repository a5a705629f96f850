import { join, relative } from "node:path";
import { toText } from "../../../base/index.ts";
import { writeFileDurably } from "../../../content/index.ts";
import { chainIdOf, type Digest, hexOf } from "../../../oci/index.ts";
import type { LayerStack } from "../../snapshotter.ts";
import type { Chain } from "./chain.ts";
import { type IndexSources, treeOfChain } from "./chain-tree.ts";
import { FILES, FORMAT, type ImageRecord, type ImageVariant, RECORD } from "./image-record.ts";
import { locateTars } from "./layer-tars.ts";
import { writeImageFile } from "./write-image-file.ts";

/**
 * Makes the images of a chain, the record last. The same chain gives the same bytes: its chainID is their identity. The caller
 * holds the lock of the chain's top.
 * @throws StrataError as reading the layers and writing the files does
 */
export async function makeMergedImage(
  chain: Chain,
  { sources, stack }: { readonly sources: IndexSources; readonly stack: LayerStack | undefined },
): Promise<void> {
  const { directory } = chain.top;
  const tars = await locateTars(sources.content, chain.diffIds);
  const tree = await treeOfChain(chain, sources, stack);
  const uuid = Buffer.from(hexOf(chainIdOf(chain.diffIds) as string as Digest), "hex").subarray(0, 16);
  const shared = { uuid, diffIds: chain.diffIds, content: sources.content };
  const write = (variant: ImageVariant): ReturnType<typeof writeImageFile> =>
    writeImageFile(tree, { ...shared, path: join(directory, FILES[variant]), escapeOverlay: variant === "escaped" });
  const escaped = await write("escaped");
  const plain = escaped.overlayMarked.length === 0 ? undefined : await write("plain");
  const [whiteoutDevice] = escaped.whiteoutDevices;
  const record: ImageRecord = {
    format: FORMAT,
    sizes: { escaped: escaped.bytes, plain: plain?.bytes },
    sums: { escaped: escaped.sha256, plain: plain?.sha256 },
    whiteoutDevice: whiteoutDevice === undefined ? undefined : toText(whiteoutDevice),
    tars: tars.map(({ diffId, path, size }) => ({ diffId, path: relative(directory, path), size })),
    devices: escaped.deviceLayers,
  };
  await writeFileDurably(join(directory, RECORD), JSON.stringify(record));
}
