import { posix } from "node:path";
import type { ByteString } from "../base/index.ts";
import { parentOf } from "../tree/index.ts";
import type { MergedTree, Slot } from "../union/index.ts";
import { errnoError } from "./errno-error.ts";
import { findSlot } from "./find-slot.ts";
import { ImageDirent } from "./image-dirent.ts";
import { type ImagePath, type PathLike, parsePath } from "./image-path.ts";
import { type EncodeName, encoderFor, type NameEncoding, optionsOf } from "./name-encoding.ts";

/** As of `fs.readdir`. */
export interface ReaddirOptions {
  readonly encoding?: NameEncoding | null | undefined;
  readonly withFileTypes?: boolean | undefined;
  /** Lists everything below too. Symlinks to directories are listed, never entered. */
  readonly recursive?: boolean | undefined;
}

/** One listed file. */
interface Listed {
  readonly slot: Slot;
  /** Path from the listed directory. */
  readonly below: ByteString;
}

/** What `readdir` gives: names, or with `withFileTypes` dirents. */
export type DirectoryListing = (string | Buffer)[] | ImageDirent<string | Buffer>[];

/** `fs.readdirSync`: names in ascending byte order, in a recursive listing each directory before what it holds. */
export function readDirectory(
  tree: MergedTree,
  path: PathLike,
  options?: ReaddirOptions | NameEncoding | null,
): DirectoryListing {
  const parsed = parsePath(path);
  const { encoding, withFileTypes, recursive } = optionsOf<ReaddirOptions>(options);
  const encode = encoderFor(encoding);
  const directory = findDirectory(tree, parsed, "scandir");
  if (withFileTypes === true) return [...direntsOf(tree, directory, { path: parsed, encode, recursive })];
  if (recursive !== true) return tree.children(directory).map((slot) => encode(tree.nameOf(slot)));
  return Array.from(listedBelow(tree, directory), ({ below }) => encode(below));
}

/** Resolves a path to a directory, or throws ENOTDIR. */
export function findDirectory(tree: MergedTree, path: ImagePath, syscall: string): Slot {
  const slot = findSlot(tree, path, syscall);
  if (tree.isDirectory(slot)) return slot;
  throw errnoError("ENOTDIR", { syscall, path: path.text });
}

/** The dirents of a directory, made one by one. */
export function* direntsOf(
  tree: MergedTree,
  directory: Slot,
  listing: { readonly path: ImagePath; readonly encode: EncodeName; readonly recursive?: boolean | undefined },
): Generator<ImageDirent<string | Buffer>> {
  const { path, encode, recursive } = listing;
  for (const { slot, below } of recursive === true ? listedBelow(tree, directory) : listedIn(tree, directory)) {
    const way = parentOf(below);
    const parent = way === "" ? path.given : encode(posix.join(path.bytes, way));
    yield new ImageDirent(encode(tree.nameOf(slot)), parent, tree.typeOf(slot));
  }
}

function* listedIn(tree: MergedTree, directory: Slot): Generator<Listed> {
  for (const slot of tree.children(directory)) yield { slot, below: tree.nameOf(slot) };
}

function* listedBelow(tree: MergedTree, directory: Slot): Generator<Listed> {
  const top = tree.pathOf(directory);
  const start = top === "" ? 0 : top.length + 1;
  for (const { slot, path } of tree.walk(directory)) {
    if (slot !== directory) yield { slot, below: path.slice(start) };
  }
}
