import assert from "node:assert/strict";
import { snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { assertFails } from "../content-store/expectations.ts";
import { names } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const [a, b] = [snapshotKey("a"), snapshotKey("b")];
const [A, B] = [snapshotName("A"), snapshotName("B")];

/** What is known of snapshots: labels, walks, use, and several who look at once. */
export const recordCases: readonly SnapshotterCase[] = [
  {
    name: "labels are set and removed one by one, and nothing else changes",
    async run(snapshots) {
      await snapshots.prepare(a, undefined, { labels: { x: "1", y: "2" } });
      const before = await snapshots.stat(a);
      assert.deepEqual(before.labels, { x: "1", y: "2" });
      const after = await snapshots.update(a, { x: undefined, y: "3", z: "" });
      assert.deepEqual(after.labels, { y: "3", z: "" });
      assert.deepEqual(await snapshots.stat(a), after);
      assert.ok(after.updatedAt >= before.updatedAt);
      assert.deepEqual({ ...after, labels: {}, updatedAt: 0 }, { ...before, labels: {}, updatedAt: 0 });
    },
  },
  {
    name: "a committed snapshot has the labels of its commit, and they change later",
    async run(snapshots) {
      await snapshots.prepare(a, undefined, { labels: { x: "1" } });
      await snapshots.commit(A, a, { labels: { y: "2" } });
      assert.deepEqual((await snapshots.stat(A)).labels, { y: "2" });
      await snapshots.update(A, { __proto__x: "p", z: "3" });
      assert.deepEqual((await snapshots.stat(A)).labels, { y: "2", z: "3", __proto__x: "p" });
      await snapshots.prepare(b, A);
      assert.deepEqual((await snapshots.stat(b)).labels, {});
    },
  },
  {
    name: "whoever walks may use the snapshotter meanwhile",
    async run(snapshots) {
      for (const key of [a, b]) await snapshots.prepare(key, undefined);
      const seen: string[] = [];
      for await (const { name } of snapshots.walk()) {
        seen.push(name);
        assert.deepEqual((await snapshots.stat(name)).name, name);
        await snapshots.update(name, { seen: "yes" });
        await snapshots.prepare(snapshotKey(`${name} too`), undefined);
        await snapshots.remove(name);
      }
      assert.deepEqual(seen.filter((name) => !name.endsWith("too")).sort(), ["a", "b"]);
    },
  },
  {
    name: "what one snapshotter does another one sees at once",
    async run(snapshots, place) {
      await using other = await place.open();
      await snapshots.prepare(a, undefined);
      await other.update(a, { x: "1" });
      assert.deepEqual((await snapshots.stat(a)).labels, { x: "1" });
      await other.commit(A, a);
      await snapshots.view(b, A);
      await assertFails(other.remove(A), "snapshot-has-children");
      await other.remove(b);
      await assertFails(snapshots.remove(b), "snapshot-not-found");
      await snapshots.remove(A);
      assert.deepEqual(await names(other), []);
    },
  },
  {
    name: "of many who want one key or one name, one gets it",
    async run(snapshots, place) {
      await using other = await place.open();
      const both = [snapshots, other, snapshots, other];
      const codes = (results: readonly PromiseSettledResult<unknown>[]): string[] =>
        results
          .map((result) => (result.status === "rejected" ? String((result.reason as { code?: unknown }).code) : "ok"))
          .sort();
      const begun = await Promise.allSettled(both.map((each) => each.prepare(a, undefined)));
      assert.deepEqual(codes(begun), ["ok", "snapshot-exists", "snapshot-exists", "snapshot-exists"]);
      const committed = await Promise.allSettled(both.map((each) => each.commit(A, a)));
      assert.deepEqual(
        codes(committed).filter((code) => code === "ok"),
        ["ok"],
      );
      await Promise.all(["1", "2"].map((key) => snapshots.prepare(snapshotKey(key), A)));
      const same = await Promise.allSettled(["1", "2"].map((key) => other.commit(B, snapshotKey(key))));
      assert.deepEqual(codes(same), ["ok", "snapshot-exists"]);
      const removed = await Promise.allSettled(both.map((each) => each.remove(B)));
      assert.deepEqual(codes(removed).slice(0, 2), ["ok", "snapshot-not-found"]);
      assert.equal((await names(snapshots)).length, 2);
    },
  },
  {
    name: "what a snapshot takes is known, and stays the same once it is committed",
    async run(snapshots) {
      await snapshots.prepare(a, undefined);
      const active = await snapshots.usage(a);
      assert.ok(active.bytes >= 0 && active.inodes >= 0);
      await snapshots.commit(A, a);
      const committed = await snapshots.usage(A);
      await snapshots.prepare(b, A);
      assert.deepEqual(await snapshots.usage(A), committed);
    },
  },
  {
    name: "a cleanup removes nothing that belongs to a snapshot",
    async run(snapshots) {
      await snapshots.prepare(a, undefined);
      await snapshots.commit(A, a);
      await snapshots.prepare(a, A);
      await snapshots.view(b, A);
      assert.deepEqual(await snapshots.cleanup(), { removed: [] });
      assert.ok((await snapshots.mounts(a)).length > 0);
      assert.deepEqual(await names(snapshots), ["A", "a", "b"]);
    },
  },
];
