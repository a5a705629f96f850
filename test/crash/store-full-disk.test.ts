import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_SOURCE_LIMITS } from "../../src/image/index.ts";
import { type Fault, openStore, type Store } from "../../src/store/index.ts";
import { describeWith } from "../support/oracles.ts";
import { artifactOf, putImage } from "../support/store-fixtures.ts";

const MEGABYTE = 1024 * 1024;

/** Runs the body on a small file system of its own. */
async function withDisk(bytes: number, body: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "full-disk-"));
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "none", disk], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  try {
    await body(disk);
  } finally {
    spawnSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

async function faultsOf(store: Store): Promise<Fault[]> {
  const faults: Fault[] = [];
  for await (const fault of store.check()) if (fault.severity !== "info") faults.push(fault);
  return faults;
}

/** Takes images in until there is no room; gives their number. */
async function fill(store: Store): Promise<number> {
  for (let i = 0; ; i++) {
    const error = await putImage(store, `image-${i}`, await artifactOf([`${i} ${"x".repeat(2000)}`])).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (error === undefined) continue;
    expect(error).toMatchObject({ code: "no-space", kind: "unavailable" });
    return i;
  }
}

describeWith(["mount"], "a store on a full disk", () => {
  it("keeps what it has, can be read and checked, and can be emptied", async () => {
    await withDisk(3 * MEGABYTE, async (disk) => {
      await using store = await openStore(join(disk, "store"));
      const count = await fill(store);
      expect(count).toBeGreaterThan(10);
      expect(await store.images()).toHaveLength(count);
      expect(await faultsOf(store)).toEqual([]);
      const hostPlatform = { os: "linux", architecture: "amd64" };
      const choice = { platform: undefined, hostPlatform, limits: DEFAULT_SOURCE_LIMITS };
      await using image = await store.openImage("image-3", choice);
      expect(image.layers).toHaveLength(1);
      await image[Symbol.asyncDispose]();
      expect((await store.remove("image-3")).garbage.blobs.count).toBe(3);
      expect((await store.prune({ all: true })).images).toHaveLength(count - 1);
      expect(await faultsOf(store)).toEqual([]);
      await putImage(store, "again", await artifactOf(["again"]));
    });
  });
});
