import * as nodeFs from "node:fs";
import { chmod, lutimes, symlink as makeLink, mkdir, mkdtemp, realpath, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { imageOf } from "../../test/support/image-of.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { dir, file, hardlink, symlink, type TarStep } from "../testing/index.ts";
import type { ImageFs } from "./index.ts";

const MTIME = 1_500_000_000.25;
const BINARY = "\x00\xff\xfe\x80";

/** The same tree on a disk and in an image, under the same absolute path, so that even messages must be equal. */
const TREE: readonly (
  | { readonly path: string; readonly mode: number; readonly content?: string }
  | { readonly path: string; readonly target: string }
)[] = [
  { path: "d", mode: 0o755 },
  { path: "d/f", mode: 0o644, content: "hello\n" },
  { path: "d/x", mode: 0o755, content: "#!/bin/sh\n" },
  { path: "d/e", mode: 0o600, content: "" },
  { path: "d/s", mode: 0o1777 },
  { path: "d/s/f", mode: 0o4711, content: BINARY },
  { path: "d/s/big", mode: 0o644, content: "0123456789".repeat(20_000) },
  { path: "d/caf\xc3\xa9", mode: 0o644, content: "utf8" },
  { path: "d/l", target: "f" },
  { path: "d/up", target: "../d/s" },
  { path: "d/loop", target: "loop" },
  { path: "d/ping", target: "pong" },
  { path: "d/pong", target: "./ping" },
  { path: "d/gone", target: "missing/f" },
  { path: "d/slash", target: "s/" },
  { path: "d/fslash", target: "f/" },
  { path: "d/self", target: "." },
  { path: "l", target: "d/up/../l" },
];

let root = "";
let image: ImageFs;

async function makeOnDisk(): Promise<void> {
  for (const entry of TREE) {
    const path = Buffer.from(join(root, entry.path), "latin1");
    if ("target" in entry) await makeLink(entry.target, path);
    else if (entry.content === undefined) await mkdir(path);
    else await writeFile(path, Buffer.from(entry.content, "latin1"));
    if ("mode" in entry) await chmod(path, entry.mode);
  }
  await chmod(root, 0o755);
  await nodeFs.promises.link(join(root, "d/f"), join(root, "d/hard"));
  await makeLink(join(root, "d/s"), join(root, "abs"));
  for (const entry of [...TREE, { path: "abs", target: "" }].reverse()) {
    const set = "target" in entry ? lutimes : utimes;
    await set(Buffer.from(join(root, entry.path), "latin1"), MTIME, MTIME);
  }
  await utimes(root, MTIME, MTIME);
}

function makeImage(): ImageFs {
  const owner = {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mtime: { seconds: 1_500_000_000, nanoseconds: 250_000_000 },
  };
  const inImage = (path: string) => join(root, path).slice(1);
  const steps = TREE.map((entry): TarStep => {
    const path = inImage(entry.path);
    if ("target" in entry) return symlink(path, entry.target, owner);
    const attributes = { ...owner, mode: entry.mode };
    return entry.content === undefined ? dir(path, attributes) : file(path, entry.content, attributes);
  });
  return imageOf([
    [
      dir(inImage(""), owner),
      ...steps,
      symlink(inImage("abs"), join(root, "d/s"), owner),
      hardlink(inImage("d/hard"), inImage("d/f")),
    ],
  ]);
}

/** What Node's file system and ours have in common, for one question. */
interface World {
  readonly promises: typeof nodeFs.promises;
  readonly classic: typeof nodeFs;
}
type Question = (world: World, path: string | Buffer) => unknown;

type AnyStats = nodeFs.Stats | nodeFs.BigIntStats;

/** The facts of a file that do not depend on where it lies. */
function facts(stats: AnyStats) {
  const tests = [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink(), stats.isFIFO(), stats.isSocket()];
  const { mode, uid, gid, rdev, mtimeMs, mtime } = stats;
  const size = stats.isDirectory() ? undefined : { size: stats.size, nlink: stats.nlink };
  const ns = "mtimeNs" in stats ? stats.mtimeNs : undefined;
  return { tests, mode, uid, gid, rdev, mtimeMs, mtime, ns, ...size };
}

function entryFacts(entry: nodeFs.Dirent) {
  return `${entry.parentPath} ${entry.name} ${entry.isFile()} ${entry.isDirectory()} ${entry.isSymbolicLink()}`;
}

const { R_OK, X_OK, F_OK } = nodeFs.constants;
const { O_DIRECTORY, O_NOFOLLOW } = nodeFs.constants;

const QUESTIONS: Readonly<Record<string, Question>> = {
  stat: async ({ promises }, path) => facts(await promises.stat(path)),
  "stat bigint": async ({ promises }, path) => facts(await promises.stat(path, { bigint: true })),
  lstat: async ({ promises }, path) => facts(await promises.lstat(path)),
  "lstat bigint": async ({ promises }, path) => facts(await promises.lstat(path, { bigint: true })),
  readFile: ({ promises }, path) => promises.readFile(path),
  "readFile utf8": ({ promises }, path) => promises.readFile(path, "utf8"),
  "readFile base64": ({ promises }, path) => promises.readFile(path, { encoding: "base64", flag: "rs" }),
  "readFile bad encoding": ({ promises }, path) => promises.readFile(path, "utf9" as "utf8"),
  "readFile bad flag": ({ promises }, path) => promises.readFile(path, { flag: "q" }),
  readdir: async ({ promises }, path) => (await promises.readdir(path)).sort(),
  "readdir buffer": async ({ promises }, path) => (await promises.readdir(path, "buffer")).map(String).sort(),
  "readdir latin1": async ({ promises }, path) => (await promises.readdir(path, "latin1")).sort(),
  "readdir types": async ({ promises }, path) =>
    (await promises.readdir(path, { withFileTypes: true })).map(entryFacts).sort(),
  "readdir types recursive": async ({ promises }, path) =>
    (await promises.readdir(String(path), { withFileTypes: true, recursive: true })).map(entryFacts).sort(),
  readlink: ({ promises }, path) => promises.readlink(path),
  "readlink buffer": ({ promises }, path) => promises.readlink(path, "buffer"),
  realpath: ({ promises }, path) => promises.realpath(path),
  "realpath latin1": ({ promises }, path) => promises.realpath(path, "latin1"),
  "access F": ({ promises }, path) => promises.access(path, F_OK),
  "access R": ({ promises }, path) => promises.access(path, R_OK),
  "access X": ({ promises }, path) => promises.access(path, X_OK),
  "access 9": ({ promises }, path) => promises.access(path, 9),
  opendir: async ({ promises }, path) => {
    const names: string[] = [];
    for await (const entry of await promises.opendir(String(path))) names.push(entryFacts(entry));
    return names.sort();
  },
  "open and read": async ({ promises }, path) => {
    await using handle = await promises.open(path);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(20), 3, 10, 2);
    return { bytesRead, buffer, rest: (await handle.readFile("latin1")).length, facts: facts(await handle.stat()) };
  },
  "open directories only": async ({ promises }, path) => (await promises.open(path, O_DIRECTORY)).close(),
  "open without following": async ({ promises }, path) => (await promises.open(path, O_NOFOLLOW)).close(),
  stream: async ({ classic }, path) => {
    const chunks: Buffer[] = [];
    const stream = classic.createReadStream(path, { start: 2, end: 100_001 });
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return [Buffer.concat(chunks).toString("latin1"), stream.bytesRead, stream.path];
  },
  existsSync: ({ classic }, path) => classic.existsSync(path),
  statSync: ({ classic }, path) => facts(classic.statSync(path)),
  lstatSync: ({ classic }, path) => facts(classic.lstatSync(path, { bigint: true })),
  readFileSync: ({ classic }, path) => classic.readFileSync(path, "latin1"),
  readdirSync: ({ classic }, path) => classic.readdirSync(path).sort(),
  readlinkSync: ({ classic }, path) => classic.readlinkSync(path),
  "realpathSync native": ({ classic }, path) => classic.realpathSync.native(path),
  accessSync: ({ classic }, path) => classic.accessSync(path, X_OK),
  "stat callback": ({ classic }, path) =>
    new Promise((resolve, reject) => {
      classic.stat(path, (error, stats) => (error ? reject(error) : resolve(facts(stats))));
    }),
  "readlink callback": ({ classic }, path) =>
    new Promise((resolve, reject) => {
      classic.readlink(path, "utf8", (error, target) => (error ? reject(error) : resolve(target)));
    }),
};

/** The answer, or all that a program can see of the error; of a wrong argument only its code: Node words these at will. */
async function ask(question: Question, world: World, path: string | Buffer): Promise<unknown> {
  try {
    const answer = await question(world, path);
    return { answer: Buffer.isBuffer(answer) ? answer.toString("latin1") : answer };
  } catch (error) {
    const { name, message, code, errno, syscall, path: about } = error as NodeJS.ErrnoException;
    return errno === undefined ? { name, code } : { name, message, code, errno, syscall, about };
  }
}

const canRun = process.platform === "linux" && process.getuid?.() === 0;

requireOrSkip(
  "an image answers as the same tree on a disk does",
  canRun,
  "needs Linux and root",
)(() => {
  const disk: World = { promises: nodeFs.promises, classic: nodeFs };
  const ours = (): World => ({
    promises: image as unknown as World["promises"],
    classic: image.node as unknown as typeof nodeFs,
  });

  beforeAll(async () => {
    root = await mkdtemp(join(await realpath(tmpdir()), "strata-fs-"));
    await makeOnDisk();
    image = makeImage();
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  async function expectSame(name: string, path: string | Buffer): Promise<void> {
    const question = QUESTIONS[name] as Question;
    const expected = await ask(question, disk, path);
    expect(await ask(question, ours(), path), `${name} of ${String(path)}`).toEqual(expected);
  }

  const paths = [
    "d",
    "d/",
    "d/.",
    "d/..",
    "d/f",
    "d/f/",
    "d/f/.",
    "d/f/..",
    "d/f/x",
    "d/x",
    "d/e",
    "d/s/f",
    "d/s/big",
    "d/café",
    "d/l",
    "d/l/",
    "d/up",
    "d/up/",
    "d/up/f",
    "d/up/..",
    "d/loop",
    "d/loop/x",
    "d/ping",
    "d/pong/",
    "d/gone",
    "d/gone/..",
    "d/slash",
    "d/slash/big",
    "d/fslash",
    "d/self",
    "d/self/self/./self/f",
    "l",
    "l/",
    "abs",
    "abs/",
    "abs/f",
    "d/hard",
    "missing",
    "missing/",
    "d/missing/x",
    "d//s///f",
    "",
  ]; // prettier-ignore

  it.each(Object.keys(QUESTIONS))("%s", async (name) => {
    for (const path of paths) await expectSame(name, `${root}/${path}`);
    await expectSame(name, Buffer.from(`${root}/d/café`));
    await expectSame(name, Buffer.from(`${root}/d/\xff`, "latin1"));
    await expectSame(name, "");
    await expectSame(name, "a\0b");
    await expectSame(name, undefined as never);
  });

  it("but for what lies below `link/..`, where Node loses its way", async () => {
    const question = QUESTIONS["readdir types recursive"] as Question;
    const path = `${root}/d/self/..`;
    expect(await ask(question, disk, path)).toMatchObject({ code: "ENOENT" });
    const names = (await ours().promises.readdir(path, { withFileTypes: true, recursive: true })).map(nameOf).sort();
    expect(names).toEqual(
      (await disk.promises.readdir(root, { withFileTypes: true, recursive: true })).map(nameOf).sort(),
    );
  });

  it("on random paths too", async () => {
    const part = fc.constantFrom(
      "d",
      "f",
      "s",
      "l",
      "up",
      "loop",
      "ping",
      "gone",
      "slash",
      "self",
      "abs",
      ".",
      "..",
      "",
      "no",
    );
    const random = fc.array(part, { minLength: 1, maxLength: 7 }).filter((parts) => !climbs(parts));
    await fc.assert(
      fc.asyncProperty(random, fc.constantFrom(...Object.keys(QUESTIONS)), async (parts, name) => {
        const path = `${root}/${parts.join("/")}`;
        fc.pre(!name.includes("recursive") || isSameNormalised(path));
        await expectSame(name, path);
      }),
      { numRuns: 500 },
    );
  });
});

/** Whether a path may leave the common tree: what lies above it is not the same in both worlds. */
function climbs(parts: readonly string[]): boolean {
  let depth = 0;
  for (const part of parts) {
    if (part === "..") depth--;
    else if (part !== "." && part !== "" && part !== "self" && part !== "l") depth++;
    if (depth < 0) return true;
  }
  return false;
}

/**
 * Whether a path leads to the same place when `link/..` is taken for nothing. Where it does not, Node itself loses its way: for what lies below
 * a directory it joins names to the path by their text.
 */
function isSameNormalised(path: string): boolean {
  const { existsSync, realpathSync } = nodeFs;
  if (!existsSync(path)) return true;
  return existsSync(normalize(path)) && realpathSync.native(path) === realpathSync.native(normalize(path));
}

const nameOf = ({ name }: { readonly name: string }): string => name;
