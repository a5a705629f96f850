import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeWith } from "../../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../../test/support/scratch-mount.ts";
import { fromText, memorySource, StrataError } from "../../base/index.ts";
import { createLocalScratch, createMemoryScratch, openFile } from "../../content/index.ts";
import type { ExtractReport } from "../../directory/index.ts";
import { readXattrs, writeXattr } from "../../linux/index.ts";
import {
  dir,
  editDirectory,
  fifo,
  file,
  hardlink,
  readDirectory,
  symlink,
  type TarStep,
  tarScript,
  treeText,
  whiteout,
} from "../../testing/index.ts";
import { applyChangesets } from "./apply-changesets.ts";
import type { ApplyOptions, ChangesetInput } from "./apply-options.ts";

let home: string;
const at = (...names: readonly string[]): string => join(home, ...names);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "apply-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A changeset that lies in memory. */
const of = (...steps: readonly TarStep[]): ChangesetInput => bytes(tarScript(...steps));
const bytes =
  (tar: Uint8Array): ChangesetInput =>
  async () =>
    memorySource(tar);

async function apply(
  directory: string,
  inputs: readonly ChangesetInput[],
  options: Partial<ApplyOptions> = {},
): Promise<ExtractReport> {
  await using scratch = createMemoryScratch();
  return await applyChangesets(directory, inputs, { scratch, ...options });
}

async function failureOf(action: Promise<unknown>): Promise<StrataError> {
  const error: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StrataError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

/** Everything of a directory that a change of it would show. */
const stateOf = (directory: string): string => treeText(readDirectory(directory));

/** A file system in memory; the suite that asks for it unmounts it. */
function mount(place: string, options: string, type = "tmpfs"): void {
  const { status, stderr } = spawnSync("mount", ["-t", type, "-o", options, "apply", place]);
  if (status !== 0) throw new Error(stderr.toString());
}

describe("what a changeset comes as", () => {
  const tar = tarScript(file("a", "1"));
  async function* inPieces(all: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < all.length; start += size) yield all.subarray(start, start + size);
  }

  it.each([
    ["a plain tar", tar],
    ["a gzip", gzipSync(tar)],
    ["a gzip of two members", Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
  ])("may be a source or a slow stream of %s", async (_, stored) => {
    await apply(at("source"), [bytes(stored)]);
    await apply(at("stream"), [() => inPieces(stored, 100)]);
    for (const name of ["source", "stream"]) expect(readFileSync(at(name, "a"), "utf8")).toBe("1");
  });

  it("may be a file, which is closed in the end, with a scratch on disk", async () => {
    writeFileSync(at("a.tar"), tar);
    let isOpen = 0;
    const open: ChangesetInput = async () => {
      const source = await openFile(at("a.tar"));
      isOpen++;
      const close = async (): Promise<void> => {
        isOpen--;
        await source[Symbol.asyncDispose]();
      };
      return { ...source, [Symbol.asyncDispose]: close };
    };
    await using scratch = createLocalScratch({ directory: home });
    await applyChangesets(at("root"), [open, () => inPieces(gzipSync(tar), 10)], { scratch });
    await failureOf(applyChangesets(at("other"), [open, bytes(Buffer.from("no tar".repeat(200)))], { scratch }));
    expect(isOpen).toBe(0);
  });

  it("may be an empty archive, which changes nothing", async () => {
    mkdirSync(at("root"));
    writeFileSync(at("root", "a"), "1");
    const before = stateOf(at("root"));
    await apply(at("root"), [of(), of()]);
    expect(stateOf(at("root"))).toBe(before);
  });
});

describe("a changeset that is refused", () => {
  const deep = (count: number): TarStep[] => [file("ok", "1"), file("n".repeat(count), "1")];
  const ATTACKS: readonly (readonly [string, Uint8Array, Record<string, unknown>])[] = [
    ["climbs", tarScript(file("b"), file("../x")), { code: "path-escapes-root", entry: "../x", offset: 512 }],
    ["replaces the root", tarScript(symlink("/.", "/etc")), { code: "root-replaced", entry: "/.", offset: 0 }],
    ["removes nothing", tarScript(file("b"), file("d/.wh.")), { code: "invalid-whiteout", offset: 512 }],
    ["links to what is not there", tarScript(hardlink("b", "/etc/passwd")), { code: "hardlink-target-missing" }],
    ["goes in circles", tarScript(symlink("l", "l"), file("l/x")), { code: "symlink-loop", entry: "l/x", offset: 512 }],
    ["has a link to nowhere", tarScript(file("b"), symlink("l", "")), { code: "symlink-empty", offset: 512 }],
    ["has a name that is too long", tarScript(...deep(256)), { code: "entry-out-of-range" }],
    ["has a target that is too long", tarScript(symlink("l", "x".repeat(4096))), { code: "entry-out-of-range" }],
    [
      "has owners beyond Linux",
      tarScript(file("b", "1", { uid: 2 ** 32 - 1 })),
      { code: "entry-out-of-range", entry: "b" },
    ],
    ["is nothing at all", Buffer.alloc(0), { code: "tar-empty" }],
    ["is a gzip of nothing at all", gzipSync(""), { code: "tar-empty" }],
    ["ends too early", tarScript(file("b", "x".repeat(3000))).subarray(0, 1500), { code: "tar-truncated" }],
    ["is no archive", Buffer.from("a shopping list\n".repeat(100)), { code: "tar-bad-checksum" }],
    ["is a broken gzip", gzipSync(tarScript(file("b", "1"))).subarray(0, 60), { code: "decompression-truncated" }],
    ["is compressed as nobody can read", Buffer.from("BZh91AY&SY".padEnd(600)), { code: "compression-unsupported" }],
  ];

  it.each(ATTACKS)(
    "because it %s leaves the directory as it was, and is named",
    async (_, tar, { code, ...details }) => {
      mkdirSync(at("root"));
      editDirectory(at("root"), dir("d"), file("d/x", "1"), file("gone", "1"));
      mkdirSync(at("empty"), { mode: 0o711 });
      utimesSync(at("empty"), 5, 5);
      const states = (): string[] => ["root", "empty"].map((name) => stateOf(at(name)));
      const before = states();
      for (const name of ["root", "empty", "absent"]) {
        const error = await failureOf(apply(at(name), [of(whiteout("gone"), file("new", "1")), bytes(tar)]));
        expect(error).toMatchObject({ code, details: { layer: 1, ...details } });
      }
      expect(states()).toEqual(before);
      expect(readdirSync(home).sort()).toEqual(["empty", "root"]);
    },
  );

  it("because it is larger than it may be", async () => {
    const bomb = gzipSync(tarScript(file("a", "0".repeat(100_000))));
    const limits = { maxLayerBytes: 50_000 };
    expect(await failureOf(apply(at("a"), [bytes(bomb)], { limits }))).toMatchObject({
      code: "decompression-bomb",
      kind: "hostile",
      details: { layer: 0 },
    });
    const many = failureOf(apply(at("a"), [of(file("a"), file("b"))], { limits: { maxEntries: 1 } }));
    expect(await many).toMatchObject({ code: "tar-too-many-entries", details: { layer: 0, entry: "b", offset: 512 } });
    expect(existsSync(at("a"))).toBe(false);
  });

  it("because it was stopped", async () => {
    const signal = AbortSignal.abort();
    expect((await failureOf(apply(at("a"), [of(file("a"))], { signal }))).code).toBe("aborted");
    expect(existsSync(at("a"))).toBe(false);
  });

  it("where the directory is a file", async () => {
    writeFileSync(at("root"), "");
    const error = await failureOf(apply(at("root"), [of(file("a"))]));
    expect(error).toMatchObject({ code: "not-a-directory", kind: "invalid-argument", details: { path: at("root") } });
  });
});

describe("a directory that has files", () => {
  beforeEach(() => {
    mkdirSync(at("root"));
    mkdirSync(at("outside"));
  });

  it("keeps all that no changeset names, also below directories that one names", async () => {
    editDirectory(at("root"), dir("d"), file("d/kept", "1"), dir("e"), file("e/kept", "1"), symlink("l", "d"));
    await apply(at("root"), [of(file("l/new", "2"), dir("d", { mode: 0o700 }))]);
    expect(readDirectory(at("root")).map(({ path }) => path)).toEqual(["", "d", "d/kept", "d/new", "e", "e/kept", "l"]);
    expect(lstatSync(at("root", "d")).mode & 0o777).toBe(0o700);
  });

  it("is reached by links of any layer, and is never left by them", async () => {
    editDirectory(at("root"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "1"), symlink("lib", "/usr/lib"));
    symlinkSync(at("outside"), at("root", "out"));
    const layers = [
      of(symlink("l", "lib"), symlink("up", "../../usr")),
      of(file("l/b", "2"), whiteout("up/lib/a"), file("out/x", "2")),
    ];
    await apply(at("root"), layers);
    expect(readdirSync(at("root", "usr/lib"))).toEqual(["b"]);
    expect(readdirSync(at("outside"))).toEqual([]);
    expect(readFileSync(at("root", at("outside"), "x"), "utf8")).toBe("2");
  });

  it("gives files that lose their names to those who link to them, attributes and other names included", async () => {
    editDirectory(at("root"), file("a", "x".repeat(300_000), { mode: 0o640 }), file("c", "2"), hardlink("d", "c"));
    await apply(at("root"), [of(whiteout("a"), hardlink("b", "a"), whiteout("c"), hardlink("e", "c"))]);
    expect(readdirSync(at("root")).sort()).toEqual(["b", "d", "e"]);
    expect(readFileSync(at("root", "b")).equals(Buffer.alloc(300_000, "x"))).toBe(true);
    expect(lstatSync(at("root", "b")).mode & 0o777).toBe(0o640);
    expect(lstatSync(at("root", "e")).ino).toBe(lstatSync(at("root", "d")).ino);
  });

  it("may hold sockets, which stay, or go where a changeset says so", async () => {
    const servers = await Promise.all(["kept", "gone", "replaced", "dir/inside"].map(listenAt));
    const bound = readdirSync(at("root")).sort();
    expect(bound).toEqual(["dir", "gone", "kept", "replaced"]);
    await apply(at("root"), [of(whiteout("gone"), file("replaced", "1"), whiteout("dir"))]);
    expect(lstatSync(at("root", "replaced")).isFile()).toBe(true);
    expect(readdirSync(at("root")).sort()).toEqual(["kept", "replaced"]);
    for (const server of servers) server.close();
  });

  async function listenAt(name: string): Promise<ReturnType<typeof createServer>> {
    mkdirSync(at("root", "dir"), { recursive: true });
    const server = createServer();
    await once(server.listen(at("root", name)), "listening");
    return server;
  }

  it("is opened through the link that the caller names", async () => {
    writeFileSync(at("root", "a"), "1");
    symlinkSync("root", at("link"));
    await apply(at("link"), [of(whiteout("a"), file("b", "2"))]);
    expect(readdirSync(at("root"))).toEqual(["b"]);
    expect(readlinkSync(at("link"))).toBe("root");
  });

  it("is not looked at where no changeset leads", async () => {
    mkdirSync(at("root", "dark"));
    writeFileSync(at("root", "dark", "x"), "1");
    utimesSync(at("root", "dark"), 1, 1);
    await apply(at("root"), [of(file("light", "1"), dir("d"))]);
    expect(lstatSync(at("root", "dark")).atimeMs).toBe(1000);
    await apply(at("root"), [of(whiteout("dark"))]);
    expect(readdirSync(at("root")).sort()).toEqual(["d", "light"]);
  });
});

describeWith(["root"], "whose files they become", () => {
  it("keeps an empty directory's owner, mode and time when no changeset speaks of it", async () => {
    mkdirSync(at("root"));
    chmodSync(at("root"), 0o711);
    chownSync(at("root"), 7, 8);
    utimesSync(at("root"), 5, 5);
    await apply(at("root"), [of(file("a", "1"))]);
    const { mode, uid, gid, mtimeMs } = lstatSync(at("root"));
    expect({ mode: mode & 0o7777, uid, gid, mtimeMs }).toEqual({ mode: 0o711, uid: 7, gid: 8, mtimeMs: 5000 });
  });

  it("gives them to their owners, or records those", async () => {
    const layer = of(file("a", "1", { uid: 12, gid: 34, mode: 0o4755 }));
    await apply(at("applied"), [layer]);
    await apply(at("recorded"), [layer], { owners: "record" });
    expect(lstatSync(at("applied", "a"))).toMatchObject({ uid: 12, gid: 34, mode: 0o104755 });
    expect(lstatSync(at("recorded", "a"))).toMatchObject({ uid: 0, gid: 0, mode: 0o100755 });
  });
});

describeWith(["mount"], "attributes of what is there", () => {
  let disk: ScratchMount;
  beforeEach(() => {
    disk = makeScratchMount();
  });
  afterEach(() => disk[Symbol.dispose]());

  it("are gone from an empty directory that a changeset speaks of, also where it was somebody else's", async () => {
    const root = join(disk.directory, "root");
    mkdirSync(root);
    chownSync(root, 7, 7);
    writeXattr(fromText(root), "user.note", Buffer.from("n"));
    await apply(root, [of(dir("./"))]);
    expect([...readXattrs(fromText(root)).keys()]).toEqual([]);
    expect(lstatSync(root).uid).toBe(0);
  });

  it("do not become those of new files where a directory hands an access control list down", async () => {
    const root = join(disk.directory, "root");
    mkdirSync(join(root, "d"), { recursive: true });
    const list = "0200000001000700ffffffff020006000700000004000500ffffffff10000700ffffffff20000500ffffffff";
    writeXattr(fromText(join(root, "d")), "system.posix_acl_default", Buffer.from(list, "hex"));
    const made = [
      dir("d/new"),
      file("d/new/f", "1"),
      file("d/g", "1", { mode: 0o640 }),
      fifo("d/pipe", { mode: 0o602 }),
    ];
    await apply(root, [of(...made)]);
    for (const [name, mode] of [
      ["new", 0o755],
      ["new/f", 0o644],
      ["g", 0o640],
      ["pipe", 0o602],
    ] as const) {
      const path = join(root, "d", name);
      expect([name, lstatSync(path).mode & 0o7777, ...readXattrs(fromText(path)).keys()]).toEqual([name, mode]);
    }
    expect([...readXattrs(fromText(join(root, "d"))).keys()]).toEqual(["system.posix_acl_default"]);
  });
});

describeWith(["mount"], "what is mounted inside", () => {
  beforeEach(() => {
    mkdirSync(at("root", "proc"), { recursive: true });
    writeFileSync(at("root", "proc", "below"), "");
    mount(at("root", "proc"), "mode=0755");
    writeFileSync(at("root", "proc", "1"), "theirs");
  });
  afterEach(() => void spawnSync("umount", ["-l", at("root", "proc")]));

  it("stays as it is, with the directory's attributes, and the rest is applied", async () => {
    const before = stateOf(at("root", "proc"));
    const report = await apply(at("root"), [of(dir("proc", { mode: 0o555, mtime: 1 }), file("a", "1"))]);
    expect(report.skipped).toEqual([{ what: "mount-point", path: "proc", name: "", reason: "EBUSY", count: 1 }]);
    expect(stateOf(at("root", "proc"))).toBe(before);
    expect(readFileSync(at("root", "a"), "utf8")).toBe("1");
  });

  it.each([
    ["a file in it", [file("proc/x", "1")]],
    ["its removal", [whiteout("proc")]],
    ["a file in its place", [file("proc", "1")]],
  ])("refuses %s before anything is written", async (_, steps) => {
    const error = await failureOf(apply(at("root"), [of(file("a", "1"), ...steps)]));
    expect(error).toMatchObject({ code: "in-the-way", details: { mountPoint: "proc" } });
    expect(readdirSync(at("root"))).toEqual(["proc"]);
    expect(readdirSync(at("root", "proc"))).toEqual(["1"]);
  });
});

describeWith(["mount"], "a file system that does not count its room", () => {
  beforeEach(() => {
    mkdirSync(at("disk"));
    mount(at("disk"), "mode=0755", "ramfs");
  });
  afterEach(() => void spawnSync("umount", ["-l", at("disk")]));

  it("takes files, new directories too", async () => {
    await apply(at("disk", "root"), [of(file("a", "1"))]);
    expect(readFileSync(at("disk", "root", "a"), "utf8")).toBe("1");
  });
});

describeWith(["mount"], "a disk without room", () => {
  const MEGABYTE = "x".repeat(1024 * 1024);
  beforeEach(() => {
    mkdirSync(at("disk"));
    mount(at("disk"), "size=3m,nr_inodes=60");
  });
  afterEach(() => void spawnSync("umount", ["-l", at("disk")]));

  it("is told before anything is written, with what is needed and what is there", async () => {
    const large = [1, 2, 3, 4].map((number) => file(`f${number}`, MEGABYTE));
    const error = await failureOf(apply(at("disk", "root"), [of(...large)]));
    const { needed, available } = error.details as { needed: number; available: number };
    expect(error).toMatchObject({ code: "no-space", kind: "unavailable", details: { what: "bytes" } });
    expect(needed).toBe(4 * 1024 * 1024);
    expect(available).toBeLessThanOrEqual(3 * 1024 * 1024);
    expect(error.message).toBe(
      `Cannot write to ${at("disk")}: ${needed} bytes are needed and ${available} are available`,
    );
    expect(readdirSync(at("disk"))).toEqual([]);
  });

  it("is told for files without room for their inodes", async () => {
    const many = Array.from({ length: 100 }, (_, i) => file(`f${i}`));
    const error = await failureOf(apply(at("disk"), [of(...many)]));
    expect(error).toMatchObject({ code: "no-space", details: { what: "files", needed: 100 } });
    expect(readdirSync(at("disk"))).toEqual([]);
  });

  it("has the room of what is replaced and removed", async () => {
    await apply(at("disk"), [of(file("a", MEGABYTE), file("b", MEGABYTE), hardlink("c", "b"))]);
    await apply(at("disk"), [of(file("a", MEGABYTE), file("b", MEGABYTE), whiteout("c"))]);
    expect(readdirSync(at("disk")).sort()).toEqual(["a", "b"]);
  });
});

describeWith(["root"], "somebody who is not root", () => {
  const NOBODY = 65_534;
  beforeEach(() => {
    chmodSync(home, 0o777);
    process.setegid?.(NOBODY);
    process.seteuid?.(NOBODY);
  });
  afterEach(() => {
    process.seteuid?.(0);
    process.setegid?.(0);
  });

  it("has owners recorded", async () => {
    await apply(at("root"), [of(file("a", "1", { uid: 12, gid: 34 })), of(file("b", "1"))]);
    await apply(at("root"), [of(whiteout("a"), dir("d"))]);
    expect(readdirSync(at("root")).sort()).toEqual(["b", "d"]);
    expect(lstatSync(at("root", "b"))).toMatchObject({ uid: NOBODY, gid: NOBODY });
  });

  it("may apply owners where all are the same", async () => {
    const mine = { uid: NOBODY, gid: NOBODY };
    await apply(at("root"), [of(dir("d", mine), file("d/a", "1", mine))], { owners: "apply" });
    await apply(at("root"), [of(file("d/b", "1", mine))], { owners: "apply" });
    expect(readdirSync(at("root", "d"))).toEqual(["a", "b"]);
  });

  it("is refused what belongs to others, with a trace neither of a new directory nor in an empty one", async () => {
    mkdirSync(at("empty"));
    for (const name of ["absent", "empty"]) {
      const error = await failureOf(apply(at(name), [of(file("a", "1", { uid: 12 }))], { owners: "apply" }));
      expect(error.code).toBe("permission-denied");
    }
    expect(readdirSync(home)).toEqual(["empty"]);
    expect(readdirSync(at("empty"))).toEqual([]);
  });
});
