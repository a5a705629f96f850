import { openSync, readSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Script } from "node:vm";

/** Modules that are mostly needed together, as one script: an object with a function for each. */
export interface ModuleGroup {
  /** As they are required, such as `./tree.js`. */
  readonly modules: readonly string[];
  /** Called once, when the first of them is required. */
  readonly script: () => Script;
}

/** A group with what V8 made of it. */
export interface CompiledGroup {
  readonly modules: readonly string[];
  /** Plain ASCII. */
  readonly source: string;
  readonly compiled: Buffer;
}

/** Where a group lies in the file: its source, then its compiled code. */
interface GroupPlace {
  readonly modules: readonly string[];
  readonly start: number;
  readonly sourceLength: number;
  readonly compiledLength: number;
}

/** Digits of the length of the list of places, which is JSON. The file begins with both. */
const LENGTH_DIGITS = 8;
/** So much is read at first, which mostly has the list whole. */
const FIRST_READ = 16 * 1024;

/** Name of the file beside the command's modules that holds code for the V8 that is running. */
export function compiledName(): string {
  return `command-${process.versions.v8}-${process.arch}.bin`;
}

/** The groups in a directory, none of them read; undefined where there are none for this V8, or no list of them. */
export function openGroups(directory: string): ModuleGroup[] | undefined {
  const path = join(directory, compiledName());
  try {
    // Never closed: what a verb needs later is read later.
    const file = openSync(path, "r");
    return readPlaces(file).map((place, i) => ({
      modules: place.modules,
      script: () => readGroup(file, place, `${path}#${i}`),
    }));
  } catch {
    return undefined;
  }
}

/** The file that {@link openGroups} reads. */
export function encodeGroups(groups: readonly CompiledGroup[]): Buffer {
  let start = 0;
  const places = groups.map(({ modules, source, compiled }): GroupPlace => {
    const place = { modules, start, sourceLength: source.length, compiledLength: compiled.length };
    start += source.length + compiled.length;
    return place;
  });
  const list = Buffer.from(JSON.stringify(places));
  const parts = groups.flatMap(({ source, compiled }) => [Buffer.from(source, "latin1"), compiled]);
  return Buffer.concat([Buffer.from(String(list.length).padStart(LENGTH_DIGITS, "0")), list, ...parts]);
}

/**
 * A script of the command; quickly where `compiled` fits it and this V8, which judges that by itself.
 *
 * @param source plain ASCII
 * @param name where an error's stack says that it is
 */
export function compileScript(source: string, name: string, compiled?: Buffer): Script {
  return new Script(source, {
    filename: name,
    ...(compiled && { cachedData: compiled }),
  });
}

/** The places, with `start` counted from the file's beginning. */
function readPlaces(file: number): GroupPlace[] {
  let bytes = readPart(file, 0, FIRST_READ);
  const end = LENGTH_DIGITS + Number(bytes.toString("latin1", 0, LENGTH_DIGITS));
  if (end > bytes.length) bytes = readPart(file, 0, end);
  const places = JSON.parse(bytes.toString("latin1", LENGTH_DIGITS, end)) as GroupPlace[];
  return places.map((place) => ({ ...place, start: place.start + end }));
}

function readGroup(file: number, { start, sourceLength, compiledLength }: GroupPlace, name: string): Script {
  const bytes = readPart(file, start, sourceLength + compiledLength);
  return compileScript(bytes.toString("latin1", 0, sourceLength), name, bytes.subarray(sourceLength));
}

/** Fewer bytes when the file ends before. */
function readPart(file: number, start: number, length: number): Buffer {
  // Not from Node's pool: V8 wants compiled code aligned, and copies what is not.
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, start));
}
