import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { release } from "node:os";
import { type ByteString, randomName, StrataError, toBuffer, toText } from "../base/index.ts";
import { cloneFile } from "./copy-range.ts";
import { type FileSystemFacts, fileSystemOf } from "./file-system.ts";
import { assertDone, cString, libcFunction } from "./libc.ts";
import { attachLoop } from "./loop-device.ts";
import { type MountRequest, mountFileSystem, tryMount } from "./mount.ts";
import { isCallMissing } from "./mount-error.ts";
import { canAppendLowers, mountOverlay, tryOverlay } from "./overlay-mount.ts";
import { mayMount, type ProcessFacts, readProcessFacts } from "./process-facts.ts";
import { makeSpecialFile } from "./special-file.ts";
import { unmount } from "./unmount.ts";
import { writeXattr } from "./xattr.ts";

/** Something that was tried: it works, or why it does not, as a clause for people. */
export type Fact = { readonly works: true } | { readonly works: false; readonly why: string };

/** What this kernel lets this user do in one directory. Each was tried, none was derived from a version. */
export interface KernelFacts {
  /** As `uname -r` has it; for people. */
  readonly release: string;
  readonly process: ProcessFacts;
  /** That of the directory. */
  readonly fileSystem: FileSystemFacts;
  /** Mounting as such: tmpfs. */
  readonly mount: Fact;
  readonly loop: Fact;
  /** EROFS from a file in the directory. */
  readonly erofsFromFile: Fact;
  /** EROFS from a loop device. */
  readonly erofsFromLoop: Fact;
  /** A writable overlay of directories in the directory, which keeps its own marks in `trusted.` attributes. */
  readonly overlay: Fact;
  /** The same with `userxattr`: in `user.` attributes, as user namespaces need it. */
  readonly overlayUserxattr: Fact;
  /** Lowers one by one (`lowerdir+`): 500 of any length. Without it they have to fit in a page of options. */
  readonly appendedLowers: Fact;
  /** The directory lies on btrfs. */
  readonly btrfs: Fact;
  /** Files that share their blocks (FICLONE). */
  readonly reflink: Fact;
  readonly userXattrs: Fact;
  readonly trustedXattrs: Fact;
  /** Devices 0:0, overlay's whiteouts. */
  readonly whiteouts: Fact;
}

/** Where and with what the kernel is tried. */
export interface ProbeOptions {
  /** An existing directory, in which a temporary one is made and removed. */
  readonly at: ByteString;
  /** A small EROFS image without devices; without it nothing is known of EROFS. */
  readonly sampleErofs?: Uint8Array | undefined;
}

/**
 * Finds out what works, by doing it; all of it is undone, and mounts are made nowhere, so that nobody sees them. Takes some
 * milliseconds. What a user namespace would allow needs a process: `probeNamespaces`.
 * @throws an errno error as Node's when the directory cannot be written to
 */
export function probeKernel({ at, sampleErofs }: ProbeOptions): KernelFacts {
  const process = readProcessFacts();
  const fileSystem = fileSystemOf(at);
  const place = `${at}/.probe-${randomName()}`;
  mkdirSync(toBuffer(place), { mode: 0o700 });
  const scene = { place, process, sampleErofs };
  try {
    return { release: release(), process, fileSystem, ...mountFacts(scene), ...fileFacts(place, fileSystem) };
  } finally {
    rmSync(toBuffer(place), { recursive: true });
  }
}

interface Scene {
  readonly place: ByteString;
  readonly process: ProcessFacts;
  readonly sampleErofs: Uint8Array | undefined;
}

type MountFacts = Pick<
  KernelFacts,
  "mount" | "loop" | "erofsFromFile" | "erofsFromLoop" | "overlay" | "overlayUserxattr" | "appendedLowers"
>;

function mountFacts({ place, process, sampleErofs }: Scene): MountFacts {
  const mount = mayMount(process) ? tried(() => mounted(place, { type: "tmpfs", source: "probe" })) : NOT_PERMITTED;
  const image = `${place}/image`;
  const bytes = sampleErofs ?? Buffer.alloc(512);
  writeFileSync(toBuffer(image), bytes);
  const ifMounting = (attempt: () => void): Fact => (mount.works ? tried(attempt) : mount);
  const erofs = (attempt: () => void): Fact => (sampleErofs === undefined ? NO_SAMPLE : ifMounting(attempt));
  return {
    mount,
    loop: tried(() => withLoop(bytes, () => undefined)),
    erofsFromFile: erofs(() => mounted(place, { type: "erofs", source: image, options: ["ro"] })),
    erofsFromLoop: erofs(() =>
      withLoop(bytes, (device) => mounted(place, { type: "erofs", source: device, options: ["ro"] })),
    ),
    overlay: ifMounting(() => mountedOverlay(place, "overlay", [])),
    overlayUserxattr: ifMounting(() => mountedOverlay(place, "overlay-user", ["userxattr"])),
    appendedLowers: mount.works && !canAppendLowers() ? TOO_OLD_FOR_APPENDING : mount,
  };
}

function fileFacts(
  place: ByteString,
  { type }: FileSystemFacts,
): Pick<KernelFacts, "btrfs" | "reflink" | "userXattrs" | "trustedXattrs" | "whiteouts"> {
  const file = `${place}/file`;
  writeFileSync(toBuffer(file), Buffer.alloc(4096, 1));
  return {
    btrfs: type === "btrfs" ? WORKS : { works: false, why: `the directory is on ${toText(type)}` },
    reflink: tried(() => cloned(file, `${place}/clone`)),
    userXattrs: tried(() => writeXattr(file, "user.probe", Uint8Array.of(1))),
    trustedXattrs: tried(() => writeXattr(file, "trusted.probe", Uint8Array.of(1))),
    whiteouts: tried(() => makeSpecialFile(`${place}/whiteout`, { type: "char", mode: 0, major: 0, minor: 0 })),
  };
}

const WORKS: Fact = { works: true };
const NOT_PERMITTED: Fact = { works: false, why: "this user may not mount: it takes root, or a user namespace" };
const NO_SAMPLE: Fact = { works: false, why: "it was not tried: there was no image to try it with" };
const TOO_OLD_FOR_APPENDING: Fact = { works: false, why: "this kernel's overlay does not know lowerdir+ (Linux 6.8)" };

function tried(attempt: () => void): Fact {
  try {
    attempt();
    return WORKS;
  } catch (error) {
    return { works: false, why: reasonOf(error) };
  }
}

/** Of our errors the clause without the names of temporary files. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof StrataError) {
    const reason = error.details["reason"];
    return typeof reason === "string" ? reason : error.message;
  }
  return "code" in error ? String(error.code) : error.message;
}

function mounted(place: ByteString, request: Omit<MountRequest, "target">): void {
  withoutTrace(place, (target) => (target === undefined ? tryMount(request) : mountFileSystem({ ...request, target })));
}

/** Before Linux 5.2 a mount needs a target. */
function withoutTrace(place: ByteString, mountAt: (target: ByteString | undefined) => void): void {
  try {
    mountAt(undefined);
  } catch (error) {
    if (!isCallMissing(error)) throw error;
    const target = `${place}/target`;
    mkdirSync(toBuffer(target), { recursive: true });
    mountAt(target);
    unmount(target);
  }
}

const MFD_CLOEXEC = 1;
const createMemoryFile = libcFunction<[Buffer, number]>("int memfd_create(const void *name, unsigned int flags)");

/** The file is in memory: attaching one that was just written would wait for the disk. */
function withLoop(bytes: Uint8Array, use: (device: ByteString) => void): void {
  const file = createMemoryFile(cString("probe"), MFD_CLOEXEC);
  assertDone(file, "memfd_create", "probe");
  try {
    writeSync(file, bytes);
    const loop = attachLoop(`/proc/self/fd/${file}`);
    try {
      use(loop.device);
    } finally {
      loop.detach();
    }
  } finally {
    closeSync(file);
  }
}

/** Its end would sync the whole file system of the upper, were it not volatile, which kernels before 5.10 do not know. */
function mountedOverlay(place: ByteString, name: string, options: readonly ByteString[]): void {
  try {
    mountedLayers(place, `${name}-volatile`, [...options, "volatile"]);
  } catch (error) {
    if (!(error instanceof StrataError)) throw error;
    mountedLayers(place, name, options);
  }
}

function mountedLayers(place: ByteString, name: string, options: readonly ByteString[]): void {
  const [lower, upper, work] = [`${place}/${name}-lower`, `${place}/${name}-upper`, `${place}/${name}-work`];
  for (const directory of [lower, upper, work]) mkdirSync(toBuffer(directory));
  const request = { lowers: [lower], upper, work, options };
  withoutTrace(place, (target) => (target === undefined ? tryOverlay(request) : mountOverlay({ ...request, target })));
}

function cloned(from: ByteString, to: ByteString): void {
  const [source, target] = [openSync(toBuffer(from), "r"), openSync(toBuffer(to), "w")];
  try {
    if (!cloneFile(source, target)) throw new Error("the file system cannot share blocks");
  } finally {
    closeSync(source);
    closeSync(target);
  }
}
