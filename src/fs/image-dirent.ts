import type { FileType } from "../tree/index.ts";
import { FileTypeTests } from "./file-type-tests.ts";

/** What `fs.Dirent` holds: a name in a directory and what it is. */
export class ImageDirent<Name extends string | Buffer = string> extends FileTypeTests {
  readonly name: Name;
  /**
   * The directory as the caller wrote it. In a recursive listing, for the directories below it: joined with the way
   * down to them, in the encoding of the names.
   */
  readonly parentPath: string | Buffer;
  readonly #type: FileType;

  constructor(name: Name, parentPath: string | Buffer, type: FileType) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.#type = type;
  }

  /** `parentPath` by the name that it had in older versions of Node. */
  get path(): string | Buffer {
    return this.parentPath;
  }

  protected hasType(type: FileType): boolean {
    return this.#type === type;
  }
}
