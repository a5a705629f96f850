import { readdirSync } from "node:fs";
import { fileError } from "../content/index.ts";

/** What is in a directory, in no order; nothing where there is none. @throws StrataError as `fileError` */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, directory);
  }
}
