import { createHash } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readAll } from "../base/index.ts";
import { digestOf, hexOf } from "../oci/index.ts";
import type { ContentStore, IngestStatus } from "./content-store.ts";
import { fileStamp } from "./drivers/local/file-stamp.ts";
import { createLocalContentStore } from "./drivers/local/local-content-store.ts";
import { lockFile } from "./drivers/local/lock-file.ts";

const BYTES = Buffer.from("some bytes");
const DIGEST = digestOf(BYTES);
const EXPECTED = { digest: DIGEST, size: BYTES.length };

let directory: string;
let store: ContentStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "store-test-"));
  store = await createLocalContentStore({ directory });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const blobFile = (): string => join(directory, "blobs/sha256", hexOf(DIGEST));
const ingestOf = (ref: string): string => join(directory, "ingest", createHash("sha256").update(ref).digest("hex"));
const withCode = (code: string): unknown => expect.objectContaining({ code });

async function put(bytes: Uint8Array = BYTES): Promise<void> {
  await using ingest = await store.ingest("ref");
  await ingest.write(bytes);
  await ingest.commit();
}

async function leave(bytes: Uint8Array): Promise<void> {
  await using ingest = await store.ingest("ref", EXPECTED);
  await ingest.write(bytes);
}

async function ingests(): Promise<IngestStatus[]> {
  const all: IngestStatus[] = [];
  for await (const status of store.ingests()) all.push(status);
  return all;
}

describe("on disk", () => {
  test("a blob lies where an OCI layout has it, for everybody to read and nobody to write", async () => {
    await put();
    expect(await readFile(blobFile())).toEqual(BYTES);
    expect((await stat(blobFile())).mode & 0o7777).toBe(0o444);
  });

  test("nothing but blobs is left when nothing is on its way in", async () => {
    await put();
    await store[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual(["blobs"]);
    expect(await readdir(join(directory, "blobs"))).toEqual(["sha256"]);
  });

  test("an ingest is a directory with what is known of it", async () => {
    await leave(BYTES.subarray(0, 4));
    expect(await readdir(ingestOf("ref"))).toEqual(["data", "expected", "lock", "ref"]);
    expect(await readFile(join(ingestOf("ref"), "ref"), "utf8")).toBe("ref");
    expect(JSON.parse(await readFile(join(ingestOf("ref"), "expected"), "utf8"))).toEqual(EXPECTED);
    expect(await readFile(join(ingestOf("ref"), "data"))).toEqual(BYTES.subarray(0, 4));
  });

  test("an open blob says where its bytes lie", async () => {
    await put();
    await using blob = await store.open(DIGEST);
    const stamp = await fileStamp(blobFile());
    expect(blob.location).toEqual({ path: blobFile(), offset: 0, size: BYTES.length, stamp });
  });

  test("files that are no blobs are passed over", async () => {
    await put();
    const blobs = join(directory, "blobs");
    await writeFile(join(blobs, "sha256/README"), "x");
    await writeFile(join(blobs, "sha256", "A".repeat(64)), "x");
    await writeFile(join(blobs, "sha256", `${"a".repeat(64)}.partial`), "x");
    await mkdir(join(blobs, "sha256", "b".repeat(64)));
    await symlink("nowhere", join(blobs, "sha256", "c".repeat(64)));
    await mkdir(join(blobs, "md5"));
    await writeFile(join(blobs, "md5", "a".repeat(64)), "x");
    const listed: string[] = [];
    for await (const { digest } of store.list()) listed.push(digest);
    expect(listed).toEqual([DIGEST]);
  });

  test("a blob whose length shows that it is damaged is replaced by the right bytes", async () => {
    await put();
    await chmod(blobFile(), 0o644);
    await truncate(blobFile(), 3);
    await put();
    expect(await readFile(blobFile())).toEqual(BYTES);
  });

  test("a blob that is here keeps its file", async () => {
    await put();
    const before = await fileStamp(blobFile());
    await put();
    expect(await fileStamp(blobFile())).toBe(before);
  });
});

describe("what a crash leaves", () => {
  test("a directory whose data has become a blob is removed when the ingests are listed", async () => {
    await leave(BYTES);
    await rm(join(ingestOf("ref"), "data"));
    expect(await ingests()).toEqual([]);
    expect(await readdir(join(directory, "ingest"))).toEqual([]);
  });

  test.each([
    ["no ref", "ref", undefined],
    ["a torn ref", "ref", "re"],
  ])("data with %s is nobody's, and is removed", async (_, name, content) => {
    await leave(BYTES);
    if (content === undefined) await rm(join(ingestOf("ref"), name));
    else await writeFile(join(ingestOf("ref"), name), content);
    await using ingest = await store.ingest("ref", EXPECTED);
    expect(ingest.offset).toBe(0);
    await ingest.abort();
    expect(await ingests()).toEqual([]);
  });

  test.each(["", '{"dig', "null", '{"digest":"../x","size":-0.5}'])("a torn note %j says nothing", async (note) => {
    await leave(BYTES.subarray(0, 4));
    await writeFile(join(ingestOf("ref"), "expected"), note);
    await using ingest = await store.ingest("ref", EXPECTED);
    expect(ingest.offset).toBe(4);
    await ingest.write(BYTES.subarray(4));
    await ingest.commit();
    expect(await store.stat(DIGEST)).toBeDefined();
  });

  test("data that was sealed and not published is resumed", async () => {
    await leave(BYTES);
    await chmod(join(ingestOf("ref"), "data"), 0o444);
    await using ingest = await store.ingest("ref", EXPECTED);
    expect(ingest.offset).toBe(BYTES.length);
    await ingest.commit();
    expect((await stat(blobFile())).mode & 0o7777).toBe(0o444);
  });

  test("more data than is expected is dropped", async () => {
    await leave(BYTES);
    await writeFile(join(ingestOf("ref"), "data"), Buffer.alloc(BYTES.length + 1));
    await using ingest = await store.ingest("ref", EXPECTED);
    expect(ingest.offset).toBe(0);
  });

  test("strange things beside the ingests are let be", async () => {
    await leave(BYTES);
    await writeFile(join(directory, "ingest", "README"), "x");
    expect(await ingests()).toHaveLength(1);
    await rm(join(directory, "ingest", "README"));
  });
});

describe("a commit that the disk refuses", () => {
  test("keeps what is durable, so that the next one needs no bytes", async () => {
    await writeFile(join(directory, "blobs/sha256"), "in the way");
    await expect(put()).rejects.toThrow(withCode("file-not-found"));
    expect(await ingests()).toMatchObject([{ ref: "ref", offset: BYTES.length, isActive: false }]);
    await rm(join(directory, "blobs/sha256"));
    await using ingest = await store.ingest("ref", EXPECTED);
    await ingest.commit();
    expect(await readFile(blobFile())).toEqual(BYTES);
  });

  test("trusts nothing that could not be synced", async () => {
    const handle = await open(directory, "r");
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, "sync");
    await handle.close();
    sync.mockRejectedValueOnce(Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" }));
    await expect(put()).rejects.toThrow(withCode("io-error"));
    sync.mockRestore();
    expect(await store.stat(DIGEST)).toBeUndefined();
    expect(await ingests()).toEqual([]);
  });
});

describe("a store for reading only", () => {
  test("reads, lists and changes nothing", async () => {
    await put();
    await leave(BYTES.subarray(0, 4));
    const reader = await createLocalContentStore({ directory, isReadOnly: true });
    await using blob = await reader.open(DIGEST);
    expect(Buffer.from(await readAll(blob))).toEqual(BYTES);
    for await (const status of reader.ingests()) expect(status).toMatchObject({ offset: 4, isActive: false });
    await using _ = await store.ingest("ref");
    for await (const status of reader.ingests()) expect(status).toMatchObject({ offset: 4, isActive: true });
    await expect(reader.ingest("x")).rejects.toThrow(withCode("store-read-only"));
    await expect(reader.remove(DIGEST)).rejects.toThrow(withCode("store-read-only"));
    await expect(reader.abortIngest("ref")).rejects.toThrow(withCode("store-read-only"));
    await reader[Symbol.asyncDispose]();
    expect(await ingests()).toHaveLength(1);
  });

  test("is empty where there is nothing, and makes nothing", async () => {
    const reader = await createLocalContentStore({ directory: join(directory, "none"), isReadOnly: true });
    expect(await reader.stat(DIGEST)).toBeUndefined();
    for await (const _ of reader.list()) expect.unreachable();
    for await (const _ of reader.ingests()) expect.unreachable();
    await expect(reader.open(DIGEST)).rejects.toThrow(withCode("blob-not-found"));
    expect(await readdir(directory)).toEqual(["blobs"]);
  });
});

test("the lock of a ref is one that other programs see", async () => {
  await leave(BYTES);
  await using _ = await lockFile(join(ingestOf("ref"), "lock"), "exclusive");
  await expect(store.ingest("ref")).rejects.toThrow(withCode("ingest-locked"));
  expect((await ingests())[0]?.isActive).toBe(true);
});

test("a place that cannot be a directory is told by its path", async () => {
  await writeFile(join(directory, "file"), "");
  await expect(createLocalContentStore({ directory: join(directory, "file", "store") })).rejects.toThrow(
    expect.objectContaining({ kind: "not-found", message: expect.stringContaining(join(directory, "file")) }),
  );
});
