import fc from "fast-check";
import type { ByteString } from "../../src/base/index.ts";
import { aDirectory, type MemoryFile, type MemoryFiles } from "../support/memory-tree.ts";

/** Few names, so that they meet; with dashes and dots around the slash, and bytes that are no text. */
const NAMES: readonly ByteString[] = ["a", "a-b", "a.b", "b", "b0", "\u00e9\u00ff", "\u0001", "wh.", "long".repeat(60)];

const time = fc.record({ seconds: fc.constantFrom(-5, 0, 7, 8), nanoseconds: fc.constantFrom(0, 0, 1, 999_999_999) });
const xattrs = fc.oneof(
  { weight: 5, arbitrary: fc.constant(new Map<ByteString, Uint8Array>()) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("user.a", "security.capability", "user.n=1"), fc.uint8Array({ maxLength: 4 }))
      .map((pair) => new Map([pair])),
  },
);
const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4711, 0),
  uid: fc.constantFrom(0, 1000, 3_000_000),
  gid: fc.constantFrom(0, 5),
  mtime: time,
  xattrs,
});
type Attributes = Pick<MemoryFile, "mode" | "uid" | "gid" | "mtime" | "xattrs">;
const file: fc.Arbitrary<MemoryFile> = fc
  .tuple(
    attributes,
    fc.oneof(
      { weight: 4, arbitrary: fc.constant("file" as const) },
      { weight: 1, arbitrary: fc.constantFrom("symlink" as const, "char" as const, "fifo" as const) },
    ),
    fc.constantFrom("", "x", "y", "xy", "z".repeat(600)),
  )
  .map(([rest, type, content]) => ({
    ...rest,
    mtime: timeFor(rest.mtime, type === "file" ? content : ""),
    type,
    content: type === "file" ? content : "",
    target: type === "symlink" ? `t${content}` : "",
    device: type === "char" ? ([1, content.length] as const) : ([0, 0] as const),
    ...(type === "symlink" ? { mode: 0o777 } : {}),
  }));
const directory: fc.Arbitrary<MemoryFile> = attributes.map((rest) => aDirectory(rest));

/** One thing that somebody does to a tree; numbers choose among what is there. */
type Step = (files: Map<ByteString, MemoryFile>) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.nat(), fc.constantFrom(...NAMES), file).map(put) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(), fc.constantFrom(...NAMES), directory).map(put) },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (n): Step =>
        (files) =>
          remove(files, pick(files, n)),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(...NAMES)).map(rename) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(...NAMES)).map(link) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(), attributes).map(changeAttributes) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(), fc.constantFrom("p", "q", "xy", "")).map(overwrite) },
  { weight: 2, arbitrary: fc.nat().map(unshare) },
);

/** A tree, and what became of it. */
export const treePair: fc.Arbitrary<{ readonly lower: MemoryFiles; readonly upper: MemoryFiles }> = fc
  .tuple(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 12 }))
  .map(([before, after]) => {
    const files = new Map<ByteString, MemoryFile>([["", aDirectory()]]);
    for (const act of before) act(files);
    const lower = new Map(files);
    for (const act of after) act(files);
    return { lower, upper: files };
  });

function put([at, name, made]: [number, ByteString, MemoryFile]): Step {
  return (files) => {
    const path = join(pickDirectory(files, at), name);
    if (made.type === "directory" && files.get(path)?.type === "directory") return;
    remove(files, path);
    // A file of its own each time: the same object would be the same inode.
    files.set(path, { ...made });
  };
}

function rename([from, to, name]: [number, number, ByteString]): Step {
  return (files) => {
    const source = pick(files, from);
    const target = join(pickDirectory(files, to), name);
    if (source === "" || isWithin(target, source) || isWithin(source, target)) return;
    remove(files, target);
    for (const [path, moved] of files) {
      if (!isWithin(path, source)) continue;
      files.delete(path);
      files.set(target + path.slice(source.length), moved);
    }
  };
}

function link([from, to, name]: [number, number, ByteString]): Step {
  return (files) => {
    const linked = files.get(pick(files, from)) as MemoryFile;
    const target = join(pickDirectory(files, to), name);
    if (linked.type === "directory" || files.get(target)?.type === "directory") return;
    files.set(target, linked);
  };
}

function changeAttributes([at, rest]: [number, Attributes]): Step {
  return (files) => {
    const path = pick(files, at);
    const old = files.get(path) as MemoryFile;
    const mtime = timeFor(rest.mtime, old.content);
    replaceInode(files, path, { ...old, ...rest, mtime, ...(old.type === "symlink" ? { mode: 0o777 } : {}) });
  };
}

function overwrite([at, content]: [number, ByteString]): Step {
  return (files) => {
    const path = pick(files, at);
    const old = files.get(path) as MemoryFile;
    if (old.type === "file") replaceInode(files, path, { ...old, content, mtime: timeFor(old.mtime, content) });
  };
}

/** Data differs under an equal time only where the time is a whole second: no kernel writes otherwise. */
function timeFor({ seconds, nanoseconds }: MemoryFile["mtime"], content: ByteString): MemoryFile["mtime"] {
  return { seconds, nanoseconds: nanoseconds === 0 ? 0 : 100 + content.length * 256 + (content.charCodeAt(0) || 0) };
}

/** One name becomes an equal file of its own. */
function unshare(at: number): Step {
  return (files) => {
    const path = pick(files, at);
    files.set(path, { ...(files.get(path) as MemoryFile) });
  };
}

function replaceInode(files: Map<ByteString, MemoryFile>, path: ByteString, made: MemoryFile): void {
  const old = files.get(path) as MemoryFile;
  if (old.type === "directory") files.set(path, made);
  else for (const [name, other] of files) if (other === old) files.set(name, made);
}

function remove(files: Map<ByteString, MemoryFile>, top: ByteString): void {
  if (top === "") return;
  for (const path of files.keys()) if (isWithin(path, top)) files.delete(path);
}

function isWithin(path: ByteString, top: ByteString): boolean {
  return path === top || path.startsWith(`${top}/`);
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}

function pick(files: MemoryFiles, n: number): ByteString {
  const paths = [...files.keys()];
  return paths[n % paths.length] as ByteString;
}

function pickDirectory(files: MemoryFiles, n: number): ByteString {
  const paths = [...files].filter(([, { type }]) => type === "directory").map(([path]) => path);
  return paths[n % paths.length] as ByteString;
}
