import type { FileHandle } from "node:fs/promises";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../oci/index.ts";
import { HashingAppender } from "./drivers/local/hashing-appender.ts";

/** A file whose writes take their bytes only when they end, and which has room for so many. */
class SlowFile {
  /** Of no file: what the kernel is asked beside comes to nothing. */
  readonly fd = -1;
  bytes: Buffer = Buffer.alloc(0);
  readonly #room: number;

  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }

  async write(chunk: Uint8Array, start: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    await new Promise((resolve) => setImmediate(resolve));
    const bytesWritten = Math.min(length, 400_000, this.#room - position);
    if (bytesWritten <= 0) throw Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" });
    const end = Math.max(this.bytes.length, position + bytesWritten);
    const grown = Buffer.concat([this.bytes], end);
    grown.set(chunk.subarray(start, start + bytesWritten), position);
    this.bytes = grown;
    return { bytesWritten };
  }

  async truncate(): Promise<void> {
    this.bytes = Buffer.alloc(0);
  }

  asHandle(): FileHandle {
    return this as unknown as FileHandle;
  }
}

/** Sizes on both sides of what is collected, and small ones enough to fill the room for it several times. */
const sizes = fc.oneof(
  fc.array(fc.constantFrom(1, 4096, 200_000, 262_143, 262_144, 1_500_000), { minLength: 1, maxLength: 20 }),
  fc.array(fc.constantFrom(16_384, 100_001, 262_143), { minLength: 15, maxLength: 30 }),
);
const chunks = sizes.map((lengths) => lengths.map((length, i) => Buffer.alloc(length, `chunk ${i} `)));

test("the file is the chunks in their order, and the digest is theirs, however slow the disk and whatever the caller reuses", async () => {
  await fc.assert(
    fc.asyncProperty(chunks, async (all) => {
      const whole = Buffer.concat(all);
      const file = new SlowFile();
      const appender = new HashingAppender(file.asHandle(), "file", "sha256");
      for (const chunk of all) {
        const lent = Uint8Array.from(chunk);
        await appender.append(lent);
        lent.fill(0);
      }
      expect(appender.size).toBe(whole.length);
      expect(await appender.digest()).toBe(digestOf(whole));
      expect(file.bytes.equals(whole)).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test("a full disk is told, again and again, until a new start; what the file has is without a gap", async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.nat({ max: 3_000_000 }), async (all, room) => {
      const whole = Buffer.concat(all);
      fc.pre(whole.length > room);
      const file = new SlowFile(room);
      const appender = new HashingAppender(file.asHandle(), "file", "sha256");
      const noSpace = expect.objectContaining({ code: "no-space" });
      const appendAll = async (): Promise<void> => {
        for (const chunk of all) await appender.append(chunk);
        await appender.flush();
      };
      await expect(appendAll()).rejects.toThrow(noSpace);
      await expect(appender.flush()).rejects.toThrow(noSpace);
      await expect(appender.digest()).rejects.toThrow(noSpace);
      expect(file.bytes.equals(whole.subarray(0, room))).toBe(true);
      await appender.reset();
      expect(appender.size).toBe(0);
      expect(await appender.digest()).toBe(digestOf(new Uint8Array(0)));
    }),
    { numRuns: 25 },
  );
});
