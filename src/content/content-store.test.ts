import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ContentStorePlace, contentStoreSuite } from "../testing/index.ts";
import { createLocalContentStore } from "./drivers/local/local-content-store.ts";
import { createMemoryContentStore } from "./drivers/memory/memory-content-store.ts";

const drivers: [string, () => Promise<ContentStorePlace>][] = [
  ["local", localPlace],
  ["memory", memoryPlace],
];

describe.each(drivers)("the %s content store", (_, makePlace) => {
  for (const { name, run } of contentStoreSuite(makePlace)) test(name, () => expect(run()).resolves.toBeUndefined());
});

async function localPlace(): Promise<ContentStorePlace> {
  const directory = await mkdtemp(join(tmpdir(), "content-test-"));
  return {
    open: () => createLocalContentStore({ directory: join(directory, "new", "store") }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

async function memoryPlace(): Promise<ContentStorePlace> {
  const store = createMemoryContentStore();
  return { open: async () => store, async [Symbol.asyncDispose]() {} };
}
