import fc from "fast-check";
import { expect, it } from "vitest";
import { memorySource } from "../../base/index.ts";
import { MemoryFs, type Spill, unionFs } from "../index.ts";

/** Spilled bytes, and how many of the files are still held. */
function countingSpill(): Spill & { open: number; made: number } {
  const spill = {
    open: 0,
    made: 0,
    create: async () => {
      const chunks: Uint8Array[] = [];
      spill.made++;
      spill.open++;
      const free = async (): Promise<void> => void spill.open--;
      return {
        write: async (chunk: Uint8Array) => void chunks.push(chunk.slice()),
        finish: async () => ({ ...memorySource(Buffer.concat(chunks)), [Symbol.asyncDispose]: free }),
        [Symbol.asyncDispose]: free,
      };
    },
  };
  return spill;
}

it("holds no more in memory than it may, and gives back what it spilled", async () => {
  const spill = countingSpill();
  const upper = new MemoryFs({ spill, memory: 256 * 1024 });
  const fs = unionFs({ lowers: [], upper });
  const big = Buffer.alloc(1024 * 1024, "0123456789abcdef");
  await fs.writeFile("/big", big);
  for (let i = 0; i < 8; i++) await fs.writeFile(`/f${i}`, big.subarray(0, 100_000 + i));
  expect(upper.memoryUsed).toBeLessThanOrEqual(256 * 1024);
  expect((await fs.readFile("/big")).equals(big)).toBe(true);
  await using handle = await fs.open("/big", "r+");
  await handle.write("changed", 500_000);
  big.write("changed", 500_000);
  expect((await fs.readFile("/big")).equals(big)).toBe(true);
  await upper[Symbol.asyncDispose]();
  expect({ made: spill.made > 2, open: spill.open }).toEqual({ made: true, open: 0 });
});

it("is what a buffer would be under random writes and cuts, over a file that it refers to", async () => {
  const edit = fc.oneof(
    fc.record({ at: fc.nat(200_000), length: fc.nat(90_000), byte: fc.nat(255) }),
    fc.record({ size: fc.nat(250_000) }),
  );
  const base = Buffer.from(Array.from({ length: 150_000 }, (_, i) => i % 251));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 8 }), async (edits) => {
      const lower = unionFs({ lowers: [] });
      await lower.writeFile("/f", base);
      const fs = unionFs({ lowers: [lower], spill: countingSpill(), memory: 100_000 });
      let expected = Buffer.from(base);
      await using handle = await fs.open("/f", "r+");
      for (const edit of edits) {
        const size =
          "size" in edit ? edit.size : Math.max(expected.length, edit.length === 0 ? 0 : edit.at + edit.length);
        const next = Buffer.alloc(size);
        expected.copy(next);
        if ("at" in edit && edit.length > 0) next.fill(edit.byte, edit.at, edit.at + edit.length);
        expected = next;
        if ("size" in edit) await handle.truncate(edit.size);
        else await handle.write(Buffer.alloc(edit.length, edit.byte), 0, edit.length, edit.at);
      }
      expect((await fs.readFile("/f")).equals(expected)).toBe(true);
      const withoutHoles = Buffer.alloc(expected.length);
      for (const { offset, length } of (await fs.dataRuns("/f")) ?? [{ offset: 0, length: expected.length }]) {
        expected.copy(withoutHoles, offset, offset, offset + length);
      }
      expect(withoutHoles.equals(expected)).toBe(true);
      expect((await lower.readFile("/f")).equals(base)).toBe(true);
      await fs[Symbol.asyncDispose]();
    }),
    { numRuns: 40 },
  );
});

it("keeps the bytes of a removed file for whoever has it open", async () => {
  const fs = unionFs({ lowers: [] });
  await fs.writeFile("/f", "still here");
  await using handle = await fs.open("/f");
  await fs.unlink("/f");
  expect(await handle.readFile("utf8")).toBe("still here");
  expect((await handle.stat()).nlink).toBe(0);
});

it("takes capabilities and setuid away from a file that gets another owner or other bytes", async () => {
  const fs = unionFs({ lowers: [] });
  await fs.writeFile("/f", "x", { mode: 0o755 });
  await fs.chmod("/f", 0o4755);
  await fs.setxattr("/f", "security.capability", Buffer.from("cap"));
  await fs.chown("/f", 1, 1);
  expect([(await fs.stat("/f")).mode & 0o7777, await fs.listxattr("/f")]).toEqual([0o755, []]);
});
