/**
 * linux: what the kernel offers and Node does not, through FFI. The library is loaded at the first call.
 *
 * Paths are `ByteString`s, links are never followed, failures are errno errors in the form of Node's own.
 * {@link readXattrs} is the one call that works everywhere: elsewhere there are none.
 *
 * @example
 * const capability = readXattrs("/usr/bin/ping").get("security.capability");
 *
 * @module
 */
export { isLinux } from "./libc.ts";
export {
  decodeDevice,
  encodeDevice,
  type FileTime,
  makeSpecialFile,
  type SpecialFile,
  setFileTimes,
} from "./special-file.ts";
export { readXattrs, writeXattr } from "./xattr.ts";
