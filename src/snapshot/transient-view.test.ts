import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ContentStore, createMemoryIndexCache, createTemporaryContentStore } from "../content/index.ts";
import { openSnapshotter, type Snapshotter, snapshotKey } from "./index.ts";

let root: string;
let content: ContentStore;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "transient-view-"));
  content = await createTemporaryContentStore();
});
afterEach(async () => {
  await content[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const key = snapshotKey("v");
const below = (name: string): string[] => readdirSync(join(root, "vfs", name));
const lose = (name: string): void => {
  for (const each of below(name)) rmSync(join(root, "vfs", name, each), { recursive: true });
};
const open = (): Promise<Snapshotter> =>
  openSnapshotter({ root, driver: "vfs", content, indexCache: createMemoryIndexCache() });

/** Names become durable in their order, on most file systems: what is lost of a view are the last of these. */
describe("a transient view of which a loss of power has left", () => {
  beforeEach(async () => {
    await using snapshots = await open();
    await snapshots.view(key, undefined, { isTransient: true });
  });

  it("all is there, and can be removed", async () => {
    await using snapshots = await open();
    expect(await snapshots.stat(key)).toMatchObject({ kind: "view", labels: {} });
    await snapshots.remove(key);
    expect([below("records"), below("data"), below("locks")]).toEqual([[], [], []]);
  });

  it("its directory goes with the next cleanup", async () => {
    lose("records");
    await using snapshots = await open();
    expect((await snapshots.cleanup()).removed).toHaveLength(1);
    expect([below("data"), below("locks")]).toEqual([[], []]);
  });

  it("its record alone can be removed", async () => {
    lose("data");
    lose("locks");
    await using snapshots = await open();
    await snapshots.remove(key);
    expect([below("records"), below("data"), below("locks")]).toEqual([[], [], []]);
  });
});
