import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { directoryLines } from "../../test/support/listed-lines.ts";
import { describeWith } from "../../test/support/oracles.ts";
import { fromText, memorySource } from "../base/index.ts";
import { createMemoryScratch } from "../content/index.ts";
import { copyTree } from "../directory/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import { bindMount, unmount } from "../linux/index.ts";
import { readTar, scanTarSync } from "../tar/index.ts";
import { dir as tarDir, file as tarFile, symlink as tarLink, tarScript, whiteout } from "../testing/index.ts";
import { mergeLayers } from "../union/index.ts";
import {
  applyChangesets,
  type Changeset,
  changesetOfDirectories,
  createChangeset,
  directoryTree,
  mergedTreeListing,
} from "./index.ts";

let directory: string;
let [a, b] = ["", ""];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "changeset-test-"));
  [a, b] = [join(directory, "a"), join(directory, "b")];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const OLD = 1_600_000_000;
const linesOf = ({ changes }: Changeset): string[] =>
  changes.map(({ kind, path, fields }) => `${kind} ${path}${fields.length > 0 ? ` (${fields.join(" ")})` : ""}`);

async function bytesOf(changeset: Changeset, options = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of changeset.tar(options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function namesOf(changeset: Changeset): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of readTar(memorySource(await bytesOf(changeset)))) names.push(name);
  return names;
}

/** The same tree twice, with times of whole seconds; then the second is changed. */
async function twoTrees(change: (at: (name: string) => string) => void): Promise<void> {
  mkdirSync(join(a, "dir/sub"), { recursive: true });
  for (const name of ["file", "dir/a", "dir/sub/c", "a-b"]) writeFileSync(join(a, name), name);
  mkdirSync(join(a, "a"));
  writeFileSync(join(a, "a/b"), "x");
  symlinkSync("file", join(a, "link"));
  lutimesSync(join(a, "link"), OLD, OLD);
  for (const name of ["file", "dir/a", "dir/sub/c", "a-b", "a/b", "a", "dir/sub", "dir", ""]) {
    utimesSync(join(a, name), OLD, OLD);
  }
  await copyTree(a, b);
  change((name) => join(b, name));
}

function replaceBy(path: string, make: () => void): void {
  rmSync(path);
  make();
}

const compared = (): Promise<Changeset> => changesetOfDirectories(a, b);

describe("the changeset of two directories", () => {
  it("is empty where nothing changed (51 EmptyDiff, EmptyFileDiff)", async () => {
    await twoTrees(() => undefined);
    const changeset = await compared();
    expect([changeset.isEmpty, changeset.changes, changeset.notices]).toEqual([true, [], []]);
    expect(await namesOf(changeset)).toEqual([]);
  });

  it("has the headers of all directories above a change (52 ParentInclusion)", async () => {
    await twoTrees((at) => {
      chmodSync(at("dir/sub"), 0o711);
      utimesSync(at("dir/sub"), OLD, OLD);
      appendFileSync(at("dir/sub/c"), "more");
    });
    expect(await namesOf(await compared())).toEqual(["dir/", "dir/sub/", "dir/sub/c"]);
  });

  it("has one whiteout for a tree that was removed, with its directory (53 WhiteoutParentRemoval)", async () => {
    await twoTrees((at) => rmSync(at("dir/sub"), { recursive: true }));
    expect(await namesOf(await compared())).toEqual(["dir/", "dir/.wh.sub"]);
  });

  it("sorts slashes first (54 RemoveDirectoryTreeWithDash)", async () => {
    await twoTrees((at) => rmSync(at("a"), { recursive: true }));
    expect(linesOf(await compared()).slice(1)).toEqual(["deleted a"]);
  });

  it("tells a change of type by the entry alone (55 FileReplace)", async () => {
    await twoTrees((at) => {
      rmSync(at("dir"), { recursive: true });
      writeFileSync(at("dir"), "file now");
      rmSync(at("link"));
      mkdirSync(at("link"));
    });
    const names = await namesOf(await compared());
    expect(names.filter((name) => name.includes(".wh."))).toEqual([]);
    expect(linesOf(await compared()).slice(1)).toEqual(["modified dir (type)", "modified link (type)"]);
  });

  it("compares the data of files whose times are whole seconds (57 UpdateWithSameTime, 65)", async () => {
    await twoTrees((at) => {
      writeFileSync(at("file"), "FILE");
      utimesSync(at("file"), OLD, OLD);
    });
    expect(linesOf(await compared())).toEqual(["modified file (content)"]);
  });

  it("compares the data of files that were written in one tick of the clock", async () => {
    await twoTrees((at) => {
      writeFileSync(at("file"), "FILE");
      const tick = (Math.floor(Date.now() / 250) - 1) / 4 + 0.125;
      for (const root of [a, b]) utimesSync(join(root, "file"), tick, tick);
    });
    expect(linesOf(await compared())).toEqual(["modified file (content)"]);
  });

  it("compares all data where it is asked to", async () => {
    await twoTrees((at) => {
      writeFileSync(at("file"), "FILE");
      for (const root of [a, b]) utimesSync(join(root, "file"), OLD + 0.5, OLD + 0.5);
    });
    expect((await compared()).isEmpty).toBe(true);
    expect(linesOf(await changesetOfDirectories(a, b, { contents: "always" }))).toEqual(["modified file (content)"]);
  });

  it("has an old file and its new name together, the target first (58, 59)", async () => {
    await twoTrees((at) => linkSync(at("file"), at("0-link")));
    const changeset = await compared();
    expect(await namesOf(changeset)).toEqual(["./", "0-link", "file"]);
  });

  it("leaves out sockets, and says so (60 IgnoreSockets)", async () => {
    await twoTrees(() => undefined);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(b, "dir/socket"), resolve));
    try {
      const changeset = await compared();
      expect(changeset.notices).toEqual([
        { what: "socket", path: "dir/socket", reason: "is a socket, which no layer can hold" },
      ]);
      expect(await namesOf(changeset)).not.toContain("dir/socket");
    } finally {
      server.close();
    }
  });

  it("makes later times this one, and whiteouts as old as the epoch (61 SourceDateEpoch)", async () => {
    await twoTrees((at) => {
      writeFileSync(at("new"), "new");
      rmSync(at("file"));
    });
    const bytes = await bytesOf(await compared(), { clampTime: { seconds: OLD + 5, nanoseconds: 0 } });
    const times = new Map<string, number>();
    for await (const { name, mtime } of readTar(memorySource(bytes))) times.set(name, mtime.seconds);
    expect(Object.fromEntries(times)).toEqual({ "./": OLD + 5, ".wh.file": 0, new: OLD + 5 });
  });

  it.each([
    ["grew", (path: string) => appendFileSync(path, "more")],
    ["shrank", (path: string) => truncateSync(path, 3)],
    ["went", (path: string) => rmSync(path)],
    ["became a link", (path: string) => replaceBy(path, () => symlinkSync("/etc/hostname", path))],
    ["became a directory", (path: string) => replaceBy(path, () => mkdirSync(path))],
  ] as const)("ends in an error that names the file that %s meanwhile (63)", async (_, change) => {
    await twoTrees((at) => writeFileSync(at("dir/new"), "n".repeat(700_000)));
    writeFileSync(join(b, "dir/small"), "small");
    const changeset = await compared();
    for (const name of ["dir/new", "dir/small"]) change(join(b, name));
    await expect(bytesOf(changeset)).rejects.toThrow(/dir\/new/);
  });

  it("never follows a directory that became a link meanwhile", async () => {
    await twoTrees((at) => {
      mkdirSync(at("dir/new"));
      writeFileSync(at("dir/new/f"), "ours");
    });
    const changeset = await compared();
    mkdirSync(join(directory, "outside"));
    writeFileSync(join(directory, "outside/f"), "host");
    renameSync(join(b, "dir/new"), join(b, "dir/was"));
    symlinkSync("../../outside", join(b, "dir/new"));
    await expect(bytesOf(changeset)).rejects.toMatchObject({ name: "StrataError" });
  });

  it("keeps holes, which are told by the bytes", async () => {
    await twoTrees((at) => {
      const fd = openSync(at("sparse"), "w");
      writeSync(fd, Buffer.alloc(10_000, 1), 0, 10_000, 1_000_000);
      writeSync(fd, Buffer.alloc(50_000), 0, 50_000, 2_000_000);
      writeSync(fd, Buffer.from("end"), 0, 3, 5_000_000);
    });
    const tree = await directoryTree(b);
    const entry = Array.from({ length: tree.index.count }, (_, i) => i).find((i) => tree.index.name(i) === "sparse");
    expect(tree.dataRuns?.(entry as number)).toEqual([
      { offset: 999_424, length: 12_288 },
      { offset: 4_997_120, length: 2883 },
    ]);
    const bytes = await bytesOf(await compared());
    expect(bytes.length).toBeLessThan(40_000);
    await using scratch = createMemoryScratch();
    await applyChangesets(a, [() => Readable.from([bytes])], { scratch });
    expect(await directoryLines(a)).toEqual(await directoryLines(b));
    expect(statSync(join(a, "sparse")).blocks).toBeLessThan(200);
  });

  it("holds everything where there is nothing below", async () => {
    await twoTrees(() => undefined);
    const changeset = await createChangeset(undefined, await directoryTree(b));
    expect(changeset.changes.every(({ kind }) => kind === "added")).toBe(true);
    expect((await namesOf(changeset)).slice(0, 3)).toEqual(["./", "a/", "a/b"]);
  });

  it("refuses a directory that is none", async () => {
    await expect(directoryTree(join(directory, "none"))).rejects.toMatchObject({ code: "file-not-found" });
    writeFileSync(join(directory, "file"), "");
    await expect(directoryTree(join(directory, "file"))).rejects.toMatchObject({ code: "file-not-found" });
  });

  it("ends when it is told to", async () => {
    await twoTrees(() => undefined);
    for (let i = 0; i < 2100; i++) writeFileSync(join(b, `f${i}`), "");
    await expect(changesetOfDirectories(a, b, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});

describeWith(["mount"], "what is mounted inside", () => {
  it("is no part of a tree, and hides nothing that was there (64)", async () => {
    await twoTrees((at) => mkdirSync(at("volume")));
    mkdirSync(join(directory, "other"));
    writeFileSync(join(directory, "other/secret"), "secret");
    const mounted = [join(b, "dir"), join(b, "volume")];
    for (const target of mounted) bindMount({ source: fromText(join(directory, "other")), target: fromText(target) });
    try {
      const changeset = await compared();
      expect(linesOf(changeset).slice(1)).toEqual(["added volume"]);
      expect(changeset.notices.map(({ what, path }) => `${what} ${path}`)).toEqual([
        "mount-point dir",
        "mount-point volume",
      ]);
    } finally {
      for (const target of mounted) unmount(fromText(target));
    }
  });
});

describe("views of images", () => {
  const indexOf = (tar: Uint8Array) => {
    const builder = new LayerIndexBuilder();
    scanTarSync(memorySource(tar), (entry) => builder.add(entry));
    return builder.finish(tar.length);
  };
  const neverOpened = {
    open: async () => {
      throw new Error("opened");
    },
  };

  it("of one image are compared without opening a file", async () => {
    const base = indexOf(tarScript(tarDir("d"), tarFile("d/f", "one"), tarLink("l", "d"), tarFile("g", "g")));
    const top = indexOf(tarScript(tarFile("d/new", "two"), whiteout("g")));
    const [lower, upper] = [mergeLayers([base]), mergeLayers([base, top])];
    const changeset = await createChangeset(
      mergedTreeListing(lower, neverOpened),
      mergedTreeListing(upper, neverOpened),
    );
    expect(linesOf(changeset)).toEqual(["added d/new", "deleted g"]);
  });

  it("and directories go together", async () => {
    const tar = tarScript(tarDir("d"), tarFile("d/f", "one"), tarFile("d/same", "same"));
    const tree = mergedTreeListing(mergeLayers([indexOf(tar)]), {
      open: async (_, entry) => memorySource(Buffer.from(["", "one", "same"][entry] ?? "")),
    });
    mkdirSync(join(b, "d"), { recursive: true });
    for (const [name, text] of [
      ["d/f", "two"],
      ["d/same", "same"],
    ] as const) {
      writeFileSync(join(b, name), text, { mode: 0o644 });
      utimesSync(join(b, name), OLD, OLD);
    }
    const lines = linesOf(await createChangeset(tree, await directoryTree(b)));
    expect(lines).toContain("modified d/f (content)");
    expect(lines.join()).not.toContain("d/same");
  });
});

describeWith(["root"], "apply(create(a, b), a) = b", () => {
  it("for random trees and what may become of them", async () => {
    const names = fc.constantFrom("a", "a/b", "a-b", "c", "c/d", "c/d/e", "f", "f/g");
    const step = fc.oneof(
      fc.record({ do: fc.constant("file" as const), at: names, text: fc.constantFrom("", "x", "y", "z".repeat(5000)) }),
      fc.record({ do: fc.constantFrom("dir", "remove", "link", "hardlink", "chmod", "chown"), at: names, to: names }),
    );
    const steps = fc.array(step, { maxLength: 12 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(steps, steps, async (before, after) => {
        const [lower, upper] = [join(directory, `a${round}`), join(directory, `b${round++}`)];
        mkdirSync(lower);
        for (const each of before) act(lower, each);
        await copyTree(lower, upper);
        for (const each of after) act(upper, each);
        // A file that is written twice between two ticks of the kernel's clock keeps its time.
        const contents = "always";
        const changeset = await changesetOfDirectories(lower, upper, { contents });
        const bytes = await bytesOf(changeset);
        expect((await bytesOf(await changesetOfDirectories(lower, upper, { contents }))).equals(bytes)).toBe(true);
        await using scratch = createMemoryScratch();
        await applyChangesets(lower, [() => Readable.from([bytes])], { scratch });
        expect(await directoryLines(lower)).toEqual(await directoryLines(upper));
        expect((await changesetOfDirectories(lower, upper, { contents })).isEmpty).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

interface Step {
  readonly do: string;
  readonly at: string;
  readonly to?: string;
  readonly text?: string;
}

/** What the file system refuses is not done. */
function act(root: string, { do: verb, at, to = "", text = "" }: Step): void {
  const path = join(root, at);
  try {
    if (verb === "file") writeFileSync(path, text);
    if (verb === "dir") mkdirSync(path);
    if (verb === "remove") rmSync(path, { recursive: true });
    if (verb === "link") symlinkSync(to, path);
    if (verb === "hardlink") linkSync(join(root, to), path);
    if (verb === "chmod") chmodSync(path, 0o700);
    if (verb === "chown") chownSync(path, 7, 8);
  } catch {}
}
