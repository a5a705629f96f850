import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { listDirectory } from "./list-directory.ts";

const work = mkdtempSync(join(tmpdir(), "strata-reader-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function treeOf(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(work, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** What a reader gives of an entry. */
function textOf(pieces: Iterable<Uint8Array> | undefined): string | undefined {
  return pieces && Buffer.concat([...pieces].map((piece) => Buffer.from(piece))).toString();
}

describe("the reader of files", () => {
  it("reads them in any order, from whatever directory", async () => {
    const directory = treeOf("order", { a: "A", "d/b": "B", "d/e/c": "C".repeat(5000), empty: "" });
    const listed = await listDirectory(directory);
    using reader = listed.reader();
    const read = (name: string): string => {
      const entry = Array.from({ length: listed.index.count }, (_, i) => listed.index.name(i)).indexOf(name);
      return textOf(reader.read(entry)) ?? "none";
    };
    const names = ["d/e/c", "a", "d/b", "empty", "d/e/c"];
    expect(names.map(read)).toEqual(["C".repeat(5000), "A", "B", "", "C".repeat(5000)]);
  });

  it("reads large ones in pieces, all of them or the first alone", async () => {
    const texts = ["a", "b", "c"].map((letter) => letter.repeat(600_000 + letter.charCodeAt(0)));
    const listed = await listDirectory(treeOf("large", { a: texts[0] ?? "", b: texts[1] ?? "", c: texts[2] ?? "" }));
    using reader = listed.reader();
    expect(textOf(reader.read(1))).toBe(texts[0]);
    for (const piece of reader.read(2) ?? []) {
      expect(piece[0]).toBe("b".charCodeAt(0));
      break;
    }
    expect(textOf(reader.read(3))).toBe(texts[2]);
  });

  it.each([
    ["grows", 700_000],
    ["shrinks", 300_000],
  ])("refuses a large file that %s while it is read", async (what, size) => {
    const directory = treeOf(`${what} while read`, { file: "x".repeat(600_000) });
    const listed = await listDirectory(directory);
    using reader = listed.reader();
    const pieces = reader.read(1)?.[Symbol.iterator]();
    expect(pieces?.next().value).toHaveLength(256 * 1024);
    truncateSync(join(directory, "file"), size);
    const readOn = (): void => {
      while (pieces?.next().done === false);
    };
    expect(readOn).toThrow(expect.objectContaining({ code: "file-changed" }));
  });

  it.each<[string, (path: string) => void]>([
    ["grew", (path) => writeFileSync(path, "12345")],
    ["shrank", (path) => writeFileSync(path, "1")],
    ["vanished", (path) => rmSync(path)],
    [
      "is a symlink now",
      (path) => {
        rmSync(path);
        symlinkSync("other", path);
      },
    ],
    [
      "lies behind a symlink now",
      (path) => {
        const directory = join(path, "..");
        rmSync(directory, { recursive: true });
        symlinkSync("other", directory);
      },
    ],
  ])("refuses a file that %s", async (what, change) => {
    const directory = treeOf(what, { "d/file": "1234", "d/other": "1234", "other/file": "1234" });
    const listed = await listDirectory(directory);
    using reader = listed.reader();
    change(join(directory, "d/file"));
    expect(() => reader.read(2)).toThrow(
      expect.objectContaining({ code: "file-changed", details: expect.objectContaining({ entry: "d/file" }) }),
    );
  });

  it("leaves files with holes to others", async () => {
    const directory = treeOf("holes", { solid: "x".repeat(8192) });
    const fd = openSync(join(directory, "sparse"), "w");
    ftruncateSync(fd, 100_000);
    closeSync(fd);
    const listed = await listDirectory(directory);
    using reader = listed.reader();
    expect([textOf(reader.read(1))?.length, reader.read(2)]).toEqual([8192, undefined]);
  });
});
