import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContentStore } from "../../content-store.ts";
import { fileError } from "./file-error.ts";
import { createLocalContentStore } from "./local-content-store.ts";

/**
 * A content store that is gone when it is disposed, with all its blobs.
 * @param parent an existing directory with room for them; the system's directory for temporary files unless given
 * @throws StrataError as `fileError`
 */
export async function createTemporaryContentStore(parent: string = tmpdir()): Promise<ContentStore> {
  const directory = await fs.mkdtemp(join(parent, "strata-")).catch((error: unknown) => {
    throw fileError(error, parent, "write");
  });
  const store = await createLocalContentStore({ directory });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}
