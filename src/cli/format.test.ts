import { describe, expect, it } from "vitest";
import { parseAccounts } from "./accounts.ts";
import { arrangeColumns } from "./columns.ts";
import { formatMode } from "./format-mode.ts";
import { formatSize } from "./format-size.ts";
import { formatListTime, isoTime } from "./format-time.ts";
import { instructionOf, truncate } from "./instruction.ts";
import { parseSize } from "./parse-numbers.ts";
import { printable } from "./printable.ts";
import { formatTable } from "./table.ts";

describe("what ls, du and stat write", () => {
  it("are sizes rounded up in powers of 1024", () => {
    const sizes = [0, 1023, 1024, 1025, 10 * 1024, 10 * 1024 + 1, 1024 ** 2 - 1, 1.5 * 1024 ** 3];
    expect(sizes.map(formatSize)).toEqual(["0", "1023", "1.0K", "1.1K", "10K", "11K", "1.0M", "1.5G"]);
  });

  it("are modes with their special bits", () => {
    const modes = [0o755, 0o4755, 0o4644, 0o2710, 0o2700, 0o1777, 0o1776, 0].map((mode) =>
      formatMode({ type: "file", mode }),
    );
    expect(modes).toEqual([
      "-rwxr-xr-x",
      "-rwsr-xr-x",
      "-rwSr--r--",
      "-rwx--s---",
      "-rwx--S---",
      "-rwxrwxrwt",
      "-rwxrwxrwT",
      "----------",
    ]);
    expect(formatMode({ type: "char", mode: 0o620 })).toBe("crw--w----");
  });

  it("are dates with the time of day for half a year, and with the year before and after", () => {
    const now = Date.UTC(2024, 0, 31, 12) / 1000;
    const at = (seconds: number): string => formatListTime({ seconds, nanoseconds: 0 }, now);
    expect(at(now - 60)).toMatch(/^Jan 3[01] \d\d:\d\d$/);
    expect(at(now + 3600 * 48)).toMatch(/^Feb {2}[123] {2}2024$/);
    expect(at(now - 86_400 * 200)).toMatch(/^Jul 1[45] {2}2023$/);
    expect(at(9e15)).toBe("9000000000000000".padStart(12));
  });

  it("are ISO times to the nanosecond, before the epoch and beyond the calendar too", () => {
    expect(isoTime({ seconds: 1_700_000_000, nanoseconds: 5 })).toBe("2023-11-14T22:13:20.000000005Z");
    expect(isoTime({ seconds: -1, nanoseconds: 0 })).toBe("1969-12-31T23:59:59.000000000Z");
    expect(isoTime({ seconds: 9e15, nanoseconds: 1 })).toBe("@9000000000000000.000000001");
    for (let seconds = -4e9; seconds < 4e9; seconds += 123_456_789) {
      expect(isoTime({ seconds, nanoseconds: 0 })).toBe(new Date(seconds * 1000).toISOString().replace("Z", "000000Z"));
    }
  });

  it("are columns filled downwards, as few lines as fit", () => {
    const cells = ["a", "bb", "c", "d", "e"].map((text) => ({ text, width: text.length }));
    expect(arrangeColumns(cells, 8)).toBe("a   c  e\nbb  d\n");
    expect(arrangeColumns(cells, 7)).toBe("a   d\nbb  e\nc\n");
    expect(arrangeColumns(cells, 80)).toBe("a  bb  c  d  e\n");
    expect(arrangeColumns(cells, 1)).toBe("a\nbb\nc\nd\ne\n");
    expect(arrangeColumns([], 80)).toBe("");
  });
});

describe("text", () => {
  it("of instructions is what the Dockerfile said", () => {
    const digest = "97c8cf7f5374effece402a9c18ce35c281e035c1873007557fb181574a549bfb";
    expect(instructionOf(`/bin/sh -c #(nop) COPY dir:${digest} in / `)).toBe("COPY dir:97c8cf7f5374 in /");
    expect(instructionOf("/bin/sh -c apt-get   update")).toBe("RUN apt-get update");
    expect(instructionOf("RUN /bin/sh -c make # buildkit")).toBe("RUN make");
    expect(instructionOf("/bin/sh -c --mount=type=bind,from=x make")).toBe("RUN make");
    expect(instructionOf('CMD ["sh"]')).toBe('CMD ["sh"]');
  });

  it("is cut by characters", () => {
    expect(truncate("größe", 4)).toBe("grö…");
    expect(truncate("👍👍", 2)).toBe("👍👍");
  });

  it("in tables is aligned by what is seen", () => {
    const rows = [
      ["1", "\x1b[1mé\x1b[0m", "x"],
      ["10", "bb", ""],
    ];
    expect(formatTable(rows, "> ")).toBe(" 1  \x1b[1mé\x1b[0m   x\n10  bb\n");
  });

  it("cannot move a terminal's cursor or turn its direction", () => {
    expect(printable("plain name")).toBe("plain name");
    expect(printable("\x1b]0;x\x07")).toBe("\\033]0;x\\007");
    expect(printable(Buffer.from("a\u202eb\u0085c", "utf8").toString("latin1"))).toBe("a\\342\\200\\256b\\302\\205c");
  });
});

describe("what users give", () => {
  it("are sizes with units", () => {
    expect(["10", "4k", "1.5M", "2GiB", "1tb"].map(parseSize)).toEqual([10, 4096, 1_572_864, 2 ** 31, 2 ** 40]);
    for (const wrong of ["", "k", "-1", "1x", "1e3"]) expect(() => parseSize(wrong)).toThrow("number of bytes");
  });

  it("are the accounts of an image, the first line of an id first, nonsense left out", () => {
    const names = parseAccounts("root:x:0:0::/:\ntoor:x:0:\n:x:5:\nbad:x:many:\nx\nalice:x:1000:1000\n");
    expect([...names]).toEqual([
      [0, "root"],
      [1000, "alice"],
    ]);
  });
});
