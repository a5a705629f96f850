import { describe, expect, it } from "vitest";
import { type ByteSource, memorySource } from "../base/index.ts";
import {
  END_OF_ARCHIVE,
  encodeHeader,
  paddingOf,
  readTar,
  scanTar,
  scanTarSync,
  type TarEntry,
  TarScanner,
} from "./index.ts";

function header(name: string, size: number): Uint8Array {
  const mtime = { seconds: 0, nanoseconds: 0 };
  return encodeHeader({ name, type: "file", mode: 0o644, uid: 0, gid: 0, size, mtime });
}

/** An archive of which only the headers exist; it counts what is read of it. */
function hollowArchive(sizes: readonly number[]): { source: ByteSource; read: () => number } {
  const headers = new Map<number, Uint8Array>();
  let size = 0;
  for (const [i, length] of sizes.entries()) {
    const block = header(`file-${i}`, length);
    headers.set(size, block);
    size += block.length + length + paddingOf(length);
  }
  let bytesRead = 0;
  const readSync = (target: Uint8Array, offset: number): number => {
    target.fill(0xaa);
    bytesRead += target.length;
    for (const [at, block] of headers) {
      const to = at - offset;
      if (to >= 0 && to + block.length <= target.length) target.set(block, to);
    }
    return Math.min(target.length, size - offset);
  };
  const source: ByteSource = { ...memorySource(new Uint8Array(0)), size, readSync };
  return { source, read: () => bytesRead };
}

/** The same source without its synchronous half. */
function asyncOnly({ size, read, stream }: ByteSource): ByteSource {
  return { size, read, stream, [Symbol.asyncDispose]: async () => {} };
}

const small = Buffer.concat([
  ...Array.from({ length: 300 }, (_, i) => [header(`f${i}`, i), Buffer.alloc(i + paddingOf(i), "x")]).flat(),
  END_OF_ARCHIVE,
]);

async function collect(iterable: AsyncIterable<TarEntry>): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of iterable) entries.push(entry);
  return entries;
}

describe("scanning by seeking", () => {
  it("steps over data of any size and reads next to nothing", () => {
    const sizes = [0, 1, 2 ** 33, 5 * 2 ** 40, 100_000, 2 ** 20];
    const { source, read } = hollowArchive(sizes);
    const entries: TarEntry[] = [];
    scanTarSync(source, (entry) => entries.push(entry));
    expect(entries.map((entry) => entry.size)).toEqual(sizes);
    expect(read()).toBeLessThan(300_000);
  });

  it("gives the same entries in every way", async () => {
    const source = memorySource(small);
    const pushed: TarEntry[] = [];
    const scanner = new TarScanner((entry) => pushed.push(entry));
    scanner.push(small);
    scanner.end();
    const sync: TarEntry[] = [];
    scanTarSync(source, (entry) => sync.push(entry));
    const async: TarEntry[] = [];
    await scanTar(asyncOnly(source), (entry) => async.push(entry));
    expect(sync).toEqual(pushed);
    expect(async).toEqual(pushed);
    expect(await collect(readTar(source))).toEqual(pushed);
    expect(await collect(readTar(asyncOnly(source)))).toEqual(pushed);
  });

  it("finds data that lies beyond the end of the source, although it reads none", () => {
    const { source } = hollowArchive([10, 2 ** 30]);
    const shorter = { ...source, size: source.size - 1 };
    expect(() => scanTarSync(shorter, () => {})).toThrow(
      expect.objectContaining({
        code: "tar-truncated",
        details: { entry: "file-1", offset: source.size - 1 },
      }),
    );
  });

  it("ends when the source is shorter than it says", async () => {
    for (const cut of [512, 700, small.length - 2000]) {
      const lying = { ...memorySource(small.subarray(0, cut)), size: small.length };
      const outcome = await scanTar(lying, () => {}).catch((error: unknown) => error);
      if (cut === 512) expect(outcome).toBeUndefined();
      else expect(outcome).toMatchObject({ code: "tar-truncated" });
    }
  });

  it("refuses to be synchronous over a source that is not", () => {
    expect(() => scanTarSync(asyncOnly(memorySource(small)), () => {})).toThrow(
      expect.objectContaining({ code: "source-not-synchronous", kind: "invalid-argument" }),
    );
  });

  it("takes an extension larger than what it reads at once", () => {
    const name = "n".repeat(200_000);
    const bytes = Buffer.concat([header("a", 0), header("b", 0), header(name, 0), header("c", 0)]);
    const names: string[] = [];
    scanTarSync(memorySource(bytes), (entry) => names.push(entry.name));
    expect(names).toEqual(["a", "b", name, "c"]);
  });

  it("lets others run, and stops when it is aborted", async () => {
    const many = Buffer.concat(Array.from({ length: 30_000 }, () => header("same", 0)));
    const abort = new AbortController();
    let entries = 0;
    setImmediate(() => abort.abort());
    const scan = scanTar(memorySource(many), () => entries++, { signal: abort.signal });
    await expect(scan).rejects.toMatchObject({ code: "aborted" });
    expect(entries).toBeLessThan(30_000);
  });
});
