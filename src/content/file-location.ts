import type { ByteSource } from "../base/index.ts";

/** Where bytes lie in a file of this machine. */
export interface FileLocation {
  /** A path that this process, from any of its threads, can open for reading. */
  readonly path: string;
  /** Offset of the first byte in the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Identity of the file's state when it was opened: differs once the file was written to or replaced.
   * Undefined for temporary files, about which nothing may be remembered.
   */
  readonly stamp: string | undefined;
}

/** A source that may tell where its bytes lie. */
export interface LocatedSource extends ByteSource {
  readonly location?: FileLocation | undefined;
}

/** A part of a located range. The caller keeps it inside: `start + size <= location.size`. */
export function sliceLocation(location: FileLocation, start: number, size: number): FileLocation {
  return { ...location, offset: location.offset + start, size };
}
