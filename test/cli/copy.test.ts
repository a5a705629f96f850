import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runStrata, SAMPLE } from "./run-strata.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "strata-cp-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (...names: string[]): string => join(directory, ...names);
const cp = (...args: string[]): ReturnType<typeof runStrata> => runStrata(["cp", ...args]);

describe("the destination, as docker cp has it", () => {
  it("receives a file under its name when it is a directory, and becomes the file when it is not there", async () => {
    await cp(`${SAMPLE}:/etc/motd`, directory);
    await cp(SAMPLE, "/etc/motd", at("renamed"));
    expect(readFileSync(at("motd"))).toEqual(readFileSync(at("renamed")));
  });

  it("receives a tree under its name, becomes the tree, or takes only what is in it", async () => {
    await cp(`${SAMPLE}:/usr/share`, directory);
    expect(readdirSync(at("share")).sort()).toEqual(["doc", "os-release"]);
    await cp(`${SAMPLE}:/usr/share`, at("new"));
    expect(readdirSync(at("new")).sort()).toEqual(["doc", "os-release"]);
    await cp(`${SAMPLE}:/var/cache/.`, at("contents"));
    expect(readdirSync(at("contents"))).toEqual(["sample"]);
  });

  it("must be there for several paths, and for a file when it ends with a slash", async () => {
    const several = await cp(SAMPLE, "/etc/motd", "/etc/group", at("none"));
    const slash = await cp(`${SAMPLE}:/etc/motd`, `${at("none")}/`);
    expect([several.code, slash.code]).toEqual([8, 8]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is a tar on stdout when it is -", async () => {
    const { bytes } = await cp(`${SAMPLE}:/usr/share`, "-");
    const names = execFileSync("tar", ["-t"], { input: bytes, encoding: "utf8" });
    expect(names.trim().split("\n")).toEqual([
      "share/",
      "share/doc/",
      "share/doc/sample/",
      "share/doc/sample/README",
      "share/os-release",
    ]);
  });
});

describe("what is copied", () => {
  it("keeps modes, times and hardlinks, and leaves no temporary files", async () => {
    await cp(`${SAMPLE}:/`, at("root"));
    expect(lstatSync(at("root/app/hello.sh")).mode & 0o7777).toBe(0o750);
    expect(lstatSync(at("root/tmp")).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(at("root/etc")).mtime.toISOString()).toBe("2023-11-14T22:13:20.000Z");
    expect(lstatSync(at("root/etc/os-release")).ino).toBe(lstatSync(at("root/usr/share/os-release")).ino);
    expect(readlinkSync(at("root/var/run"))).toBe("../run");
    const names = readdirSync(at("root"), { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.includes(".strata-"))).toEqual([]);
  });

  it("replaces files that are there, and can be repeated", async () => {
    await cp(`${SAMPLE}:/etc`, directory);
    writeFileSync(at("etc/motd"), "changed");
    const { code } = await cp(`${SAMPLE}:/etc`, directory);
    expect(code).toBe(0);
    expect(readFileSync(at("etc/motd"), "utf8")).toContain("Welcome");
  });
});

describe("nothing outside of the destination is touched", () => {
  it("when a symlink lies where a file goes: the link is replaced, not its target", async () => {
    writeFileSync(at("precious"), "precious");
    mkdirSync(at("out"));
    symlinkSync(at("precious"), at("out/motd"));
    await cp(`${SAMPLE}:/etc/motd`, at("out"));
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
    expect(lstatSync(at("out/motd")).isFile()).toBe(true);
  });

  it("when a symlink lies where a directory goes: refused", async () => {
    mkdirSync(at("elsewhere"));
    mkdirSync(at("out"));
    symlinkSync(at("elsewhere"), at("out/etc"));
    const { code, stderr } = await cp(`${SAMPLE}:/etc`, at("out"));
    expect(code).toBe(7);
    expect(stderr).toContain("links are not followed");
    expect(readdirSync(at("elsewhere"))).toEqual([]);
  });

  it("when the image's own tree leads through its symlinks", async () => {
    // The path is resolved inside the image: /var/run is ../run, which is /run there and not the host's.
    const { code } = await cp("-L", `${SAMPLE}:/var/run`, at("copy"));
    expect(code).toBe(0);
    expect(lstatSync(at("copy")).isDirectory()).toBe(true);
    expect(existsSync(at("copy/../run"))).toBe(false);
  });
});
