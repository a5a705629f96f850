import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type ByteSource, fromText, readAll } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { assertDocumentSize } from "../../oci/index.ts";
import { confinedDirectory } from "./confined-directory.ts";
import { malformedStorage } from "./storage-error.ts";

/** The records of a container engine: small files below its root, none of which lies outside. */
export interface StorageFiles {
  readonly root: string;
  /** The path of a record, for messages. */
  pathOf(name: string): string;
  open(name: string): Promise<ByteSource | undefined>;
  /** The whole of a record; undefined when there is none. @throws StrataError `json-too-large` */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** One line of text, without white space around it; undefined when there is no such record. */
  line(name: string, pattern: RegExp): Promise<string | undefined>;
  /** Names in a directory, sorted; none when there is no such directory. */
  names(name: string): string[];
}

const MAX_LINE_BYTES = 16 * 1024;

/** The records below `root`. */
export function storageFiles(root: string): StorageFiles {
  const files = confinedDirectory(root);
  const pathOf = (name: string): string => join(root, name);
  const read: StorageFiles["read"] = async (name, maxBytes) => {
    const source = await files.open(fromText(name));
    if (source === undefined) return undefined;
    await using _ = source;
    assertDocumentSize(source.size, pathOf(name), maxBytes);
    return await readAll(source);
  };
  return {
    root,
    pathOf,
    open: (name) => files.open(fromText(name)),
    read,
    line: async (name, pattern) => {
      const bytes = await read(name, MAX_LINE_BYTES);
      if (bytes === undefined) return undefined;
      const text = Buffer.from(bytes).toString("latin1").trim();
      if (pattern.test(text)) return text;
      throw malformedStorage(pathOf(name), `it does not hold what should be there (${pattern.source})`);
    },
    names: (name) => namesIn(pathOf(name)),
  };
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw fileError(error, path);
  }
}
