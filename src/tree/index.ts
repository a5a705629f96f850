/**
 * tree: file nodes, paths inside an image, and trees as text. No bytes, no layers.
 *
 * A path here is a `ByteString` without a leading slash; the root is `""`. Names of archive entries are cleaned
 * once, where they enter ({@link cleanEntryName}), so that no other room meets `./`, `//` or `..`.
 *
 * @example
 * cleanEntryName("./usr//bin/");  // "usr/bin"
 * dumpTree([{ path: "etc", node }]);  // "directory 0755 0:0 - 0.000000000 /etc\n"
 *
 * @module
 */
export { type DumpOptions, dumpTree, escapeName } from "./dump-tree.ts";
export { baseNameOf, clampEntryName, cleanEntryName, joinPath, parentOf } from "./entry-path.ts";
export {
  type DeviceNumber,
  type FileNode,
  type FileType,
  type PlacedNode,
  TYPE_BITS,
} from "./file-node.ts";
