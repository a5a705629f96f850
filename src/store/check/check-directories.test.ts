import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { makeBtrfs } from "../../../test/support/btrfs-place.ts";
import { type FixtureLayer, FixtureLayout } from "../../../test/support/image-fixtures.ts";
import { describeWith } from "../../../test/support/oracles.ts";
import { makeScratchMount } from "../../../test/support/scratch-mount.ts";
import { type FixtureArtifact, putImage } from "../../../test/support/store-fixtures.ts";
import { unpackStored } from "../../../test/support/unpack-fixture.ts";
import { writeXattr } from "../../linux/index.ts";
import { type DiffId, digestOf, MEDIA_TYPE } from "../../oci/index.ts";
import { type DriverName, readSnapshotContent, snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { char, dir, file, hardlink, opaque, symlink, type TarStep, tarScript, whiteout } from "../../testing/index.ts";
import type { Fault, Repair } from "../fault.ts";
import { openStore } from "../open-store.ts";
import type { Store } from "../store.ts";

const XATTRS = { "user.note": "x" };
/** All that makes the directory of a layer different from the tar of it. */
const LAYERS: readonly (readonly TarStep[])[] = [
  [
    dir("etc", { mode: 0o751 }),
    file("etc/motd", "hello", { mtime: 7 }),
    file("etc/passwd", "root", { uid: 12, gid: 34, xattrs: XATTRS }),
    file("etc/gone", "x"),
    hardlink("etc/passwd-", "etc/passwd"),
    symlink("etc/link", "motd"),
    dir("opt/app"),
    file("opt/app/old", "old"),
    char("null", [1, 3]),
  ],
  [
    whiteout("etc/gone"),
    hardlink("etc/again", "etc/passwd"),
    opaque("opt/app"),
    file("opt/app/new", "new"),
    symlink("null", "etc/motd"),
  ],
  [file("var/big", "b".repeat(700_000)), file("etc/motd", "HELLO", { mtime: 7 })],
];

function imageOf(layers: readonly (readonly TarStep[])[]): FixtureArtifact {
  const layout = new FixtureLayout();
  const published = layers.map((steps): FixtureLayer => {
    const tar = Buffer.from(tarScript(...steps));
    return {
      tar,
      stored: gzipSync(tar),
      mediaType: MEDIA_TYPE.ociLayerGzip,
      diffId: digestOf(tar) as string as DiffId,
    };
  });
  return { layout, root: layout.image(published) };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function directoriesOf(driver: DriverName, makePlace: () => { readonly directory: string } & Disposable): void {
  let place: ReturnType<typeof makePlace>;
  let store: Store;
  /** The root directories of the snapshots, base first. */
  let roots: string[];
  const check = async (): Promise<Fault[]> => await collect(store.check({ isDeep: true }));
  const repair = async (): Promise<Repair[]> => await collect(store.repair({ isDeep: true }));
  const unpack = async (): Promise<void> => {
    const { chainIds } = await unpackStored(store, "app", driver);
    // The tars go: what is compared then lies compressed.
    await store.prune();
    const { snapshots } = await readSnapshotContent(join(store.root, "snapshots"));
    roots = chainIds.map((chainId) => {
      const id = snapshots.find(({ name }) => name === (chainId as string))?.id as string;
      return join(store.root, "snapshots", driver, "data", id, "fs");
    });
  };
  beforeEach(async () => {
    place = makePlace();
    store = await openStore(join(place.directory, "store"));
    await putImage(store, "app", imageOf(LAYERS));
    await unpack();
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });
  const inRoot = (layer: number, path: string): string => join(roots[layer] as string, path);
  /** Keeps the time of the file and of its directory, as a bit that flips on a disk does. */
  const quietly = (path: string, damage: (path: string) => void): void => {
    const writable = (isWritable: boolean): void => {
      const root = roots.find((each) => path.startsWith(each)) as string;
      if (driver === "btrfs") execFileSync("btrfs", ["property", "set", root, "ro", `${!isWritable}`]);
    };
    const [before, parent] = [lstatSync(path), lstatSync(join(path, ".."))];
    writable(true);
    damage(path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) utimesSync(path, before.atime, before.mtime);
    utimesSync(join(path, ".."), parent.atime, parent.mtime);
    writable(false);
  };

  it("are what the layers say after unpacking, whatever those did", async () => {
    expect(await check()).toEqual([]);
    expect(await repair()).toEqual([]);
  });

  it("tell of any damage where it is, once, and are made again", async () => {
    const flip = (path: string): void => writeFileSync(path, readFileSync(path, "utf8").replace(/.$/, "?"));
    quietly(inRoot(2, "var/big"), flip);
    quietly(inRoot(2, "etc/motd"), flip);
    quietly(inRoot(1, "opt/app/new"), (path) => writeXattr(path, "user.x", Buffer.from("y")));
    quietly(inRoot(1, "opt/app/new"), (path) => writeFileSync(join(path, "../more"), ""));
    quietly(inRoot(0, "etc/motd"), (path) => {
      appendFileSync(path, "!");
      chownSync(path, 1, 1);
      chmodSync(path, 0o4755);
    });
    quietly(inRoot(0, "etc/passwd"), (path) => writeXattr(path, "user.note", Buffer.from("z")));
    quietly(inRoot(0, "etc/link"), (path) => rmSync(path));
    expect(await collect(store.check())).toEqual([]);
    const faults = await check();
    const images = ["docker.io/library/app:latest"];
    for (const fault of faults) expect(fault).toMatchObject({ code: "snapshot-differs", severity: "warning", images });
    const told = new Map(faults.map(({ path = "", what }) => [path, what.slice(what.indexOf(": /") + 2)]));
    expect(roots.map((root) => told.get(relative(store.root, join(root, ".."))))).toEqual([
      "/etc/link (is missing), /etc/motd (content, mode, owner), /etc/passwd (xattrs) and 1 more",
      "/opt/app/more (is not in them), /opt/app/new (xattrs)",
      "/etc/motd (content), /var/big (content)",
    ]);
    expect(await repair()).toMatchObject([{ action: "removed", pullAgain: [] }]);
    expect(await check()).toEqual([]);
    await unpack();
    expect(await check()).toEqual([]);
  });

  it("stay when somebody needs them, and go when nobody does", async () => {
    quietly(inRoot(1, "opt/app/new"), (path) => writeFileSync(path, "NEW"));
    const snapshotter = await store.snapshotter({ driver });
    const { chainIds } = await unpackStored(store, "app", driver);
    await snapshotter.view(snapshotKey("reader"), snapshotName(chainIds[2] as string));
    expect(await repair()).toMatchObject([{ fault: { code: "snapshot-differs" }, action: "none" }]);
    await snapshotter.remove(snapshotKey("reader"));
    expect(await repair()).toMatchObject([{ action: "removed" }]);
    const left: string[] = [];
    for await (const { name } of snapshotter.walk()) left.push(name);
    expect(left).toEqual([chainIds[0]]);
  });

  it("are a fault when they are gone", async () => {
    if (driver === "btrfs") execFileSync("btrfs", ["subvolume", "delete", roots[2] as string]);
    else rmSync(roots[2] as string, { recursive: true });
    expect(await check()).toMatchObject([{ code: "snapshot-differs" }]);
    expect(await repair()).toMatchObject([{ action: "removed" }]);
  });
}

const onDisk = (): { directory: string } & Disposable => {
  const directory = mkdtempSync(join(tmpdir(), "check-directories-"));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
};
describeWith(["root"], "directories of vfs snapshots", () => directoriesOf("vfs", onDisk));
describeWith(["mount"], "directories of overlay snapshots", () => directoriesOf("overlay", makeScratchMount));
describeWith(["mount", "mkfs.btrfs"], "directories of btrfs snapshots", () => directoriesOf("btrfs", makeBtrfs));

describe("layers that are damaged themselves", () => {
  test("prove nothing about directories", async () => {
    using place = onDisk();
    await using store = await openStore(join(place.directory, "store"));
    await putImage(store, "app", imageOf([[file("a", "1")]]));
    await unpackStored(store, "app", "vfs");
    const blobs = join(store.root, "blobs/sha256");
    for (const path of readdirSync(blobs).map((name) => join(blobs, name))) {
      const bytes = readFileSync(path);
      if (bytes[0] !== 0x7b) writeFileSync(path, bytes.fill(1, bytes.length >> 1));
    }
    const codes = (await collect(store.check({ isDeep: true }))).map(({ code }) => code);
    expect(codes).toContain("blob-corrupt");
    expect(codes).not.toContain("snapshot-differs");
  });
});
