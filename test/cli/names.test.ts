import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromText } from "../../src/base/index.ts";
import type { JsonEntry } from "../../src/cli/json-entry.ts";
import { type TarHeaderFields, type TarMember, writeTar } from "../../src/tar/index.ts";
import { runStrata } from "./run-strata.ts";

const NOT_UTF8 = "caf\xe9";
const CONTROL = "a\x1b[31mb\nc";
const UMLAUT = fromText("größe");

let directory: string;
let image: string;

function member(name: string, fields: Partial<TarHeaderFields> = {}): TarMember {
  const time = { seconds: 1_700_000_000, nanoseconds: 123_456_789 };
  const entry = { name, type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: time, linkName: "", ...fields };
  return { entry: { devMajor: 0, devMinor: 0, ...entry } as TarHeaderFields };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "strata-names-"));
  image = `tar:${join(directory, "layer.tar")}`;
  const members = [
    member(NOT_UTF8),
    member(CONTROL),
    member(UMLAUT, { xattrs: new Map([["user.note", Buffer.from("hi")]]) }),
    member("null", { type: "char", devMajor: 1, devMinor: 3 }),
    member("out", { type: "symlink", linkName: join(directory, "outside") }),
    member("out/stolen"),
    member("setuid", { mode: 0o4755 }),
  ];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(members)) chunks.push(chunk);
  writeFileSync(join(directory, "layer.tar"), Buffer.concat(chunks));
  mkdirSync(join(directory, "outside"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("names are bytes", () => {
  it("and go as they are into a pipe", async () => {
    const { bytes } = await runStrata(["ls", image]);
    expect(bytes.includes(Buffer.from(`${NOT_UTF8}\n`, "latin1"))).toBe(true);
    expect(bytes.includes(Buffer.from(`${CONTROL}\n`, "latin1"))).toBe(true);
  });

  it("and cannot harm a terminal", async () => {
    const { stdout } = await runStrata(["ls", "-1", "--color", "never", image], { columns: 80 });
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["a\\033[31mb\\nc", "caf\\351", "größe", "null", "setuid"]),
    );
    expect(stdout).not.toContain("\x1b");
  });

  it("and are given twice in JSON where text cannot hold them", async () => {
    const { stdout } = await runStrata(["ls", "--json", image]);
    const entries = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as JsonEntry);
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    expect(byPath.get("/caf\ufffd")?.pathBytes).toBe(Buffer.from(`/${NOT_UTF8}`, "latin1").toString("base64"));
    expect(byPath.get("/a\x1b[31mb\nc")).toBeDefined();
    expect(byPath.get("/größe")).toMatchObject({
      xattrs: { "user.note": "aGk=" },
      mtime: "2023-11-14T22:13:20.123456789Z",
    });
    expect(byPath.get("/null")).toMatchObject({ type: "char", device: { major: 1, minor: 3 } });
  });
});

describe("cp", () => {
  it("copies such names exactly, passes devices over by name, drops setuid, and follows no link of the image", async () => {
    const target = join(directory, "copy");
    const { code, stderr } = await runStrata(["cp", image, "/", target]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `strata: skipped ${target}/null: it is a char device\n` });
    const names = readdirSync(target, { encoding: "buffer" }).map((name) => name.toString("latin1"));
    expect(names).toEqual(expect.arrayContaining([NOT_UTF8, CONTROL, UMLAUT, "setuid"]));
    expect(names).not.toContain("null");
    expect(readdirSync(join(directory, "outside"))).toEqual([]);
    expect(existsSync(join(directory, "outside/stolen"))).toBe(false);
    expect((await runStrata(["cp", "-q", image, "/setuid", join(directory, "plain")])).stderr).toBe("");
    expect(readFileSync(join(directory, "plain")).length).toBe(0);
  });
});

describe("export", () => {
  it("refuses a terminal", async () => {
    const { code, stdout } = await runStrata(["export", image], { columns: 80 });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});
