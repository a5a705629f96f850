import { closeSync, constants as modes, openSync } from "node:fs";
import { constants } from "node:os";
import { type ByteString, StrataError, toBuffer, toText } from "../base/index.ts";
import { assertLinux, errnoError, libc, libcFunction } from "./libc.ts";
import { errnoOf } from "./mount-error.ts";

const [LOOP_SET_FD, LOOP_CLR_FD, LOOP_SET_STATUS64, LOOP_CONFIGURE, LOOP_CTL_GET_FREE] = [
  0x4c00, 0x4c01, 0x4c04, 0x4c0a, 0x4c82,
];
const [LO_FLAGS_READ_ONLY, LO_FLAGS_AUTOCLEAR] = [1, 4];
/** struct loop_config: fd, block size, struct loop_info64, 64 bytes for later. */
const [CONFIG_SIZE, INFO_OFFSET, INFO_SIZE] = [304, 8, 232];
/** In struct loop_info64. */
const [FLAGS_OFFSET, NAME_OFFSET, NAME_SIZE] = [52, 56, 64];
/** Whoever asks for a free device may find it taken a moment later: as often as there may be others that do the same. */
const ATTEMPTS = 64;
const { EBUSY, EINVAL, ENOTTY, ENOENT, ENXIO, ENODEV, EACCES, EPERM } = constants.errno;

const callIoctlNumber = libcFunction<[number, number, number]>("int ioctl(int fd, unsigned long request, long value)");
const callIoctlBytes = libcFunction<[number, number, Buffer]>(
  "int ioctl(int fd, unsigned long request, const void *value)",
);

/** How a file is attached. */
export interface LoopOptions {
  /** True unless said otherwise. */
  readonly isReadOnly?: boolean;
}

const UNAVAILABLE = {
  code: "loop-unavailable",
  kind: "unsupported",
  reason: "there is none",
  hint: "Load the kernel's module (modprobe loop); a container needs /dev/loop-control and the devices",
} as const;
const NOT_PERMITTED = {
  code: "loop-not-permitted",
  kind: "failed-precondition",
  reason: "this user may not",
  hint: "Loop devices need root",
} as const;
const ALL_TAKEN = {
  code: "no-free-loop",
  kind: "unavailable",
  reason: "others took every free one",
  hint: "Try again",
} as const;
type Refusal = typeof UNAVAILABLE | typeof NOT_PERMITTED | typeof ALL_TAKEN;
const REFUSALS: ReadonlyMap<number, Refusal> = new Map<number, Refusal>([
  [ENOENT, UNAVAILABLE],
  [ENXIO, UNAVAILABLE],
  [ENODEV, UNAVAILABLE],
  [EACCES, NOT_PERMITTED],
  [EPERM, NOT_PERMITTED],
  [EBUSY, ALL_TAKEN],
]);

/**
 * A file that is a block device. The kernel lets go of the device by itself when nothing uses it any more: neither this
 * object nor a mount. So mount it, then detach it here: nothing can be left behind, whatever becomes of the process.
 */
export class LoopDevice implements Disposable {
  /** `/dev/loop7`. */
  readonly device: ByteString;
  #fd: number | undefined;

  constructor(device: ByteString, fd: number) {
    this.device = device;
    this.#fd = fd;
  }

  /** Ends the hold of this object. The device goes away now, or with the last mount of it. Idempotent. */
  detach(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    this.detach();
  }
}

/**
 * Attaches a file to a free loop device. Of a file whose size is no multiple of 512 the device lacks the rest.
 * The caller detaches it, once it is mounted.
 *
 * @throws StrataError `loop-unavailable` (the kernel or this container has none), `loop-not-permitted`, `no-free-loop`;
 *   an errno error as Node's for the file
 */
export function attachLoop(path: ByteString, { isReadOnly = true }: LoopOptions = {}): LoopDevice {
  assertLinux();
  const file = openSync(toBuffer(path), isReadOnly ? "r" : "r+");
  try {
    return withLoopControl(path, (control) => attachToFree(control, file, infoOf(path, isReadOnly)));
  } finally {
    closeSync(file);
  }
}

function withLoopControl<Result>(path: ByteString, use: (control: number) => Result): Result {
  try {
    const control = openSync("/dev/loop-control", modes.O_RDWR);
    try {
      return use(control);
    } finally {
      closeSync(control);
    }
  } catch (error) {
    throw loopError(error, path);
  }
}

function attachToFree(control: number, file: number, info: Buffer): LoopDevice {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const attached = tryToAttach(ioctl(control, LOOP_CTL_GET_FREE, 0), file, info);
    if (attached !== undefined) return attached;
  }
  throw errnoError("ioctl", EBUSY, "/dev/loop-control");
}

/** Undefined when somebody else was quicker. */
function tryToAttach(number: number, file: number, info: Buffer): LoopDevice | undefined {
  const device = `/dev/loop${number}`;
  const isReadOnly = (readWord(info, FLAGS_OFFSET) & LO_FLAGS_READ_ONLY) !== 0;
  const fd = openSync(device, isReadOnly ? modes.O_RDONLY : modes.O_RDWR);
  try {
    configure(fd, file, info);
    return new LoopDevice(device, fd);
  } catch (error) {
    closeSync(fd);
    if (errnoOf(error) === EBUSY) return undefined;
    throw error;
  }
}

function configure(fd: number, file: number, info: Buffer): void {
  const config = Buffer.alloc(CONFIG_SIZE);
  writeWord(config, 0, file);
  info.copy(config, INFO_OFFSET);
  try {
    ioctl(fd, LOOP_CONFIGURE, config);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== EINVAL && errno !== ENOTTY) throw error;
    configureInTwoSteps(fd, file, info);
  }
}

/** Before Linux 5.8. */
function configureInTwoSteps(fd: number, file: number, info: Buffer): void {
  ioctl(fd, LOOP_SET_FD, file);
  try {
    ioctl(fd, LOOP_SET_STATUS64, info);
  } catch (error) {
    ioctl(fd, LOOP_CLR_FD, 0);
    throw error;
  }
}

function infoOf(path: ByteString, isReadOnly: boolean): Buffer {
  const info = Buffer.alloc(INFO_SIZE);
  writeWord(info, FLAGS_OFFSET, LO_FLAGS_AUTOCLEAR | (isReadOnly ? LO_FLAGS_READ_ONLY : 0));
  // For those who list devices; the last byte stays a NUL.
  toBuffer(path).copy(info, NAME_OFFSET, 0, NAME_SIZE - 1);
  return info;
}

/** As the machine orders bytes. */
function writeWord(bytes: Buffer, offset: number, word: number): void {
  Buffer.from(Uint32Array.of(word).buffer).copy(bytes, offset);
}

function readWord(bytes: Buffer, offset: number): number {
  return new Uint32Array(Uint8Array.from(bytes.subarray(offset, offset + 4)).buffer)[0] ?? 0;
}

function ioctl(fd: number, request: number, value: number | Buffer): number {
  const result = typeof value === "number" ? callIoctlNumber(fd, request, value) : callIoctlBytes(fd, request, value);
  if (result < 0) throw errnoError("ioctl", libc().errno(), `fd ${fd}`);
  return result;
}

function loopError(error: unknown, path: ByteString): unknown {
  const refusal = REFUSALS.get(errnoOf(error) ?? 0);
  if (refusal === undefined) return error;
  const { reason, ...rest } = refusal;
  const shown = toText(path);
  const message = `Cannot attach "${shown}" to a loop device: ${reason}`;
  return new StrataError({ ...rest, message, details: { path: shown, reason }, cause: error });
}
