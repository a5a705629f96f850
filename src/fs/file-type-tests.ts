import type { FileType } from "../tree/index.ts";

/** The questions that both `fs.Stats` and `fs.Dirent` answer. */
export abstract class FileTypeTests {
  protected abstract hasType(type: FileType): boolean;

  isFile(): boolean {
    return this.hasType("file");
  }

  isDirectory(): boolean {
    return this.hasType("directory");
  }

  isSymbolicLink(): boolean {
    return this.hasType("symlink");
  }

  isCharacterDevice(): boolean {
    return this.hasType("char");
  }

  isBlockDevice(): boolean {
    return this.hasType("block");
  }

  isFIFO(): boolean {
    return this.hasType("fifo");
  }

  /** Always false: layers cannot hold sockets. */
  isSocket(): boolean {
    return false;
  }
}
