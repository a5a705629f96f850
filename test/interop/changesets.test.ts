import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { changesetTar, compareTrees, differenceOf, LayerIndexBuilder } from "../../src/layer/index.ts";
import { layoutScript, readDirectory, treeText } from "../../src/testing/index.ts";
import {
  aDirectory,
  aFile,
  aSymlink,
  contentsOf,
  listFiles,
  type MemoryFiles,
  treeOf,
} from "../support/memory-tree.ts";
import { describeWith } from "../support/oracles.ts";
import { run, withDirectory } from "./oracle-trees.ts";

const MIB = 2 ** 20;
const DISK = `${"\0".repeat(MIB)}data${"\0".repeat(MIB - 4)}${"tail".repeat(1024)}${"\0".repeat(MIB)}`;
const RUNS = [
  { offset: MIB, length: 4096 },
  { offset: 2 * MIB, length: 4096 },
];
const disk = aFile(DISK, { sparse: RUNS, mtime: { seconds: 1_500_000_000, nanoseconds: 0 } });
const shared = aFile("shared", { mtime: { seconds: 7, nanoseconds: 0 } });
const whole = { mtime: { seconds: 9, nanoseconds: 0 } };

const LOWER = treeOf({
  "": aDirectory(whole),
  disk,
  "tree/a/b": aFile("gone", whole),
  "tree-x": aFile("stays", whole),
  "was-dir/file": aFile("x", whole),
  "was-file": aFile("y", whole),
  first: shared,
  second: shared,
});
const UPPER = treeOf({
  "": aDirectory(whole),
  disk,
  [`images/${"long-name/".repeat(12)}d\u00c3\u00a9sk`]: disk,
  "images/hole": aFile("\0".repeat(MIB), { ...whole, sparse: [] }),
  "tree-x": aFile("stays", { ...whole, mode: 0o600, xattrs: new Map([["user.tag", Buffer.from("blue")]]) }),
  "was-dir": aSymlink("tree-x", whole),
  "was-file/now": aFile("inside", whole),
  first: shared,
  second: shared,
  third: shared,
});

async function layerTar(lower: MemoryFiles | undefined, upper: MemoryFiles): Promise<Buffer> {
  const below = lower === undefined ? new LayerIndexBuilder().finish() : listFiles(lower).index;
  const isSameContent = lower === undefined ? () => false : contentsOf(lower, upper);
  const listed = listFiles(upper);
  const difference = differenceOf(listed, await compareTrees(below, listed.index, { isSameContent }), below);
  const chunks: Uint8Array[] = [];
  for await (const chunk of changesetTar(difference.listed, difference.whiteouts)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function layoutOf(directory: string): Promise<string> {
  const { files } = layoutScript([await layerTar(undefined, LOWER), await layerTar(LOWER, UPPER)]);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  return directory;
}

/** What a directory has to be, whoever made it. */
function expectUpper(root: string): void {
  const dumped = treeText(readDirectory(root), { withoutRoot: true });
  const names = [...UPPER.keys()].filter((path) => path !== "").length;
  expect(dumped.trimEnd().split("\n")).toHaveLength(names);
  for (const [path, { type, content }] of UPPER) {
    if (type !== "file") continue;
    expect(readFileSync(Buffer.from(`${root}/${path}`, "latin1")).toString("latin1") === content, path).toBe(true);
  }
  const inodes = ["first", "second", "third"].map((name) => statSync(join(root, name)).ino);
  expect(new Set(inodes).size).toBe(1);
  expect(statSync(join(root, "disk")).nlink).toBe(2);
  expect(statSync(join(root, "tree-x")).mode & 0o7777).toBe(0o600);
  expect(dumped).toContain("user.tag=0x626c7565");
}

describeWith(["tar", "root"], "a layer with sparse files, unpacked by GNU tar", () => {
  it("gives the files, and their holes take no room", async () => {
    await withDirectory(async (directory) => {
      const archive = join(directory, "layer.tar");
      writeFileSync(archive, await layerTar(undefined, LOWER));
      expect(statSync(archive).size).toBeLessThan(40_000);
      mkdirSync(join(directory, "out"));
      run("tar", ["-xpf", archive, "-C", join(directory, "out")]);
      const unpacked = join(directory, "out/disk");
      expect(readFileSync(unpacked).toString("latin1") === DISK).toBe(true);
      expect(statSync(unpacked).blocks * 512).toBeLessThan(64 * 1024);
      expect(run("tar", ["-tf", archive]).split("\n")).toContain("disk");
    });
  });
});

describeWith(["umoci", "getfattr", "root"], "a changeset with sparse files, unpacked by umoci", () => {
  it("makes the upper tree out of the lower", async () => {
    await withDirectory(async (directory) => {
      const layout = await layoutOf(join(directory, "layout"));
      run("umoci", ["raw", "unpack", "--image", `${layout}:latest`, join(directory, "out")]);
      expectUpper(join(directory, "out"));
    });
  });
});

describeWith(
  ["podman", "skopeo", "getfattr", "root", "mount"],
  "a changeset with sparse files, loaded by podman",
  () => {
    it.each(["vfs", "overlay"])("makes the upper tree out of the lower with its driver %s", async (driver) => {
      await withDirectory(async (directory) => {
        const layout = await layoutOf(join(directory, "layout"));
        const archive = join(directory, "image.tar");
        run("skopeo", ["copy", "--insecure-policy", `oci:${layout}:latest`, `oci-archive:${archive}:example.com/x:v1`]);
        const places = ["--root", "--runroot", "--tmpdir"].flatMap((flag) => [flag, join(directory, flag.slice(2))]);
        const flags = ["--storage-driver", driver, "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
        run("podman", [...places, ...flags, "load", "--quiet", "-i", archive]);
        const root = run("podman", [...places, ...flags, "image", "mount", "example.com/x:v1"]);
        expectUpper(root);
        run("podman", [...places, ...flags, "image", "unmount", "example.com/x:v1"]);
      });
    });
  },
);
