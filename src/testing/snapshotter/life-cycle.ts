import assert from "node:assert/strict";
import { type SnapshotKey, type SnapshotName, snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { assertFails } from "../content-store/expectations.ts";
import { names } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const [a, b] = [snapshotKey("a"), snapshotKey("b")];
const [A, B, C] = [snapshotName("A"), snapshotName("B"), snapshotName("C")];

/** Which kinds of snapshots there are, what makes them, and what is refused (TRAPS: containerd's basic cases). */
export const lifeCycleCases: readonly SnapshotterCase[] = [
  {
    name: "a new place holds no snapshot",
    async run(snapshots) {
      assert.deepEqual(await names(snapshots), []);
      await assertFails(snapshots.stat(A), "snapshot-not-found");
      await assertFails(snapshots.mounts(a), "snapshot-not-found");
      await assertFails(snapshots.remove(a), "snapshot-not-found");
      await assertFails(snapshots.usage(a), "snapshot-not-found");
      await assertFails(snapshots.update(a, { x: "1" }), "snapshot-not-found");
      await assertFails(snapshots.commit(A, a), "snapshot-not-found");
      await assertFails(snapshots.warm(A), "snapshot-not-found");
    },
  },
  {
    name: "a snapshot is active, then committed under another name, then a parent",
    async run(snapshots) {
      await snapshots.prepare(a, undefined);
      const active = await snapshots.stat(a);
      assert.equal(active.kind, "active");
      assert.equal(active.parent, undefined);
      await snapshots.commit(A, a);
      await assertFails(snapshots.stat(a), "snapshot-not-found");
      const committed = await snapshots.stat(A);
      assert.equal(committed.kind, "committed");
      assert.equal(committed.name, "A");
      assert.equal(committed.createdAt, active.createdAt);
      await snapshots.prepare(b, A);
      assert.equal((await snapshots.stat(b)).parent, "A");
      await snapshots.view(snapshotKey("v"), A);
      assert.equal((await snapshots.stat(snapshotKey("v"))).kind, "view");
      assert.deepEqual(await names(snapshots), ["A", "b", "v"]);
    },
  },
  {
    name: "an empty view is a view",
    async run(snapshots) {
      await snapshots.view(a, undefined);
      assert.equal((await snapshots.stat(a)).kind, "view");
    },
  },
  {
    name: "keys and names share one space, and none is taken twice",
    async run(snapshots) {
      await snapshots.prepare(a, undefined);
      await snapshots.prepare(b, undefined);
      await snapshots.commit(A, b);
      for (const taken of [a, snapshotKey("A")]) {
        await assertFails(snapshots.prepare(taken, undefined), "snapshot-exists");
        await assertFails(snapshots.view(taken, A), "snapshot-exists");
      }
      await assertFails(snapshots.commit(A, a), "snapshot-exists");
      await assertFails(snapshots.commit(snapshotName("a"), a), "snapshot-exists");
      assert.deepEqual(await names(snapshots), ["A", "a"]);
    },
  },
  {
    name: "a key is free again after its snapshot was committed or removed",
    async run(snapshots) {
      await snapshots.prepare(a, undefined);
      await snapshots.commit(A, a);
      await snapshots.prepare(a, A);
      await snapshots.remove(a);
      await snapshots.view(a, A);
      assert.deepEqual(await names(snapshots), ["A", "a"]);
    },
  },
  {
    name: "only what is committed is a parent",
    async run(snapshots) {
      await assertFails(snapshots.prepare(a, A), "snapshot-not-found");
      await assertFails(snapshots.view(a, A), "snapshot-not-found");
      await snapshots.prepare(a, undefined);
      await snapshots.view(snapshotKey("v"), undefined);
      for (const parent of ["a", "v"].map(snapshotName)) {
        await assertFails(snapshots.prepare(b, parent), "snapshot-not-committed");
        await assertFails(snapshots.view(b, parent), "snapshot-not-committed");
      }
      await assertFails(snapshots.warm(snapshotName("a")), "snapshot-not-committed");
      assert.deepEqual(await names(snapshots), ["a", "v"]);
    },
  },
  {
    name: "only what is active is committed, and only what is not committed is mounted",
    async run(snapshots) {
      await snapshots.view(a, undefined);
      await assertFails(snapshots.commit(A, a), "snapshot-not-active");
      await snapshots.prepare(b, undefined);
      await snapshots.commit(B, b);
      await assertFails(snapshots.commit(C, "B" as SnapshotKey), "snapshot-not-active");
      await assertFails(snapshots.mounts("B" as SnapshotKey), "snapshot-not-active");
    },
  },
  {
    name: "what others build on is not removed, in the middle of a chain neither",
    async run(snapshots) {
      let parent: SnapshotName | undefined;
      for (const name of [A, B, C]) {
        await snapshots.prepare(a, parent);
        await snapshots.commit(name, a);
        parent = name;
      }
      await snapshots.view(b, C);
      for (const name of [A, B, C]) await assertFails(snapshots.remove(name), "snapshot-has-children");
      for (const name of [b, C, B, A]) await snapshots.remove(name);
      assert.deepEqual(await names(snapshots), []);
    },
  },
  {
    name: "a text that is empty names no snapshot, and any other does",
    async run(snapshots) {
      await assertFails(snapshots.prepare("" as SnapshotKey, undefined), "invalid-snapshot-name");
      await assertFails(snapshots.view("\0" as SnapshotKey, undefined), "invalid-snapshot-name");
      const texts = ["../../etc", "default/12/a b", "/", ".", "ü\n", "x".repeat(5000)];
      for (const text of texts) await snapshots.prepare(snapshotKey(text), undefined);
      await assertFails(snapshots.commit("" as SnapshotName, snapshotKey("/")), "invalid-snapshot-name");
      assert.deepEqual(await names(snapshots), [...texts].sort());
      await snapshots.commit(snapshotName(".."), snapshotKey("."));
      assert.equal((await snapshots.stat(snapshotName(".."))).kind, "committed");
    },
  },
  {
    name: "a snapshotter is closed twice, and its snapshots are there when it is opened again",
    async run(snapshots, place) {
      await snapshots.prepare(a, undefined);
      await snapshots[Symbol.asyncDispose]();
      await snapshots[Symbol.asyncDispose]();
      await using other = await place.open();
      assert.deepEqual(await names(other), ["a"]);
      assert.ok((await other.mounts(a)).length > 0);
    },
  },
];
