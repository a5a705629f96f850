import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteSource, memorySource, readAll } from "../base/index.ts";
import {
  encodeHeader,
  entryContent,
  type SparseRun,
  scanTarSync,
  sparseRunsToWrite,
  type TarEntry,
  type TarHeaderFields,
  writeTar,
} from "./index.ts";

const PAGE = 4096;
const FILE: TarHeaderFields = {
  name: "dir/disk",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 1, nanoseconds: 2 },
};

/** Ascending runs, some of them touching or empty, in a file that may go on after the last. */
const sparseFile = fc
  .tuple(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 8 }), fc.nat({ max: 3 }), fc.nat(700))
  .map(([parts, tail, odd]) => {
    const runs: SparseRun[] = [];
    let end = 0;
    for (const [hole, data] of parts) {
      runs.push({ offset: end + hole * PAGE, length: data * PAGE });
      end += (hole + data) * PAGE;
    }
    return { runs, size: end + tail * PAGE + odd };
  });

function withData(runs: readonly SparseRun[], size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (const { offset, length } of runs) bytes.fill(`${offset}.`, offset, offset + length);
  return bytes;
}

async function archiveOf(name: string, bytes: Buffer, runs: readonly SparseRun[]): Promise<Buffer> {
  const data = runs.map(({ offset, length }) => bytes.subarray(offset, offset + length));
  const next = { entry: { ...FILE, name: "next", size: 3 }, data: [Buffer.from("end")] };
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar([{ entry: { ...FILE, name, size: bytes.length, sparse: runs }, data }, next])) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function entriesOf(source: ByteSource): TarEntry[] {
  const entries: TarEntry[] = [];
  scanTarSync(source, (entry) => entries.push(entry));
  return entries;
}

describe("writing sparse files", () => {
  it("is read back as the same file, holes and all, with its own name", async () => {
    const names = fc.constantFrom("f", "dir/f", `${"long/".repeat(60)}f`, "n".repeat(101), "\u00e9/\u00ff");
    await fc.assert(
      fc.asyncProperty(sparseFile, names, async ({ runs, size }, name) => {
        const bytes = withData(runs, size);
        const kept = sparseRunsToWrite(runs, size) ?? [{ offset: 0, length: size }];
        const source = memorySource(await archiveOf(name, bytes, kept));
        const [entry, next] = entriesOf(source);
        if (entry === undefined || next === undefined) throw new Error("there are two entries");
        expect(entry).toMatchObject({ name, size, type: "file", mtime: FILE.mtime });
        expect(entry.sparse).toEqual(kept.filter(({ length }) => length > 0));
        expect(bytes.equals(await readAll(entryContent(source, entry)))).toBe(true);
        expect(Buffer.from(await readAll(entryContent(source, next))).toString()).toBe("end");
      }),
      { numRuns: 300 },
    );
  });

  it("has numbers beyond 8 GiB, of which only the data is stored", () => {
    const size = 20 * 2 ** 30;
    const sparse = [
      { offset: 9 * 2 ** 30, length: PAGE },
      { offset: size - PAGE, length: PAGE },
    ];
    const header = encodeHeader({ ...FILE, size, sparse });
    const [entry] = entriesOf({ ...memorySource(header), size: header.length + 2 * PAGE });
    expect(entry).toMatchObject({ name: "dir/disk", size, sparse, storedSize: 2 * PAGE });
  });

  it("stores more than 8 GiB of data, too", () => {
    const size = 2 ** 40;
    const sparse = [{ offset: 0, length: 2 ** 39 }];
    const header = encodeHeader({ ...FILE, size, sparse });
    const [entry] = entriesOf({ ...memorySource(header), size: header.length + 2 ** 39 });
    expect(entry).toMatchObject({ size, sparse, storedSize: 2 ** 39 });
  });

  it("says GNU's format 1.0 in words that old readers skip", () => {
    const header = Buffer.from(encodeHeader({ ...FILE, size: PAGE * 3, sparse: [{ offset: PAGE, length: PAGE }] }));
    const records = [
      "22 GNU.sparse.major=1",
      "22 GNU.sparse.minor=0",
      "28 GNU.sparse.name=dir/disk",
      "29 GNU.sparse.realsize=12288",
      "21 mtime=1.000000002",
    ];
    expect(header.toString("latin1", 512, 634)).toBe(`${records.join("\n")}\n`);
    expect(header.toString("latin1", 1024, 1050)).toBe("dir/GNUSparseFile.0/disk\0\0");
    expect(header.toString("latin1", 1536, 1562)).toBe("2\n4096\n4096\n12288\n0\n".padEnd(26, "\0"));
    expect(header).toHaveLength(2048);
  });

  it("refuses data that is not that of the runs", async () => {
    const entry = { ...FILE, size: 3 * PAGE, sparse: [{ offset: 0, length: PAGE }] };
    const writing = async (length: number): Promise<void> => {
      for await (const _ of writeTar([{ entry, data: [Buffer.alloc(length)] }]));
    };
    await expect(writing(3 * PAGE)).rejects.toMatchObject({ code: "tar-size-mismatch" });
    await expect(writing(PAGE - 1)).rejects.toMatchObject({ code: "tar-size-mismatch", details: { size: PAGE } });
  });

  it.each([
    [
      "overlap",
      [
        { offset: 0, length: 10 },
        { offset: 9, length: 1 },
      ],
    ],
    [
      "descend",
      [
        { offset: 10, length: 1 },
        { offset: 0, length: 1 },
      ],
    ],
    ["lie outside of the file", [{ offset: 90, length: 11 }]],
  ])("refuses runs that %s", (_what, sparse) => {
    expect(() => encodeHeader({ ...FILE, size: 100, sparse })).toThrow(
      expect.objectContaining({ code: "tar-unencodable" }),
    );
  });
});

describe("runs to write", () => {
  it("leave out no data, and no hole that is worth it", () => {
    fc.assert(
      fc.property(sparseFile, ({ runs, size }) => {
        const kept = sparseRunsToWrite(runs, size) ?? [{ offset: 0, length: size }];
        const bytes = withData(runs, size);
        const again = Buffer.alloc(size);
        for (const { offset, length } of kept) bytes.copy(again, offset, offset, offset + length);
        expect(again.equals(bytes)).toBe(true);
        const stored = kept.reduce((total, { length }) => total + length, 0);
        const data = runs.reduce((total, { length }) => total + length, 0);
        // Of small holes there is only the one at the end.
        expect(stored - data).toBeLessThan(PAGE);
      }),
    );
  });

  it("are undefined where a file has no holes, or too small ones", () => {
    expect(sparseRunsToWrite([{ offset: 0, length: 100 }], 100)).toBe(undefined);
    expect(sparseRunsToWrite([{ offset: 0, length: 5000 }], 6000)).toBe(undefined);
    expect(sparseRunsToWrite([{ offset: 100, length: 5900 }], 6000)).toBe(undefined);
  });

  it("are none for a file that is one hole", () => {
    expect(sparseRunsToWrite([], 1e9)).toEqual([]);
  });

  it("stay within the file when it shrank meanwhile", () => {
    expect(
      sparseRunsToWrite(
        [
          { offset: 8192, length: 8192 },
          { offset: 20_000, length: 4 },
        ],
        10_000,
      ),
    ).toEqual([{ offset: 8192, length: 1808 }]);
  });

  it("are few enough for every reader, however many holes there are", () => {
    const runs = Array.from({ length: 100_000 }, (_, i) => ({ offset: i * 3 * PAGE, length: PAGE }));
    const size = 300_000 * PAGE;
    const kept = sparseRunsToWrite([...runs, { offset: size - PAGE, length: PAGE }], size) ?? [];
    expect(kept.length).toBeLessThanOrEqual(16_384);
    expect(encodeHeader({ ...FILE, size, sparse: kept }).length).toBeLessThan(2 ** 20);
  });
});
