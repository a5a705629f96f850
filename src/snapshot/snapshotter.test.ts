import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLocalContentStore, createMemoryIndexCache, lockFile } from "../content/index.ts";
import { type Digest, digestOf } from "../oci/index.ts";
import {
  type DriverName,
  openSnapshotter,
  readSnapshotContent,
  type SnapshotDriver,
  type SnapshotKey,
  snapshotKey,
  snapshotName,
} from "./index.ts";
import { snapshotterOf } from "./open-snapshotter.ts";
import { RecordTable } from "./record-table.ts";
import { makeSnapshotPlaces, snapshotPlaces } from "./snapshot-places.ts";
import type { LayerStack, Snapshotter } from "./snapshotter.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "snapshots-test-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const [a, b] = [snapshotKey("a"), snapshotKey("b")];
const [A, B] = [snapshotName("A"), snapshotName("B")];
const TAR = digestOf(Buffer.from("tar"));
const NO_STACK = {} as LayerStack;
const USAGE = { bytes: 1, inodes: 2 };

/** A driver that keeps nothing and notes what it is asked. Where `failing` is the next call, that fails. */
class NotingDriver implements SnapshotDriver {
  readonly name = "vfs";
  readonly calls: string[] = [];
  failing = "";

  async create(): Promise<void> {
    this.#note("create");
  }
  async mounts(): Promise<readonly []> {
    this.#note("mounts");
    return [];
  }
  async commit(): Promise<{ content: readonly Digest[]; usage: typeof USAGE }> {
    this.#note("commit");
    return { content: [], usage: USAGE };
  }
  async changeset(): Promise<never> {
    throw new Error("nothing is kept");
  }
  async stage(): Promise<void> {
    this.#note("stage");
  }
  async commitStaged(): Promise<{ content: readonly Digest[]; usage: typeof USAGE }> {
    this.#note("commitStaged");
    return { content: [TAR], usage: USAGE };
  }
  async warm(): Promise<void> {
    this.#note("warm");
  }
  async usage(): Promise<typeof USAGE> {
    this.#note("usage");
    return USAGE;
  }
  async remove(): Promise<void> {
    this.#note("remove");
  }
  async cleanup(): Promise<readonly string[]> {
    this.#note("cleanup");
    return [];
  }

  #note(call: string): void {
    this.calls.push(call);
    if (call === this.failing) throw new Error(`${call} fails`);
  }
}

async function openNoting(driver = new NotingDriver()): Promise<{ driver: NotingDriver; snapshots: Snapshotter }> {
  const places = snapshotPlaces(root, "vfs");
  await makeSnapshotPlaces(places);
  return { driver, snapshots: snapshotterOf({ places, records: new RecordTable(places), driver }) };
}

const below = (name: string): string[] => readdirSync(join(root, "vfs", name));

async function namesOf(snapshots: Snapshotter): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of snapshots.walk()) names.push(name);
  return names.sort();
}

describe("a snapshotter whose driver fails", () => {
  it.each(["create", "mounts"])("while it begins a snapshot (%s) has none, and nothing of it", async (call) => {
    const { driver, snapshots } = await openNoting();
    driver.failing = call;
    await expect(snapshots.prepare(a, undefined)).rejects.toThrow(`${call} fails`);
    expect(await namesOf(snapshots)).toEqual([]);
    expect([below("data"), below("locks"), below("records")]).toEqual([[], [], []]);
    expect(driver.calls.at(-1)).toBe("remove");
    driver.failing = "";
    await snapshots.prepare(a, undefined);
  });

  it("keeps blobs from being freed while it commits, also when that fails", async () => {
    const places = snapshotPlaces(root, "vfs");
    await makeSnapshotPlaces(places);
    const driver = new NotingDriver();
    const holdBlobs = async (): Promise<AsyncDisposable> => {
      driver.calls.push("hold");
      return { [Symbol.asyncDispose]: async () => void driver.calls.push("let go") };
    };
    const snapshots = snapshotterOf({ places, records: new RecordTable(places), driver, holdBlobs });
    await snapshots.prepare(a, undefined);
    driver.calls.length = 0;
    driver.failing = "commit";
    await expect(snapshots.commit(A, a)).rejects.toThrow("commit fails");
    driver.failing = "";
    await snapshots.commit(A, a);
    expect(driver.calls).toEqual(["hold", "commit", "let go", "hold", "commit", "let go"]);
  });

  it("while it commits has the active snapshot still", async () => {
    const { driver, snapshots } = await openNoting();
    await snapshots.prepare(a, undefined);
    driver.failing = "commit";
    await expect(snapshots.commit(A, a)).rejects.toThrow("commit fails");
    driver.failing = "";
    expect((await snapshots.stat(a)).kind).toBe("active");
    await snapshots.commit(A, a);
  });

  it("while it stages a layer tells which one, and keeps nothing", async () => {
    const { driver, snapshots } = await openNoting();
    driver.failing = "stage";
    await expect(snapshots.stage(NO_STACK, 3)).rejects.toThrow("stage fails");
    expect([below("data"), below("locks")]).toEqual([[], []]);
    driver.failing = "commitStaged";
    {
      await using staged = await snapshots.stage(NO_STACK, 3);
      await expect(staged.commit(A, undefined)).rejects.toThrow("commitStaged fails");
      driver.failing = "";
      await staged.commit(A, undefined);
    }
    expect((await snapshots.stat(A)).content).toEqual([TAR]);
    expect(below("data")).toHaveLength(1);
  });

  it("while it removes data has no such snapshot, and the next cleanup removes them", async () => {
    const { driver, snapshots } = await openNoting();
    await snapshots.prepare(a, undefined);
    driver.failing = "remove";
    await expect(snapshots.remove(a)).rejects.toThrow("remove fails");
    expect(await namesOf(snapshots)).toEqual([]);
    expect(below("data")).toHaveLength(1);
    driver.failing = "";
    expect((await snapshots.cleanup()).removed).toHaveLength(1);
    expect([below("data"), below("locks")]).toEqual([[], []]);
  });
});

describe("a snapshotter", () => {
  it("keeps its hands off what somebody else is making", async () => {
    const { snapshots } = await openNoting();
    mkdirSync(join(root, "vfs/data/other"));
    {
      await using _ = await lockFile(join(root, "vfs/locks/other"), "exclusive");
      expect((await snapshots.cleanup()).removed).toEqual([]);
    }
    expect((await snapshots.cleanup()).removed).toEqual([join(root, "vfs/data/other")]);
    expect([below("data"), below("locks")]).toEqual([[], []]);
  });

  it("lets nobody remove a parent while a child is being made", async () => {
    const { driver, snapshots } = await openNoting();
    await snapshots.prepare(a, undefined);
    await snapshots.commit(A, a);
    const goOn = deferred();
    const begun = deferred();
    driver.create = async () => {
      begun.resolve();
      await goOn.promise;
    };
    const preparing = snapshots.prepare(b, A);
    await begun.promise;
    const removing = snapshots.remove(A);
    goOn.resolve();
    await expect(removing).rejects.toMatchObject({ code: "snapshot-has-children" });
    await preparing;
  });

  it("remembers what nobody has changed, and sees what somebody has", async () => {
    const { snapshots } = await openNoting();
    const { snapshots: other } = await openNoting();
    for (let i = 0; i < 20; i++) {
      await snapshots.update((await begun(snapshots, `${i}`)) as SnapshotKey, { n: `${i}` });
      await other.remove(snapshotKey(`${i}`));
      expect(await namesOf(snapshots)).toEqual([]);
      expect(await namesOf(other)).toEqual([]);
    }
  });

  it("refuses a driver that does not exist", async () => {
    const content = await createLocalContentStore({ directory: join(root, "content") });
    const options = { root, content, indexCache: createMemoryIndexCache() };
    const driver = "zfs" as DriverName;
    await expect(openSnapshotter({ ...options, driver })).rejects.toMatchObject({ code: "unknown-snapshot-driver" });
  });
});

describe("a record", () => {
  it("that is damaged is told as such, and frees nothing", async () => {
    const { snapshots } = await openNoting();
    await snapshots.prepare(a, undefined);
    const path = join(root, "vfs/records", below("records")[0] ?? "");
    const text = readFileSync(path, "utf8");
    for (const damage of [
      text.slice(0, -9),
      "{}",
      text.replace(/"a"/, '"other"'),
      text.replace(/"id":"/, '"id":"../'),
    ]) {
      writeFileSync(path, damage);
      const { snapshots: fresh } = await openNoting();
      await expect(fresh.stat(a)).rejects.toMatchObject({ code: "snapshot-record-damaged" });
      await expect(fresh.cleanup()).rejects.toMatchObject({ code: "snapshot-record-damaged" });
      expect((await readSnapshotContent(root)).damaged).toHaveLength(1);
    }
    expect(below("data")).toHaveLength(1);
  });

  it("whose parent is gone says so", async () => {
    const { snapshots } = await openNoting();
    for (const [key, name, parent] of [[a, A, undefined] as const, [a, B, A] as const]) {
      await snapshots.prepare(key, parent);
      await snapshots.commit(name, key);
    }
    const { snapshots: records } = await readSnapshotContent(root);
    const id = records.find(({ name }) => name === A)?.id ?? "";
    for (const file of below("records")) {
      const path = join(root, "vfs/records", file);
      if (readFileSync(path, "utf8").includes(`"id":"${id}"`)) rmSync(path);
    }
    await expect(snapshots.prepare(a, B)).rejects.toMatchObject({ code: "snapshot-parent-missing" });
  });

  it("tells the store which blobs a snapshot needs", async () => {
    const { snapshots } = await openNoting();
    await using staged = await snapshots.stage(NO_STACK, 0);
    await staged.commit(A, undefined);
    await snapshots.prepare(a, A);
    const { content, snapshots: found, damaged } = await readSnapshotContent(root);
    expect([...content]).toEqual([TAR]);
    expect(found.map(({ name, driver, kind, usage }) => ({ name, driver, kind, usage }))).toEqual(
      expect.arrayContaining([
        { name: "A", driver: "vfs", kind: "committed", usage: USAGE },
        { name: "a", driver: "vfs", kind: "active", usage: undefined },
      ]),
    );
    expect(damaged).toEqual([]);
    expect((await readSnapshotContent(join(root, "missing"))).snapshots).toEqual([]);
  });
});

async function begun(snapshots: Snapshotter, key: string): Promise<string> {
  await snapshots.prepare(snapshotKey(key), undefined);
  return key;
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function deferred(): Deferred {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
