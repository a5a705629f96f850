import { spawnSync } from "node:child_process";
import * as host from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { createFsFromVolume, Volume } from "memfs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mergedScripts } from "../../../test/support/image-of.ts";
import { makeScratchMount, type ScratchMount } from "../../../test/support/scratch-mount.ts";
import { requireOrSkip } from "../../../test/support/skip.ts";
import { memorySource, sliceSource } from "../../base/index.ts";
import { changesetTar, ociWhiteouts } from "../../layer/index.ts";
import { dir, file, hardlink, indexOf, symlink, type TarStep, tarScript } from "../../testing/index.ts";
import { mergeLayers } from "../../union/index.ts";
import { ImageFs, listUpper, rootedAt, type UnionFs, unionFs } from "../index.ts";

/** More of them by hand: they find what a few do not. */
const RUNS = Number(process.env["STRATA_UNION_RUNS"] ?? 20);
const OLD = 1_500_000_000;
const MTIME = { mtime: { seconds: OLD, nanoseconds: 0 } };

/** What all lowers hold; the root is 0755 as well. */
const LOWER: readonly TarStep[] = [
  dir("./", { mode: 0o755, ...MTIME }),
  dir("a", { mode: 0o755, ...MTIME }),
  file("a/f", "linked", { mode: 0o644, ...MTIME }),
  dir("a/d", { mode: 0o1777, ...MTIME }),
  file("a/d/x", "x", { mode: 0o4755, ...MTIME }),
  symlink("a/d/up", "../..", MTIME),
  file("b", "content of b", { mode: 0o600, uid: 5, gid: 6, ...MTIME }),
  dir("e", { mode: 0o700, ...MTIME }),
  symlink("l", "a", MTIME),
  symlink("m", "l/d/../f", MTIME),
  symlink("gone", "nowhere", MTIME),
  symlink("loop", "loop", MTIME),
  hardlink("a/g", "a/f"),
];

/** The part of `node:fs/promises` that the worlds have in common. */
type Api = typeof host;

interface World {
  readonly name: string;
  readonly api: Api;
  /** What goes before a path. */
  readonly root: string;
  readonly union?: UnionFs;
}

type Operation = readonly [name: string, run: (api: Api, at: (path: string) => string) => Promise<unknown>];

const segment = fc.constantFrom("a", "b", "d", "e", "f", "g", "x", "l", "m", "new", "gone");
const wholePath = fc.constantFrom(
  "a",
  "a/d",
  "a/f",
  "a/g",
  "a/d/x",
  "b",
  "e",
  "l",
  "m",
  "gone",
  "loop",
  "l/d",
  "new",
  "e/new",
);
const ending = fc.constantFrom("", "", "", "", "/", "/.");
const path = fc.oneof(
  { weight: 3, arbitrary: wholePath },
  { weight: 2, arbitrary: fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")) },
);
const anyPath = fc.tuple(path, ending).map(([start, end]) => start + end);
const names = fc.tuple(anyPath, anyPath);
const text = fc.constantFrom("", "1", "longer text");

function one(name: string, run: (api: Api, path: string) => Promise<unknown>): fc.Arbitrary<Operation> {
  return anyPath.map((p) => [`${name} ${p}`, (api, at) => run(api, at(p))]);
}

function two(name: string, run: (api: Api, from: string, to: string) => Promise<unknown>): fc.Arbitrary<Operation> {
  return names.map(([p, q]) => [`${name} ${p} ${q}`, (api, at) => run(api, at(p), at(q))]);
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(anyPath, text).map(([p, t]): Operation => [`write ${p} ${t}`, (api, at) => api.writeFile(at(p), t)]),
  fc.tuple(anyPath, text).map(([p, t]): Operation => [`append ${p} ${t}`, (api, at) => api.appendFile(at(p), t)]),
  one("write exclusively", (api, p) => api.writeFile(p, "new", { flag: "wx" })),
  one("mkdir", (api, p) => api.mkdir(p)),
  one("mkdir -p", async (api, p) => void (await api.mkdir(p, { recursive: true }))),
  one("rmdir", (api, p) => api.rmdir(p)),
  one("unlink", (api, p) => api.unlink(p)),
  one("rm -r", (api, p) => api.rm(p, { recursive: true })),
  one("rm -rf", (api, p) => api.rm(p, { recursive: true, force: true })),
  one("rm", (api, p) => api.rm(p)),
  one("chmod", (api, p) => api.chmod(p, 0o751)),
  one("chown", (api, p) => api.chown(p, 3, 4)),
  one("lchown", (api, p) => api.lchown(p, 4, 3)),
  one("utimes", (api, p) => api.utimes(p, OLD + 5, OLD + 5)),
  one("lutimes", (api, p) => api.lutimes(p, OLD + 6, OLD + 6)),
  one("truncate", (api, p) => api.truncate(p, 3)),
  one("read", (api, p) => api.readFile(p, "utf8")),
  one("readdir", async (api, p) => (await api.readdir(p)).sort()),
  one("readlink", (api, p) => api.readlink(p)),
  one("write in place", async (api, p) => {
    await using handle = await api.open(p, "r+");
    await handle.write(Buffer.from("IN PLACE"), 3, 2, 1);
    await handle.write(" after");
    return await handle.readFile("utf8");
  }),
  two("rename", (api, p, q) => api.rename(p, q)),
  two("rename", (api, p, q) => api.rename(p, q)),
  two("link", (api, p, q) => api.link(p, q)),
  // Of a directory Node's own makes nothing and removes the destination.
  two("copy", async (api, p, q) => ((await api.stat(p)).isFile() ? api.copyFile(p, q) : undefined)),
  anyPath.map((p): Operation => [`symlink ${p}`, (api, at) => api.symlink("a/d", at(p))]),
);

/** All that a program can tell of the tree, times only as whether they are the old ones. */
async function dump({ api, root }: Pick<World, "api" | "root">, exactTimes = false): Promise<string[]> {
  const lines: string[] = [];
  const firsts = new Map<bigint, string>();
  const visit = async (at: string): Promise<void> => {
    const whole = root + at;
    const stats = await api.lstat(whole === "" ? "/" : whole, { bigint: true });
    const { mode, uid, gid, mtimeNs, nlink, ino } = stats;
    const time = exactTimes ? mtimeNs : [0n, 5n, 6n].indexOf(mtimeNs / 1_000_000_000n - BigInt(OLD));
    const facts = `${at || "/"} ${mode.toString(8)} ${uid}:${gid} ${time}`;
    if (stats.isDirectory()) {
      lines.push(facts);
      for (const name of (await api.readdir(whole === "" ? "/" : whole)).sort()) await visit(`${at}/${name}`);
      return;
    }
    const first = firsts.get(ino) ?? at;
    firsts.set(ino, first);
    const content = stats.isSymbolicLink() ? await api.readlink(whole) : await api.readFile(whole, "utf8");
    lines.push(`${facts} ${nlink} ${first} ${content}`);
  };
  await visit("");
  return lines;
}

async function outcome({ api, root }: World, [, run]: Operation): Promise<unknown> {
  try {
    return { answer: await run(api, (path) => `${root}/${path}`) };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code };
  }
}

async function makeOn(api: Api, root: string): Promise<void> {
  const tree = new ImageFs(...lowerOfImage());
  const set = async (at: string): Promise<void> => {
    const { uid, gid, mode } = await tree.lstat(at);
    await api.lchown(root + at, uid, gid);
    if ((mode & 0o170000) !== 0o120000) await api.chmod(root + at, mode & 0o7777);
    await api.lutimes(root + at, OLD, OLD);
  };
  const made: string[] = [];
  for await (const entry of tree.walk()) {
    const at = entry.path;
    if (entry.type === "directory") await api.mkdir(root + at, { recursive: true });
    else if (entry.type === "symlink") await api.symlink(await tree.readlink(at), root + at);
    else if (at === "/a/g") await api.link(`${root}/a/f`, root + at);
    else await api.writeFile(root + at, await tree.readFile(at));
    made.unshift(at);
  }
  for (const at of made) await set(at);
}

function lowerOfImage(): ConstructorParameters<typeof ImageFs> {
  const { tree, contents } = mergedScripts([LOWER]);
  return [tree, contents];
}

function memoryWorld(): World {
  const union = unionFs({ lowers: [new ImageFs(...lowerOfImage())] });
  return { name: "memory", api: union as unknown as Api, root: "", union };
}

/** memfs has other ideas of when a file changes, and keeps setuid for a new owner. */
function withoutMemfs(line: string): string {
  const [at, mode, owner, , ...rest] = line.split(" ") as [string, string, string, string];
  return [at, (Number.parseInt(mode, 8) & ~0o6000).toString(8), owner, ...rest].join(" ");
}

/** memfs refuses root what the kernel allows it. */
function memfsAsRoot(): Api {
  const volume = new Volume();
  const { _core: core } = volume as unknown as { readonly _core: { readonly root: { getNode(): object } } };
  const yes = (): boolean => true;
  Object.assign(Object.getPrototypeOf(core.root.getNode()), { canRead: yes, canWrite: yes, canExecute: yes });
  const api = createFsFromVolume(volume).promises as unknown as Api;
  return Object.assign(Object.create(api), { rename: (from: string, to: string) => renameItself(api, from, to) });
}

/** memfs follows a symlink that it shall rename. */
async function renameItself(api: Api, from: string, to: string): Promise<void> {
  const stats = await api.lstat(from);
  if (!stats.isSymbolicLink()) return api.rename(from, to);
  await api.unlink(to).catch(() => {});
  await api.symlink(await api.readlink(from), to);
  await api.lchown(to, stats.uid, stats.gid);
  await api.lutimes(to, stats.atime, stats.mtime);
  await api.unlink(from);
}

async function memfsWorld(): Promise<World> {
  const make = memfsAsRoot;
  const lower = make();
  await makeOn(lower, "");
  const union = unionFs({ lowers: [lower], upper: make() });
  return { name: "memfs", api: union as unknown as Api, root: "", union };
}

/** What was under the lower, and the changeset above it, must together be what the union shows. */
async function expectMergesTo(world: World): Promise<void> {
  const listed = await listUpper(world.union as UnionFs);
  const chunks: Uint8Array[] = [];
  for await (const chunk of changesetTar(listed, ociWhiteouts)) chunks.push(chunk.slice());
  const tars = [tarScript(...LOWER), Buffer.concat(chunks)];
  const indexes = tars.map(indexOf);
  const merged = new ImageFs(mergeLayers(indexes), {
    open: async (layer, entry) => {
      const { dataOffset, size } = indexes[layer]!.columns;
      return sliceSource(memorySource(tars[layer]!), dataOffset[entry]!, size[entry]!);
    },
  });
  const told = new Set(Array.from({ length: listed.index.count }, (_, i) => `/${listed.index.name(i)}`));
  const comparable = (lines: string[]): string[] => lines.map((line) => withoutUntoldTime(line, told));
  const expected = comparable(await dump(world, true));
  expect(comparable(await dump({ api: merged as unknown as Api, root: "" }, true))).toEqual(expected);
}

/** Directories in which something came and went again stay out of the changeset. */
function withoutUntoldTime(line: string, told: ReadonlySet<string>): string {
  const [at, mode, owner] = line.split(" ") as [string, string, string];
  return mode.startsWith("4") && !told.has(at === "/" ? "/./" : at) ? `${at} ${mode} ${owner}` : line;
}

const canMount = process.platform === "linux" && process.getuid?.() === 0;

describe("a union answers as the kernel's overlayfs does", () => {
  requireOrSkip(
    "and leaves the same tree",
    canMount,
    "needs Linux, root and mounts",
  )(() => {
    let scratch: ScratchMount;
    let count = 0;

    beforeAll(async () => {
      scratch = makeScratchMount();
      await makeOn(host, join(scratch.directory, "lower"));
    });
    afterAll(() => scratch[Symbol.dispose]());

    async function hostWorlds(): Promise<[World, World, () => void]> {
      const place = join(scratch.directory, `${++count}`);
      for (const name of ["upper", "work", "merged", "ours"]) await host.mkdir(join(place, name), { recursive: true });
      const lower = join(scratch.directory, "lower");
      for (const name of ["upper"]) await host.utimes(join(place, name), OLD, OLD);
      const options = `lowerdir=${lower},upperdir=${place}/upper,workdir=${place}/work,index=on,redirect_dir=on`;
      const merged = join(place, "merged");
      const { status, stderr } = spawnSync("mount", ["-t", "overlay", "overlay", "-o", options, merged]);
      if (status !== 0) throw new Error(String(stderr));
      const union = unionFs({ lowers: [rootedAt(host, lower)], upper: rootedAt(host, join(place, "ours")) });
      return [
        { name: "overlayfs", api: host, root: merged },
        { name: "directories", api: union as unknown as Api, root: "", union },
        () => void spawnSync("umount", [merged]),
      ];
    }

    it("for random sequences of operations", { timeout: Math.max(60_000, RUNS * 1000) }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 14 }), async (operations) => {
          const [kernel, directories, unmount] = await hostWorlds();
          try {
            const ours = [memoryWorld(), await memfsWorld(), directories];
            for (const step of operations) {
              const expected = await outcome(kernel, step);
              for (const world of ours)
                expect(await outcome(world, step), `${world.name}: ${step[0]}`).toEqual(expected);
            }
            const expected = await dump(kernel);
            for (const world of ours) {
              const loosely = (lines: string[]) => (world.name === "memfs" ? lines.map(withoutMemfs) : lines);
              expect(loosely(await dump(world)), world.name).toEqual(loosely(expected));
              await expectMergesTo(world);
            }
          } finally {
            unmount();
          }
        }),
        { numRuns: RUNS },
      );
    });
  });
});
