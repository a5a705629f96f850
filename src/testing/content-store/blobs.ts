import assert from "node:assert/strict";
import { readAll } from "../../base/index.ts";
import { digestOf } from "../../oci/index.ts";
import type { ContentStoreCase } from "./content-store-case.ts";
import { assertFails, assertHolds, assertLists, collect, descriptorOf, put, someBytes } from "./expectations.ts";

/** What is true of blobs that are visible, and of those that are not. */
export const storedBlobCases: readonly ContentStoreCase[] = [
  {
    name: "a new store holds nothing",
    async run(store) {
      const { digest } = descriptorOf(someBytes(3));
      assert.equal(await store.stat(digest), undefined);
      await assertFails(store.open(digest), "blob-not-found");
      assert.equal(await store.remove(digest), false);
      assert.deepEqual(await collect(store.list()), []);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "a blob is visible after commit and not before",
    async run(store) {
      const bytes = someBytes(1000);
      const expected = descriptorOf(bytes);
      await using ingest = await store.ingest("a", expected);
      await ingest.write(bytes);
      assert.equal(await store.stat(expected.digest), undefined);
      await assertFails(store.open(expected.digest), "blob-not-found");
      await assertLists(store, []);
      const info = await ingest.commit();
      assert.deepEqual({ digest: info.digest, size: info.size }, expected);
      assert.ok(info.storedAt > 0);
      await assertHolds(store, bytes);
      await assertLists(store, [bytes]);
    },
  },
  {
    name: "what one store keeps, another one opened there finds",
    async run(store, place) {
      const bytes = someBytes(10);
      await put(store, "a", bytes);
      await using other = await place.open();
      await assertHolds(other, bytes);
      await assertLists(other, [bytes]);
    },
  },
  {
    name: "a blob is read at any offset, by several readers at once",
    async run(store) {
      const bytes = someBytes(1_500_000);
      const { digest } = await put(store, "a", bytes);
      await using one = await store.open(digest);
      await using two = await store.open(digest);
      const parts = await Promise.all([readAll(one, { start: 1_499_990 }), readAll(two, { start: 7, end: 1_000_000 })]);
      assert.deepEqual(parts[0], bytes.subarray(1_499_990));
      assert.ok(Buffer.from(parts[1]).equals(bytes.subarray(7, 1_000_000)));
      const streamed = await collect(one.stream({ start: 3, end: 1_400_000 }));
      assert.ok(Buffer.concat(streamed).equals(bytes.subarray(3, 1_400_000)));
    },
  },
  {
    name: "the empty blob is a blob",
    async run(store) {
      await using ingest = await store.ingest("a", descriptorOf(new Uint8Array(0)));
      await ingest.commit();
      await assertHolds(store, new Uint8Array(0));
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "without an expected digest a blob is kept under its sha256",
    async run(store) {
      const bytes = someBytes(100);
      assert.equal((await put(store, "a", bytes)).digest, digestOf(bytes));
      await assertHolds(store, bytes);
    },
  },
  {
    name: "a blob of a sha512 is kept under its sha512 alone",
    async run(store) {
      const bytes = someBytes(100);
      const expected = descriptorOf(bytes, "sha512");
      assert.equal((await put(store, "a", bytes, expected)).digest, expected.digest);
      await assertHolds(store, bytes, expected.digest);
      assert.equal(await store.stat(digestOf(bytes)), undefined);
      assert.deepEqual(
        (await collect(store.list())).map(({ digest }) => digest),
        [expected.digest],
      );
    },
  },
  {
    name: "a blob that is here already is kept, and the new bytes are dropped",
    async run(store) {
      const bytes = someBytes(100);
      const first = await put(store, "a", bytes);
      await using open = await store.open(first.digest);
      const second = await put(store, "b", bytes);
      assert.deepEqual(second, first);
      await assertLists(store, [bytes]);
      assert.deepEqual(await readAll(open), bytes);
      assert.deepEqual(await collect(store.ingests()), []);
    },
  },
  {
    name: "a removed blob is gone, but whoever has it open reads on",
    async run(store) {
      const bytes = someBytes(5000);
      const { digest } = await put(store, "a", bytes);
      const kept = someBytes(10, 2);
      await put(store, "b", kept);
      await using open = await store.open(digest);
      assert.equal(await store.remove(digest), true);
      assert.equal(await store.remove(digest), false);
      assert.equal(await store.stat(digest), undefined);
      await assertLists(store, [kept]);
      assert.ok(Buffer.from(await readAll(open)).equals(bytes));
    },
  },
  {
    name: "a removed blob can be taken in again",
    async run(store) {
      const bytes = someBytes(10);
      const { digest } = await put(store, "a", bytes);
      await store.remove(digest);
      await put(store, "a", bytes);
      await assertHolds(store, bytes);
    },
  },
];
