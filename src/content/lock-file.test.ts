import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { requireOrSkip } from "../../test/support/skip.ts";
import { isLinux } from "../linux/index.ts";
import { isFileLocked, lockFile, tryLockFile } from "./drivers/local/lock-file.ts";
import { makeDirectoryDurably, syncDirectory } from "./drivers/local/sync-directory.ts";
import { writeFileDurably } from "./drivers/local/write-file-durably.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lock-test-"));
  path = join(directory, "lock");
});
afterEach(() => rm(directory, { recursive: true }));

const withCode = (code: string): unknown => expect.objectContaining({ code });

describe("a lock", () => {
  test("is exclusive inside one process too, and is free again when disposed, once or twice", async () => {
    const lock = await lockFile(path, "exclusive");
    await expect(lockFile(path, "exclusive")).rejects.toThrow(withCode("file-locked"));
    await expect(lockFile(path, "shared")).rejects.toThrow(withCode("file-locked"));
    expect(await tryLockFile(path, "shared")).toBeUndefined();
    await lock[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
    await using again = await lockFile(path, "exclusive");
    expect(again.path).toBe(path);
  });

  test("is shared by many who only share it", async () => {
    await using one = await lockFile(path, "shared");
    await using two = await lockFile(path, "shared");
    expect([one.path, two.path]).toEqual([path, path]);
    expect(await tryLockFile(path, "exclusive")).toBeUndefined();
  });

  test("is waited for, until a signal ends the waiting", async () => {
    const lock = await lockFile(path, "exclusive");
    const waiting = lockFile(path, "exclusive", { shouldWait: true });
    const stop = new AbortController();
    const aborted = lockFile(path, "exclusive", { shouldWait: true, signal: stop.signal });
    stop.abort();
    await expect(aborted).rejects.toThrow(expect.objectContaining({ kind: "aborted" }));
    await lock[Symbol.asyncDispose]();
    await using _ = await waiting;
  });

  test("on a file that its holder unlinked is a lock on the new file", async () => {
    const first = await lockFile(path, "exclusive");
    const waiting = lockFile(path, "exclusive", { shouldWait: true });
    // At once: whoever waits may look again at any moment in between.
    fs.rmSync(path);
    await using second = await lockFile(path, "exclusive");
    await first[Symbol.asyncDispose]();
    expect(await tryLockFile(path, "exclusive")).toBeUndefined();
    await second[Symbol.asyncDispose]();
    await using _ = await waiting;
    expect(await readdir(directory)).toEqual(["lock"]);
  });

  test("on a file that vanished while it was being locked is none", async () => {
    const open = fs.openSync.bind(fs);
    const opened = vi.spyOn(fs, "openSync").mockImplementationOnce((...request) => {
      const fd = open(...request);
      fs.rmSync(path);
      return fd;
    });
    syncBuiltinESMExports();
    try {
      await using _ = await lockFile(path, "exclusive");
      expect(opened).toHaveBeenCalledTimes(2);
      expect(await isFileLocked(path)).toBe(true);
    } finally {
      opened.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test("may be on a directory, and on a file that cannot be written", async () => {
    await using _ = await lockFile(directory, "exclusive");
    expect(await tryLockFile(directory, "shared")).toBeUndefined();
    await writeFile(path, "content");
    await chmod(path, 0o444);
    await using __ = await lockFile(path, "shared");
    expect(await readFile(path, "utf8")).toBe("content");
  });

  test("is seen by those who only look", async () => {
    expect(await isFileLocked(path)).toBe(false);
    expect(await readdir(directory)).toEqual([]);
    const lock = await lockFile(path, "shared");
    expect(await isFileLocked(path)).toBe(true);
    await lock[Symbol.asyncDispose]();
    expect(await isFileLocked(path)).toBe(false);
  });

  test("without its directory is an error that names it", async () => {
    const missing = join(directory, "none", "lock");
    await expect(lockFile(missing, "exclusive")).rejects.toThrow(
      expect.objectContaining({ code: "file-not-found", message: expect.stringContaining(missing) }),
    );
  });
});

requireOrSkip(
  "a lock between processes",
  isLinux(),
  "not Linux",
)(() => {
  test("ends with kill -9 of its holder", async () => {
    // flock(1) holds the lock as long as its child lives, which reads from us.
    const holder = spawn("flock", ["--no-fork", path, "sh", "-c", "echo held; exec cat"]);
    await once(holder.stdout, "data");
    expect(await tryLockFile(path, "shared")).toBeUndefined();
    holder.kill("SIGKILL");
    await using _ = await lockFile(path, "exclusive", { shouldWait: true });
  });

  test("is not inherited by children", async () => {
    const lock = await lockFile(path, "exclusive");
    const child = spawn("sh", ["-c", "echo started; exec cat"]);
    await once(child.stdout, "data");
    await lock[Symbol.asyncDispose]();
    const again = await tryLockFile(path, "exclusive");
    expect(again).toBeDefined();
    await again?.[Symbol.asyncDispose]();
    child.kill();
  });
});

describe("a durable write", () => {
  test("replaces a file whole, and leaves nothing aside", async () => {
    await writeFileDurably(path, "old");
    await writeFileDurably(path, Buffer.from("new"), { mode: 0o600 });
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["lock"]);
  });

  test("that fails leaves the old bytes and nothing aside", async () => {
    await makeDirectoryDurably(join(path, "sub"));
    await expect(writeFileDurably(path, "x")).rejects.toThrow(withCode("is-a-directory"));
    await expect(writeFileDurably(join(directory, "none", "x"), "x")).rejects.toThrow(withCode("file-not-found"));
    expect(await readdir(directory)).toEqual(["lock"]);
    expect(await readdir(path)).toEqual(["sub"]);
  });

  test("makes directories that may be there", async () => {
    const deep = join(directory, "a", "b", "c");
    await makeDirectoryDurably(deep);
    await makeDirectoryDurably(deep);
    await syncDirectory(deep);
    await expect(syncDirectory(join(directory, "none"))).rejects.toThrow(withCode("file-not-found"));
    await writeFile(path, "");
    await expect(makeDirectoryDurably(path)).rejects.toThrow(/part of its path is not a directory/);
    await expect(makeDirectoryDurably(join(path, "x"))).rejects.toThrow(withCode("file-not-found"));
  });
});
