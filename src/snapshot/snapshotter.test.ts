import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLocalContentStore, createMemoryIndexCache } from "../content/index.ts";
import { openSnapshotter, snapshotKey, snapshotName } from "./index.ts";
import type { Snapshotter } from "./snapshotter.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "snapshots-test-"));
});
afterEach(() => rmSync(root, { recursive: true }));

async function open(): Promise<Snapshotter> {
  return await openSnapshotter({
    root: join(root, "snapshots"),
    driver: "vfs",
    content: await createLocalContentStore({ directory: join(root, "content") }),
    indexCache: createMemoryIndexCache(),
  });
}

describe("snapshots", () => {
  it("build on each other", async () => {
    await using snapshots = await open();
    const [mount] = await snapshots.prepare(snapshotKey("a"), undefined, { labels: { x: "1" } });
    writeFileSync(join(mount?.source ?? "", "file"), "hello");
    await snapshots.commit(snapshotName("A"), snapshotKey("a"), { labels: { y: "2" } });
    expect(await snapshots.stat(snapshotName("A"))).toMatchObject({ kind: "committed", labels: { y: "2" } });
    await expect(snapshots.stat(snapshotKey("a"))).rejects.toMatchObject({ code: "snapshot-not-found" });
    const [view] = await snapshots.view(snapshotKey("v"), snapshotName("A"));
    expect(readdirSync(view?.source ?? "")).toEqual(["file"]);
    await expect(snapshots.remove(snapshotName("A"))).rejects.toMatchObject({ code: "snapshot-has-children" });
    await snapshots.remove(snapshotKey("v"));
    await snapshots.remove(snapshotName("A"));
    for await (const info of snapshots.walk()) expect(info).toBeUndefined();
    expect(await snapshots.cleanup()).toEqual({ removed: [] });
    expect(readdirSync(join(root, "snapshots/vfs/data"))).toEqual([]);
    expect(readdirSync(join(root, "snapshots/vfs/locks"))).toEqual([]);
  });
});
