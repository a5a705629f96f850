import { copyFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../oci/index.ts";
import { dataFile, openMetadata } from "./open-metadata.ts";
import type { Metadata, NameRecord, RecordReader } from "./records.ts";
import { glanceAt, readSnapshot } from "./snapshot-metadata.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "metadata-test-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (): Promise<Metadata> => openMetadata(directory, () => {});
const record = (size: number): NameRecord => ({
  mediaType: "m".repeat(size % 9000),
  digest: digestOf(Buffer.alloc(0)),
  size,
});
const all = (records: RecordReader): unknown => [records.revision, records.list("name"), records.list("image")];

describe("the tables", () => {
  test("change whole or not at all, and are seen at once by everybody who has them open", async () => {
    await using one = await open();
    await using other = await open();
    one.write((records) => records.put("name", "a", record(1)));
    expect(other.read((records) => records.get("name", "a"))).toEqual(record(1));
    const fail = (): void =>
      other.write((records) => {
        records.put("name", "b", record(2));
        records.remove("name", "a");
        throw new Error("no");
      });
    expect(fail).toThrow("no");
    expect(one.read((records) => records.list("name"))).toEqual([["a", record(1)]]);
    expect(one.read(({ revision }) => revision)).toBe(1);
  });

  test("count only changes", async () => {
    await using metadata = await open();
    metadata.write((records) => records.remove("name", "a"));
    expect(metadata.read(({ revision }) => revision)).toBe(0);
  });

  test("survive being closed by one of two who have them open", async () => {
    const one = await open();
    await using other = await open();
    await one[Symbol.asyncDispose]();
    other.write((records) => records.put("name", "a", record(1)));
    expect(other.read((records) => records.get("name", "a"))).toEqual(record(1));
  });
});

describe("reading without LMDB", () => {
  test("sees what LMDB sees, whatever was written and removed", async () => {
    await using metadata = await open();
    const change = fc.record({ key: fc.integer({ min: 0, max: 300 }), size: fc.nat(20_000), isRemoved: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 200 }), async (changes) => {
        metadata.write((records) => {
          for (const { key, size, isRemoved } of changes) {
            if (isRemoved) records.remove("name", `k${key}`);
            else records.put("name", `k${key}`, record(size));
          }
        });
        await using snapshot = await readSnapshot(dataFile(directory));
        expect(snapshot.read(all)).toEqual(metadata.read(all));
      }),
      { numRuns: 25 },
    );
  });

  test("looks again only when something has changed, also when the file is another", async () => {
    await using metadata = await open();
    metadata.write((records) => records.put("name", "a", record(1)));
    const first = glanceAt(dataFile(directory));
    expect(glanceAt(dataFile(directory))).toBe(first);
    metadata.write((records) => records.put("name", "a", record(2)));
    expect(glanceAt(dataFile(directory)).read((records) => records.get("name", "a"))).toEqual(record(2));
    expect(first.read((records) => records.get("name", "a"))).toEqual(record(1));
    const second = glanceAt(dataFile(directory));
    await copyFile(dataFile(directory), join(directory, "copy"));
    await rename(join(directory, "copy"), dataFile(directory));
    expect(glanceAt(dataFile(directory))).not.toBe(second);
    expect(glanceAt(dataFile(directory)).read(all)).toEqual(second.read(all));
  });

  test("finds nothing where there is no file, and changes nothing", async () => {
    await using snapshot = await readSnapshot(dataFile(join(directory, "none")));
    expect(snapshot.read((records) => records.list("name"))).toEqual([]);
    expect(() => snapshot.write(() => {})).toThrow(expect.objectContaining({ code: "store-read-only" }));
  });

  test("refuses a damaged file with an error of its own, wherever the damage is, or reads what was there", async () => {
    const metadata = await open();
    metadata.write((records) => {
      for (let i = 0; i < 400; i++) records.put("name", `k${i}`, record(i * 5));
    });
    const truth = metadata.read(all);
    await metadata[Symbol.asyncDispose]();
    const good = await readFile(dataFile(directory));
    const path = join(directory, "damaged");
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 64 }),
        fc.nat(255),
        async (at, length, byte) => {
          const bytes = Buffer.from(good);
          bytes.fill(byte, at, Math.min(at + length, bytes.length));
          await writeFile(path, bytes);
          const seen = await readSnapshot(path).then(
            (snapshot) => snapshot.read(all),
            (error: unknown) => error,
          );
          // A value's own bytes have no checksum: what stays JSON is for the comparison with the documents to find.
          if (!(seen instanceof Error))
            expect((seen as unknown[][])[1]).toHaveLength((truth as unknown[][])[1]?.length ?? 0);
          else expect(seen).toMatchObject({ code: "store-metadata-unreadable" });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("keeps LMDB from mapping a truncated file, which would end the process", async () => {
    const metadata = await open();
    metadata.write((records) => {
      for (let i = 0; i < 2000; i++) records.put("name", `k${i}`, record(i));
    });
    await metadata[Symbol.asyncDispose]();
    for (const size of [3 * 4096, 4096, 100]) {
      await truncate(dataFile(directory), size);
      await expect(open()).rejects.toThrow(expect.objectContaining({ code: "store-metadata-unreadable" }));
    }
    await writeFile(dataFile(directory), Buffer.alloc(20_000, 7));
    await expect(open()).rejects.toThrow(expect.objectContaining({ code: "store-metadata-unreadable" }));
  });
});
