import { isLinux, libcFunction } from "./libc.ts";

/** SYNC_FILE_RANGE_WRITE of linux/fs.h: begin, and wait for nothing. */
const BEGIN = 2;

const syncFileRange = libcFunction<[number, number, number, number]>(
  "int sync_file_range(int fd, int64_t offset, int64_t bytes, unsigned int flags)",
);

/**
 * Lets the kernel begin to write a file that grows to its disk while more comes (sync_file_range(2)), so that a later fsync has
 * less left to wait for. Promises nothing: whatever fails is left to that fsync, which alone makes anything durable.
 * Does nothing on other systems.
 */
export class WriteBack {
  readonly #fd: number;
  readonly #step: number;
  /** Everything before is on its way. */
  #begun = 0;

  /** @param step so many bytes go at once */
  constructor(fd: number, step: number) {
    this.#fd = fd;
    this.#step = step;
  }

  /** The file has been written up to here. */
  reached(end: number): void {
    if (end - this.#begun < this.#step) return;
    if (isLinux()) syncFileRange(this.#fd, this.#begun, end - this.#begun, BEGIN);
    this.#begun = end;
  }

  /** The file is empty again. */
  restart(): void {
    this.#begun = 0;
  }
}
