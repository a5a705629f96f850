import assert from "node:assert/strict";
import type { ContentStoreCase } from "./content-store-case.ts";
import { assertFails, assertHolds, assertLists, collect, descriptorOf, leave, put, someBytes } from "./expectations.ts";

/** What is true of one blob on its way in. */
export const ingestCases: readonly ContentStoreCase[] = [
  {
    name: "chunks of any size make up the blob, and belong to the caller again after each write",
    async run(store) {
      const sizes = [0, 1, 17, 4096, 65_536, 300_000, 5, 1_048_576, 1_048_577, 3, 262_144, 99];
      const bytes = someBytes(sizes.reduce((sum, size) => sum + size, 0));
      await using ingest = await store.ingest("a", descriptorOf(bytes));
      let offset = 0;
      for (const size of sizes) {
        const chunk = bytes.slice(offset, offset + size);
        await ingest.write(chunk);
        chunk.fill(0);
        offset += size;
        assert.equal(ingest.offset, offset);
      }
      await ingest.commit();
      await assertHolds(store, bytes);
    },
  },
  {
    name: "bytes of another digest are refused, leave nothing, and the ingest begins anew",
    async run(store) {
      const right = someBytes(600_000);
      await using ingest = await store.ingest("a", descriptorOf(right));
      await ingest.write(someBytes(600_000, 2));
      await assertFails(ingest.commit(), "digest-mismatch");
      await assertLists(store, []);
      assert.equal(ingest.offset, 0);
      await ingest.write(right);
      await ingest.commit();
      await assertLists(store, [right]);
    },
  },
  {
    name: "too few bytes are refused and leave nothing",
    async run(store) {
      const bytes = someBytes(100);
      {
        await using ingest = await store.ingest("a", { size: 101 });
        await ingest.write(bytes);
        await assertFails(ingest.commit(), "blob-size-mismatch");
      }
      await assertLists(store, []);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "bytes past the expected size are refused as soon as they come, and those before them stay",
    async run(store) {
      const bytes = someBytes(100);
      await using ingest = await store.ingest("a", descriptorOf(bytes));
      await ingest.write(bytes.subarray(0, 60));
      await assertFails(ingest.write(bytes.subarray(0, 41)), "blob-size-mismatch");
      assert.equal(ingest.offset, 60);
      await ingest.write(bytes.subarray(60));
      await assertFails(ingest.write(bytes.subarray(0, 1)), "blob-size-mismatch");
      await ingest.commit();
      await assertHolds(store, bytes);
    },
  },
  {
    name: "a disposed ingest is resumed at its end, by another store too",
    async run(store, place) {
      const bytes = someBytes(1_300_000);
      const expected = descriptorOf(bytes);
      await leave(store, "a", bytes.subarray(0, 700_001), expected);
      await assertLists(store, []);
      await using other = await place.open();
      await using ingest = await other.ingest("a", expected);
      assert.equal(ingest.offset, 700_001);
      await ingest.write(bytes.subarray(700_001));
      await ingest.commit();
      await assertHolds(store, bytes);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "a resumed ingest needs not be told again what is expected",
    async run(store) {
      const bytes = someBytes(100);
      const expected = descriptorOf(bytes, "sha512");
      await leave(store, "a", bytes.subarray(0, 10), expected);
      await using ingest = await store.ingest("a");
      await ingest.write(bytes.subarray(10));
      assert.equal((await ingest.commit()).digest, expected.digest);
    },
  },
  {
    name: "the bytes before the resumption are part of the judgement",
    async run(store) {
      const bytes = someBytes(100);
      await leave(store, "a", someBytes(50, 2), descriptorOf(bytes));
      await using ingest = await store.ingest("a", descriptorOf(bytes));
      assert.equal(ingest.offset, 50);
      await ingest.write(bytes.subarray(50));
      await assertFails(ingest.commit(), "digest-mismatch");
      await assertLists(store, []);
    },
  },
  {
    name: "a ref that is begun for something else begins at 0",
    async run(store) {
      const bytes = someBytes(100);
      await leave(store, "a", someBytes(50, 2), descriptorOf(someBytes(60, 2)));
      await using ingest = await store.ingest("a", descriptorOf(bytes));
      assert.equal(ingest.offset, 0);
      await ingest.write(bytes);
      await ingest.commit();
      await assertLists(store, [bytes]);
    },
  },
  {
    name: "a restarted ingest has forgotten everything",
    async run(store) {
      const bytes = someBytes(400_000);
      await using ingest = await store.ingest("a", descriptorOf(bytes));
      await ingest.write(someBytes(400_000, 2));
      await ingest.restart();
      assert.equal(ingest.offset, 0);
      await ingest.write(bytes);
      await ingest.commit();
      await assertHolds(store, bytes);
    },
  },
  {
    name: "an aborted ingest leaves nothing",
    async run(store) {
      {
        await using ingest = await store.ingest("a");
        await ingest.write(someBytes(10));
        await ingest.abort();
      }
      assert.deepEqual(await collect(store.ingests()), []);
      await using again = await store.ingest("a");
      assert.equal(again.offset, 0);
    },
  },
  {
    name: "after its end an ingest takes nothing, and ending it again does nothing",
    async run(store) {
      const bytes = someBytes(10);
      const ingest = await store.ingest("a");
      await ingest.write(bytes);
      await ingest.commit();
      await assertFails(ingest.write(bytes), "ingest-closed");
      await assertFails(ingest.restart(), "ingest-closed");
      await assertFails(ingest.commit(), "ingest-closed");
      await ingest.abort();
      await ingest[Symbol.asyncDispose]();
      await ingest[Symbol.asyncDispose]();
      await assertHolds(store, bytes);
    },
  },
  {
    name: "blobs are taken in side by side",
    async run(store) {
      const blobs = Array.from({ length: 8 }, (_, i) => someBytes(200_000 + i, i + 1));
      await Promise.all(blobs.map((bytes, i) => put(store, `ref ${i}`, bytes, descriptorOf(bytes))));
      await assertLists(store, blobs);
      for (const bytes of blobs) await assertHolds(store, bytes);
    },
  },
];
