import assert from "node:assert/strict";
import type { ContentStoreCase } from "./content-store-case.ts";
import { assertFails, assertHolds, assertLists, collect, descriptorOf, leave, put, someBytes } from "./expectations.ts";

/** What is true of refs: who may write, who waits, and what is known of transfers that have not ended. */
export const refCases: readonly ContentStoreCase[] = [
  {
    name: "a ref has one writer",
    async run(store, place) {
      await using other = await place.open();
      await using ingest = await store.ingest("a");
      await ingest.write(someBytes(5));
      await assertFails(store.ingest("a"), "ingest-locked");
      await assertFails(other.ingest("a"), "ingest-locked");
      await assertFails(other.abortIngest("a"), "ingest-locked");
      await using unrelated = await other.ingest("b");
      assert.equal(unrelated.offset, 0);
      await ingest.write(someBytes(5));
      assert.equal((await ingest.commit()).size, 10);
    },
  },
  {
    name: "whoever waits for a ref gets it when its writer lets go, with the bytes that are there",
    async run(store, place) {
      await using other = await place.open();
      const bytes = someBytes(10);
      const first = await store.ingest("a", descriptorOf(bytes));
      await first.write(bytes.subarray(0, 4));
      const waiting = other.ingest("a", descriptorOf(bytes), { shouldWait: true });
      await first[Symbol.asyncDispose]();
      await using second = await waiting;
      assert.equal(second.offset, 4);
      await second.write(bytes.subarray(4));
      await second.commit();
      await assertHolds(store, bytes);
    },
  },
  {
    name: "whoever waits for a ref that is committed begins at 0",
    async run(store, place) {
      await using other = await place.open();
      const first = await store.ingest("a");
      await first.write(someBytes(10));
      const waiting = [0, 1, 2].map(async () => {
        await using ingest = await other.ingest("a", {}, { shouldWait: true });
        return ingest.offset;
      });
      await first.commit();
      assert.deepEqual(await Promise.all(waiting), [0, 0, 0]);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "a signal ends the waiting for a ref",
    async run(store) {
      await using _ = await store.ingest("a");
      const stop = new AbortController();
      const waiting = store.ingest("a", {}, { shouldWait: true, signal: stop.signal });
      stop.abort();
      await assertFails(waiting, "aborted");
      await assertFails(store.ingest("b", {}, { signal: AbortSignal.abort() }), "aborted");
    },
  },
  {
    name: "many who want one ref have it one after the other",
    async run(store, place) {
      await using other = await place.open();
      let writers = 0;
      const transfer = async (i: number): Promise<void> => {
        await using ingest = await (i % 2 === 0 ? store : other).ingest("a", {}, { shouldWait: true });
        assert.equal(++writers, 1);
        await ingest.restart();
        await ingest.write(someBytes(100 + i, i));
        // The next one may begin before this one hears that it has ended.
        writers--;
        if (i % 3 === 0) await ingest.commit();
        else if (i % 3 === 1) await ingest.abort();
      };
      await Promise.all(Array.from({ length: 9 }, (_, i) => transfer(i)));
      await assertLists(
        store,
        [0, 3, 6].map((i) => someBytes(100 + i, i)),
      );
    },
  },
  {
    name: "one blob is taken in under two refs at once",
    async run(store, place) {
      await using other = await place.open();
      const bytes = someBytes(300_000);
      const digests = await Promise.all([
        put(store, "a", bytes, descriptorOf(bytes)),
        put(other, "b", bytes, descriptorOf(bytes)),
      ]);
      assert.equal(digests[0].digest, digests[1].digest);
      await assertLists(store, [bytes]);
      await assertHolds(store, bytes);
    },
  },
  {
    name: "a ref is any text",
    async run(store) {
      const refs = ["../../../etc/passwd", "a/b", "", "ü\0\n", "x".repeat(5000)];
      for (const ref of refs) await leave(store, ref, someBytes(10));
      const listed = await collect(store.ingests());
      assert.deepEqual(listed.map(({ ref }) => ref).sort(), [...refs].sort());
      for (const ref of refs) assert.equal(await store.abortIngest(ref), true);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "what was begun and not finished is listed, with what was said about it",
    async run(store) {
      const expected = descriptorOf(someBytes(100));
      await leave(store, "left", someBytes(40), expected);
      await using active = await store.ingest("active");
      await active.write(someBytes(700_000));
      const listed = (await collect(store.ingests())).sort((a, b) => a.ref.localeCompare(b.ref));
      assert.deepEqual(
        listed.map(({ ref, isActive }) => ({ ref, isActive })),
        [
          { ref: "active", isActive: true },
          { ref: "left", isActive: false },
        ],
      );
      const left = listed[1];
      assert.equal(left?.offset, 40);
      assert.deepEqual({ ...left?.expected }, expected);
      assert.ok(left.startedAt > 0 && left.updatedAt > 0);
    },
  },
  {
    name: "an ingest that was left is dropped on demand",
    async run(store) {
      await leave(store, "a", someBytes(40));
      assert.equal(await store.abortIngest("a"), true);
      assert.equal(await store.abortIngest("a"), false);
      await using ingest = await store.ingest("a");
      assert.equal(ingest.offset, 0);
    },
  },
  {
    name: "an ingest without a byte leaves nothing",
    async run(store) {
      await (await store.ingest("a", descriptorOf(someBytes(3))))[Symbol.asyncDispose]();
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
];
