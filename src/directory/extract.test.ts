import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { requireOrSkip } from "../../test/support/skip.ts";
import { memorySource, type StrataError, toBuffer } from "../base/index.ts";
import { openFile } from "../content/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { isLinux, readXattrs } from "../linux/index.ts";
import { block, char, dir, fifo, file, hardlink, indexOf, symlink, type TarStep, tarScript } from "../testing/index.ts";
import { mergeLayers, type ProvenanceTree } from "../union/index.ts";
import { changesOfLayer } from "./changes-of-layer.ts";
import { extractChanges } from "./extract-changes.ts";
import { extractMergedTree } from "./extract-merged-tree.ts";
import type { ExtractionSource, ExtractOptions, ExtractReport } from "./extract-options.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "extract-test-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));
const at = (...names: string[]): string => join(place, ...names);

interface Stack {
  readonly tree: ProvenanceTree;
  readonly source: ExtractionSource;
}

/** Layers whose tars are local files, as those of a store are. */
function stackOf(...layers: readonly (readonly TarStep[])[]): Stack {
  const tars = layers.map((steps, layer) => {
    const tar = tarScript(...steps);
    writeFileSync(at(`${layer}.tar`), tar);
    return tar;
  });
  const tree = mergeLayers(tars.map(indexOf));
  return { tree, source: { openTar: (layer) => openFile(at(`${layer}.tar`)) } };
}

async function extract(steps: readonly TarStep[], options: ExtractOptions = {}): Promise<ExtractReport> {
  const { tree, source } = stackOf(steps);
  return await extractMergedTree(at("root"), tree, source, options);
}

const isRoot = process.getuid?.() === 0;

requireOrSkip(
  "writing a tree",
  isLinux() && isRoot,
  "not root on Linux",
)(() => {
  it("gives files their bytes from a local tar, and says how many", async () => {
    const large = "0123456789".repeat(100_000);
    const report = await extract([dir("d"), file("d/large", large), file("empty", ""), hardlink("again", "d/large")]);
    expect(report).toEqual({ entries: 4, bytes: 1_000_000, skipped: [] });
    expect(readFileSync(at("root/again"), "latin1")).toBe(large);
    expect(statSync(at("root/d/large")).nlink).toBe(2);
    expect(statSync(at("root/empty")).size).toBe(0);
  });

  it("keeps setuid bits and capabilities, though setting an owner clears them (TRAPS 32)", async () => {
    // VFS_CAP_REVISION_2 with CAP_NET_RAW, effective.
    const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    await extract([
      file("su", "x", { mode: 0o4755, uid: 1000, gid: 1000 }),
      file("ping", "x", { mode: 0o755, uid: 1000, xattrs: { "security.capability": capability } }),
      dir("tmp", { mode: 0o1777 }),
      dir("shared", { mode: 0o2775, gid: 50 }),
      file("shared/f", "x"),
    ]);
    expect(statSync(at("root/su")).mode & 0o7777).toBe(0o4755);
    const kept = readXattrs(at("root/ping")).get("security.capability");
    expect(Buffer.from(kept ?? []).toString("latin1")).toBe(capability);
    expect(["tmp", "shared"].map((name) => statSync(at("root", name)).mode & 0o7777)).toEqual([0o1777, 0o2775]);
    expect(statSync(at("root/shared/f")).gid).toBe(0);
  });

  it("keeps modes that the umask would take away, of implied directories and devices too (TRAPS 30)", async () => {
    await extract([
      file("implied/f", "x", { mode: 0o666 }),
      dir("open", { mode: 0o777 }),
      char("null", [1, 3], { mode: 0o666 }),
      block("disk", [259, 70_000], { mode: 0o660, gid: 6 }),
      fifo("pipe", { mode: 0o622 }),
    ]);
    const modes = ["implied", "implied/f", "open", "null", "disk", "pipe"].map(
      (name) => lstatSync(at("root", name)).mode & 0o7777,
    );
    expect(modes).toEqual([0o755, 0o666, 0o777, 0o666, 0o660, 0o622]);
  });

  it("sets times to the nanosecond, directories' after their children, symlinks' their own (TRAPS 31)", async () => {
    const mtime = { seconds: -5, nanoseconds: 123_456_789 };
    await extract([dir("d", { mtime }), file("d/f", "x", { mtime }), symlink("l", "/nowhere", { mtime })]);
    for (const name of ["d", "d/f", "l"]) {
      expect(lstatSync(at("root", name), { bigint: true }).mtimeNs).toBe(-5_000_000_000n + 123_456_789n);
    }
  });

  it("writes names that are no UTF-8, and paths longer than the kernel takes at once", async () => {
    const deep = Array.from({ length: 30 }, (_, i) => `${i}-${"x".repeat(200)}`);
    await extract([file("caf\xe9/\xff\xfe", "odd"), file([...deep, "f"].join("/"), "deep")]);
    expect(readFileSync(Buffer.concat([Buffer.from(`${at("root")}/`), toBuffer("caf\xe9/\xff\xfe")]), "latin1")).toBe(
      "odd",
    );
    // Deeper than a path can say: counted by going down.
    let [depth, directory] = [0, at("root", deep[0] as string)];
    for (const name of deep.slice(1)) {
      if (directory.length > 3000) break;
      directory = join(directory, name);
      depth++;
    }
    expect(depth).toBeGreaterThan(10);
    expect(readdirSync(directory)).toHaveLength(1);
    const again = stackOf([file("x")]);
    // Nothing but removing beneath open directories gets rid of it.
    await extractChanges(
      at("root"),
      { ...changesOfLayer(again.tree, 0), removals: [{ path: deep[0] as string, needsWhiteout: false }] },
      again.source,
      { existing: "replace" },
    );
    expect(readdirSync(at("root"))).not.toContain(deep[0]);
  });

  it("leaves holes in sparse files", async () => {
    const data = "y".repeat(4096);
    const tar = tarScript(file("stored", data));
    writeFileSync(at("0.tar"), tar);
    const tree = mergeLayers([sparseIndex(indexOf(tar), 8 * 1024 * 1024)]);
    await extractMergedTree(at("root"), tree, { openTar: () => openFile(at("0.tar")) });
    const { size, blocks } = statSync(at("root/stored"));
    expect(size).toBe(8 * 1024 * 1024);
    expect(blocks * 512).toBeLessThan(100 * 1024);
    const bytes = readFileSync(at("root/stored"));
    expect(bytes.subarray(1024 * 1024, 1024 * 1024 + 4096).toString()).toBe(data);
    expect(bytes.subarray(0, 1024 * 1024).every((byte) => byte === 0)).toBe(true);
  });

  it("skips labels of SELinux, and tells once what the file system does not take (TRAPS 33, 48)", async () => {
    const report = await extract([
      file("a", "x", { xattrs: { "security.selinux": "label", "user.ok": "1", "nonsense.x": "1" } }),
      file("b", "x", { xattrs: { "nonsense.x": "2" } }),
      symlink("l", "a", { xattrs: { "user.on.link": "1" } }),
    ]);
    expect(report.skipped).toEqual([
      { what: "xattr", path: "a", name: "security.selinux", reason: "policy", count: 1 },
      { what: "xattr", path: "a", name: "nonsense.x", reason: "ENOTSUP", count: 2 },
      { what: "xattr", path: "l", name: "user.on.link", reason: "EPERM", count: 1 },
    ]);
    expect([...readXattrs(at("root/a")).keys()]).toEqual(["user.ok"]);
  });

  it("escapes notes of an inner overlay in an upper directory (TRAPS 43), and only there", async () => {
    const xattrs = { "trusted.overlay.opaque": "y" };
    const { tree, source } = stackOf([dir("inner", { xattrs })]);
    await extractChanges(at("upper"), changesOfLayer(tree, 0), source, { whiteouts: "overlay" });
    expect([...readXattrs(at("upper/inner")).keys()]).toEqual(["trusted.overlay.overlay.opaque"]);
    await extractMergedTree(at("plain"), tree, source);
    expect([...readXattrs(at("plain/inner")).keys()]).toEqual(["trusted.overlay.opaque"]);
  });

  it("removes attributes of a directory that its layer no longer has", async () => {
    const { tree, source } = stackOf(
      [dir("d", { xattrs: { "user.old": "1", "user.kept": "1" } })],
      [dir("d", { xattrs: { "user.kept": "2" } })],
    );
    for (const layer of [0, 1]) await extractChanges(at("root"), changesOfLayer(tree, layer), source);
    expect([...readXattrs(at("root/d"))].map(([name, value]) => [name, String(Buffer.from(value))])).toEqual([
      ["user.kept", "2"],
    ]);
  });
});

function sparseIndex(index: LayerIndex, size: number): LayerIndex {
  const builder = new LayerIndexBuilder();
  builder.add({
    name: "stored",
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    linkName: "",
    size,
    mtime: { seconds: 0, nanoseconds: 0 },
    devMajor: 0,
    devMinor: 0,
    headerOffset: 0,
    storedSize: 4096,
    dataOffset: index.columns.dataOffset[0] as number,
    sparse: [{ offset: 1024 * 1024, length: 4096 }],
  });
  return builder.finish();
}

requireOrSkip(
  "recording owners instead of applying them",
  isLinux(),
  "not Linux",
)(() => {
  it("writes what fuse-overlayfs and podman read, and leaves files usable", async () => {
    const report = await extract(
      [
        dir("", { mode: 0o555 }),
        dir("d", { mode: 0o500, uid: 5, gid: 6 }),
        file("d/su", "x", { mode: 0o4711, uid: 1000, gid: 100 }),
        char("null", [1, 3], { mode: 0o666 }),
        symlink("l", "d", { uid: 7 }),
      ],
      { owners: "record" },
    );
    const noted = (name: string): string =>
      Buffer.from(readXattrs(at("root", name)).get("user.containers.override_stat") ?? []).toString();
    expect(["", "d", "d/su", "null"].map(noted)).toEqual([
      "0:0:0555:dir",
      "5:6:0500:dir",
      "1000:100:04711:file",
      "0:0:0666:char-1-3",
    ]);
    const stats = statSync(at("root/d/su"));
    expect([stats.uid, stats.mode & 0o7777]).toEqual([process.getuid?.(), 0o711]);
    expect(statSync(at("root/d")).mode & 0o700).toBe(0o700);
    expect(statSync(at("root/null")).isFile()).toBe(true);
    expect(report.skipped).toEqual([{ what: "owner", path: "l", name: "", reason: "EPERM", count: 1 }]);
  });
});

requireOrSkip(
  "refusing and failing",
  isLinux() && isRoot,
  "not root on Linux",
)(() => {
  const rejectsWith = (promise: Promise<unknown>, code: string): Promise<void> =>
    expect(promise).rejects.toThrow(expect.objectContaining({ code }));

  it("refuses a directory that is not empty, and leaves it as it is", async () => {
    mkdirSync(at("root"));
    writeFileSync(at("root/mine"), "1");
    await rejectsWith(extract([file("f")]), "directory-not-empty");
    expect(readdirSync(at("root"))).toEqual(["mine"]);
  });

  it("replaces files when told so, but nothing is followed and no directory is replaced", async () => {
    mkdirSync(at("root"));
    writeFileSync(at("canary"), "safe");
    symlinkSync(at("canary"), at("root/f"));
    await extract([file("f", "new")], { existing: "replace" });
    expect([readFileSync(at("root/f"), "utf8"), readFileSync(at("canary"), "utf8")]).toEqual(["new", "safe"]);
    mkdirSync(at("outside"));
    symlinkSync(at("outside"), at("root/d"));
    await rejectsWith(extract([dir("d"), file("d/x")], { existing: "replace" }), "directory-changed");
    expect(readdirSync(at("outside"))).toEqual([]);
  });

  it("leaves no trace of a tree whose tar is too short, and had seen that before", async () => {
    const { tree } = stackOf([file("f", "x".repeat(5000))]);
    const source = { openTar: async () => memorySource(new Uint8Array(1024)) };
    await rejectsWith(extractMergedTree(at("root"), tree, source), "tar-truncated");
    expect(readdirSync(place)).not.toContain("root");
  });

  it("leaves no trace when the kernel refuses a name half way", async () => {
    await rejectsWith(extract([dir("a"), file("a/b", "1"), file("x".repeat(300), "2")]), "entry-too-long");
    expect(readdirSync(place)).not.toContain("root");
    mkdirSync(at("root"));
    await rejectsWith(extract([dir("a"), file("a/b", "1"), file("x".repeat(300), "2")]), "entry-too-long");
    expect(readdirSync(at("root"))).toEqual([]);
  });

  it("stops when it is asked to, and takes back what it made", async () => {
    const steps = Array.from({ length: 500 }, (_, i) => file(`d${i % 7}/f${i}`, "x"));
    const stop = new AbortController();
    const { tree, source } = stackOf(steps);
    const slow = {
      openTar: async (layer: number) => {
        setImmediate(() => stop.abort());
        return await source.openTar(layer);
      },
    };
    await rejectsWith(extractMergedTree(at("root"), tree, slow, { signal: stop.signal }), "aborted");
    expect(readdirSync(place)).not.toContain("root");
  });

  it("refuses a symlink without a target before anything is made", async () => {
    await rejectsWith(extract([file("a", "x"), symlink("l", "")]), "symlink-empty");
    expect(readdirSync(place)).not.toContain("root");
  });
});

requireOrSkip(
  "a race: somebody swaps directories for symlinks while a tree is written (TRAPS 19, CVE-2018-15664)",
  isLinux() && isRoot,
  "not root on Linux",
)(() => {
  it("never writes outside", async () => {
    const steps = Array.from({ length: 120 }, (_, i) => [
      file(`d${i % 4}/sub/f${i}`, "x", { mode: 0o600, uid: 1 }),
      symlink(`d${i % 4}/sub/l${i}`, "f"),
      fifo(`d${i % 4}/sub/p${i}`),
    ]).flat();
    const { tree, source } = stackOf(steps);
    mkdirSync(at("canary/sub"), { recursive: true });
    chmodSync(at("canary"), 0o751);
    const outcomes = new Set<string>();
    const attacker = await startSwapping(at("root"), at("canary"));
    try {
      for (let round = 0; round < 15; round++) {
        outcomes.add(await outcomeOf(extractMergedTree(at("root"), tree, source)));
        // Out of reach first: removing files beside somebody who swaps them is no easier than making them.
        if (existsSync(at("root"))) renameSync(at("root"), at(`old-${round}`));
        expect(readdirSync(at("canary"))).toEqual(["sub"]);
        expect(readdirSync(at("canary/sub"))).toEqual([]);
        expect(statSync(at("canary")).mode & 0o7777).toBe(0o751);
      }
    } finally {
      attacker.kill("SIGKILL");
    }
    for (const outcome of outcomes) expect(["written", "directory-changed", "in-the-way"]).toContain(outcome);
  });

  it("fails typed when a directory has been swapped for certain", async () => {
    const { tree, source } = stackOf([dir("d"), dir("d/sub")], [file("d/sub/f", "x")]);
    await extractChanges(at("root"), changesOfLayer(tree, 0), source);
    mkdirSync(at("canary/sub"), { recursive: true });
    renameSync(at("root/d"), at("moved"));
    symlinkSync(at("canary"), at("root/d"));
    const outcome = await outcomeOf(extractChanges(at("root"), changesOfLayer(tree, 1), source));
    expect(outcome).toBe("directory-changed");
    expect(readdirSync(at("canary/sub"))).toEqual([]);
  });
});

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "written";
  } catch (error) {
    return (error as StrataError).code;
  }
}

/** A process that renames every directory of `root` away and puts a symlink to `canary` there, and back, without end. */
async function startSwapping(root: string, canary: string): Promise<ChildProcess> {
  const program = `
    const fs = require("node:fs");
    const [root, canary] = process.argv.slice(1);
    process.stdout.write("ready");
    for (let i = 0; ; i++) {
      for (const name of ["d0", "d1", "d2", "d3", "d0/sub", "d2/sub"]) {
        const [path, away] = [root + "/" + name, root + "/" + name + "-" + i];
        try { fs.renameSync(path, away); fs.symlinkSync(name.includes("/") ? canary + "/sub" : canary, path); } catch {}
        try { fs.unlinkSync(path); fs.renameSync(away, path); } catch {}
      }
    }`;
  const child = spawn(process.execPath, ["-e", program, root, canary], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child;
}
