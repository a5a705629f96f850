import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLocalContentStore, type IngestedBlob, ingestStream } from "../../src/content/index.ts";
import { describeWith } from "../support/oracles.ts";
import { expectedOf, streamOf } from "./blob-of-seed.ts";
import { buildChild, type ChildProgram } from "./run-child.ts";

const NOBODY = 65_534;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "disk-test-"));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

function mount(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** Runs the body on a small file system of its own. */
async function withDisk(bytes: number, body: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(root, "disk-"));
  mount("-t", "tmpfs", "-o", `size=${bytes}`, "none", disk);
  try {
    await body(disk);
  } finally {
    spawnSync("umount", ["-l", disk]);
  }
}

/** Takes the blob of that seed into the store there. */
async function take(directory: string, seed: number): Promise<IngestedBlob & { readonly asked: readonly number[] }> {
  const asked: number[] = [];
  await using store = await createLocalContentStore({ directory });
  const open = (offset: number): AsyncIterable<Uint8Array> => {
    asked.push(offset);
    return streamOf(seed, offset);
  };
  return { ...(await ingestStream(store, { expected: expectedOf(seed), open })), asked };
}

async function visible(directory: string): Promise<string[]> {
  await using store = await createLocalContentStore({ directory, isReadOnly: true });
  const digests: string[] = [];
  for await (const { digest } of store.list()) digests.push(digest);
  return digests;
}

const noSpace: unknown = expect.objectContaining({
  code: "no-space",
  kind: "unavailable",
  hint: "Free some space there, or choose a directory on another disk",
});

describeWith(["mount"], "a full disk", () => {
  it("shows nothing, and the transfer goes on once there is space", async () => {
    await withDisk(1_500_000, async (disk) => {
      writeFileSync(join(disk, "ballast"), Buffer.alloc(1_000_000));
      await expect(take(disk, 1)).rejects.toThrow(noSpace);
      expect(await visible(disk)).toEqual([]);
      rmSync(join(disk, "ballast"));
      const { result, asked } = await take(disk, 1);
      expect(result).toBe("transferred");
      expect(asked[0]).toBeGreaterThan(300_000);
      // The bytes of the full disk were right as far as they went: nothing was fetched anew.
      expect(asked).toHaveLength(1);
      expect(await visible(disk)).toEqual([expectedOf(1).digest]);
      expect(readdirSync(disk)).toEqual(["blobs"]);
    });
  });

  it("without room for a single byte leaves nothing behind", async () => {
    await withDisk(1_500_000, async (disk) => {
      mkdirSync(join(disk, "blobs"));
      const room = Buffer.alloc(1_600_000);
      expect(() => writeFileSync(join(disk, "ballast"), room)).toThrow(expect.objectContaining({ code: "ENOSPC" }));
      await expect(take(disk, 1)).rejects.toThrow(noSpace);
      expect(readdirSync(disk)).toEqual(["ballast", "blobs"]);
    });
  });
});

describeWith(["mount"], "a read-only disk", () => {
  it("is read, and refuses the rest by name", async () => {
    await withDisk(5_000_000, async (disk) => {
      await take(disk, 1);
      mount("-o", "remount,ro", disk);
      expect(await visible(disk)).toEqual([expectedOf(1).digest]);
      const refused = expect.objectContaining({ code: "read-only-file-system", kind: "failed-precondition" });
      expect((await take(disk, 1)).result).toBe("present");
      await expect(take(disk, 2)).rejects.toThrow(refused);
      await expect(take(join(disk, "other"), 2)).rejects.toThrow(refused);
      await using store = await createLocalContentStore({ directory: disk });
      await expect(store.remove(expectedOf(1).digest)).rejects.toThrow(refused);
    });
  });
});

describeWith(["root"], "somebody else's store", () => {
  let child: ChildProgram;
  beforeAll(async () => {
    child = await buildChild();
  });
  afterAll(() => child[Symbol.dispose]());

  it("is read by all, and refuses strangers by name", async () => {
    const directory = mkdtempSync(join(root, "store-"));
    for (const path of [root, directory]) chmodSync(path, 0o755);
    await take(directory, 1);
    const reader = await child.run({ directory, seeds: [1], uid: NOBODY });
    expect(reader.lines).toEqual([{ seed: 1, result: "present" }]);
    const writer = await child.run({ directory, seeds: [2], uid: NOBODY });
    expect(writer.lines).toEqual([
      { error: expect.objectContaining({ code: "permission-denied", kind: "failed-precondition" }) },
    ]);
    expect(writer.code).toBe(1);
  });

  it("that cannot even be entered says so", async () => {
    const directory = mkdtempSync(join(root, "store-"));
    chmodSync(root, 0o755);
    chmodSync(directory, 0o700);
    await take(directory, 1);
    const reader = await child.run({ directory, seeds: [1], uid: NOBODY });
    expect(reader.lines[0]?.error?.code).toBe("permission-denied");
  });

  it("is written by a user who is not root as by root, after a crash too", async () => {
    const directory = mkdtempSync(join(root, "store-"));
    chmodSync(root, 0o755);
    chmodSync(directory, 0o777);
    const task = { directory, seeds: [1], uid: NOBODY };
    for (let dieBefore = 20; dieBefore < 50; dieBefore += 6) await child.run({ ...task, dieBefore });
    expect((await child.run(task)).code).toBe(0);
    expect(await visible(directory)).toEqual([expectedOf(1).digest]);
  });
});

describe("a store on this machine", () => {
  it("takes the blobs of the test", async () => {
    expect((await take(join(root, "plain"), 1)).result).toBe("transferred");
  });
});
