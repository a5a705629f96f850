import { appendFileSync, closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { failureOf, scratchDirectory } from "../../test/support/unpack-fixtures.ts";
import { GrowingFile } from "./growing-file.ts";

const base = scratchDirectory();
afterAll(() => rmSync(base, { recursive: true, force: true }));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An empty file that is followed; `grow` appends to it. */
async function following<T>(
  size: number,
  use: (file: GrowingFile, grow: (bytes: Uint8Array) => void) => Promise<T>,
): Promise<T> {
  const path = join(base, "growing");
  writeFileSync(path, "");
  const fd = openSync(path, "r");
  try {
    return await use(new GrowingFile(fd, size), (bytes) => appendFileSync(path, bytes));
  } finally {
    closeSync(fd);
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1, maxLength: 12 });

test("whoever reads a growing file gets all of it, however late and in whatever pieces it comes", async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.array(fc.boolean()), fc.nat(), async (parts, hints, at) => {
      const whole = Buffer.concat(parts);
      await following(whole.length, async (file, grow) => {
        const streamed = collect(file.stream());
        const target = Buffer.alloc(10);
        const read = file.read(target, at % whole.length);
        for (const [i, part] of parts.entries()) {
          grow(part);
          // Not every piece is told, and some are told before the reader sees them.
          if (hints[i] === true) file.more();
          await turn();
        }
        file.complete();
        await file.whole();
        expect((await streamed).equals(whole)).toBe(true);
        const expected = whole.subarray(at % whole.length, (at % whole.length) + 10);
        expect(target.subarray(0, await read).equals(expected)).toBe(true);
      });
    }),
    { numRuns: 60 },
  );
});

test("whoever waits hears of a failure, and so does whoever comes later", async () => {
  await following(100, async (file, grow) => {
    const streamed = collect(file.stream());
    const whole = file.whole();
    grow(Buffer.alloc(50));
    file.more();
    await turn();
    file.fail();
    for (const waiting of [streamed, whole, file.read(Buffer.alloc(1), 0)]) {
      expect(await failureOf(waiting)).toMatchObject({ code: "ingest-not-followed" });
    }
  });
});

test("a file that is called complete and is not, is refused", async () => {
  await following(100, async (file, grow) => {
    grow(Buffer.alloc(50));
    file.complete();
    expect(await failureOf(collect(file.stream()))).toMatchObject({ code: "ingest-not-followed" });
  });
});
