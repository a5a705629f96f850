import { type FileType, TYPE_BITS } from "../tree/index.ts";
import { constants } from "./constants.ts";
import { FileTypeTests } from "./file-type-tests.ts";

/** What numbers and bigints have in common: dates and the type, which follow from the rest. */
export abstract class DerivedStats extends FileTypeTests {
  abstract readonly mode: number | bigint;
  abstract readonly atimeMs: number | bigint;
  abstract readonly mtimeMs: number | bigint;
  abstract readonly ctimeMs: number | bigint;
  abstract readonly birthtimeMs: number | bigint;

  get atime(): Date {
    return dateOf(this.atimeMs);
  }

  get mtime(): Date {
    return dateOf(this.mtimeMs);
  }

  get ctime(): Date {
    return dateOf(this.ctimeMs);
  }

  get birthtime(): Date {
    return dateOf(this.birthtimeMs);
  }

  protected hasType(type: FileType): boolean {
    return (Number(this.mode) & constants.S_IFMT) === TYPE_BITS[type];
  }
}

function dateOf(ms: number | bigint): Date {
  return new Date(Math.round(Number(ms)));
}
