import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Home, cache and store of the command lines that a test file runs: made by whoever writes there first, gone after the file. */
export const CLI_HOME = join(tmpdir(), `strata-cli-${randomUUID()}`);
