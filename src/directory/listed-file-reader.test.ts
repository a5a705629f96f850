import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
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

describe("the reader of small files", () => {
  it("reads them in any order, from whatever directory", async () => {
    const directory = treeOf("order", { a: "A", "d/b": "B", "d/e/c": "C".repeat(5000), empty: "" });
    const listed = await listDirectory(directory);
    using reader = listed.reader();
    const read = (name: string): string => {
      const entry = Array.from({ length: listed.index.count }, (_, i) => listed.index.name(i)).indexOf(name);
      return Buffer.from(reader.read(entry) ?? "none").toString();
    };
    const names = ["d/e/c", "a", "d/b", "empty", "d/e/c"];
    expect(names.map(read)).toEqual(["C".repeat(5000), "A", "B", "", "C".repeat(5000)]);
  });

  it("leaves large files to others", async () => {
    const listed = await listDirectory(treeOf("large", { file: "x".repeat(256 * 1024 + 1) }));
    using reader = listed.reader();
    expect(reader.read(1)).toBeUndefined();
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
    expect([reader.read(1)?.length, reader.read(2)]).toEqual([8192, undefined]);
  });
});
