import { rmSync } from "node:fs";
import { afterAll } from "vitest";
import { CLI_HOME } from "../cli/cli-home.ts";

// A set-up file is run for every test file, while modules are shared by all files of a worker.
afterAll(() => rmSync(CLI_HOME, { recursive: true, force: true }));
