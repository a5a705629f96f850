import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRoot } from "../support/oracles.ts";
import { runStrata } from "./run-strata.ts";

/** A directory that find(1) walks as it is, and strata as a root file system: both must find the same. */
let root: string;

beforeAll(() => {
  root = join(mkdtempSync(join(tmpdir(), "strata-find-")), "root");
  for (const path of ["etc/app", "usr/lib/deep/er", "empty", "var/a b"])
    mkdirSync(join(root, path), { recursive: true });
  const files: Readonly<Record<string, number>> = {
    "etc/passwd": 20,
    "etc/app/app.conf": 1,
    "etc/app/.hidden.conf": 512,
    "etc/app/APP.CONF": 513,
    "usr/lib/deep/er/big": 3_000_000,
    "usr/lib/x[1].so": 1024,
    "usr/lib/x*": 1025,
    "var/a b/café": 7,
    "var/zero": 0,
  };
  for (const [path, size] of Object.entries(files)) writeFileSync(join(root, path), Buffer.alloc(size, "x"));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:\nalice:x:1000:1000::/:\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nalice:x:1000:\n");
  symlinkSync("../usr/lib", join(root, "var/lib"));
  symlinkSync("nowhere", join(root, "var/lost"));
  symlinkSync("../etc/passwd/below", join(root, "var/through"));
  linkSync(join(root, "etc/app/app.conf"), join(root, "usr/lib/link"));
  chmodSync(join(root, "usr/lib/deep/er/big"), 0o4755);
  chmodSync(join(root, "var/zero"), 0o640);
  chmodSync(join(root, "empty"), 0o1777);
  if (isRoot) chownSync(join(root, "var/zero"), 1000, 1000);
  utimesSync(join(root, "etc/app/app.conf"), 1_000_000_000, 1_000_000_000);
  utimesSync(join(root, "usr/lib/x*"), 1_600_000_000, 1_600_000_000.5);
});
afterAll(() => rmSync(join(root, ".."), { recursive: true, force: true }));

/** Expressions, as words; paths in them are written for the image. */
const EXPRESSIONS: readonly (readonly string[])[] = [
  [],
  ["-name", "*.conf"],
  ["-iname", "*.conf"],
  ["-name", "x[[]1].so"],
  ["-name", "x\\*"],
  ["-name", "caf?"],
  ["-mindepth", "1", "-name", "[!a-z]*"],
  ["-name", ".*"],
  ["-path", "/etc/*conf"],
  ["-ipath", "/ETC/*"],
  ["-type", "f"],
  ["-type", "f,l"],
  ["-xtype", "d"],
  ["-xtype", "l"],
  ["-xtype", "f,l", "-name", "*o*"],
  ["-depth"],
  ["-d", "-mindepth", "1", "-maxdepth", "2"],
  ["-depth", "-name", "app", "-prune", "-o", "-type", "f", "-print"],
  ["-type", "d", "-empty"],
  ["-empty"],
  ["-type", "f", "-size", "0"],
  ["-type", "f", "-size", "1"],
  ["-type", "f", "-size", "-2"],
  ["-type", "f", "-size", "+1k"],
  ["-type", "f", "-size", "2k"],
  ["-type", "f", "-size", "-1M"],
  ["-type", "f", "-size", "3M"],
  ["-type", "f", "-size", "513c"],
  ["-perm", "640"],
  ["-perm", "-4000"],
  ["-perm", "/6000"],
  ["-perm", "-u+w,g+r"],
  ["-perm", "/o+t"],
  ["-perm", "u=rw,g=r"],
  ["-links", "2", "-type", "f"],
  ["-samefile", "/etc/app/app.conf"],
  ["-newer", "/usr/lib/x*"],
  ["!", "-newer", "/usr/lib/x*"],
  ["-newermt", "2020-01-01"],
  ["-newermt", "@1600000000"],
  ["-mtime", "+1000"],
  ["-mtime", "-1"],
  ["-uid", "1000"],
  ["-uid", "-1000"],
  ["-lname", "*lib"],
  ["-maxdepth", "1"],
  ["-mindepth", "3"],
  ["-name", "app", "-prune", "-o", "-type", "f", "-print"],
  ["(", "-name", "*.so", "-o", "-name", "big", ")", "-size", "+1k"],
  ["-type", "f", "-name", "*a*", "-o", "-type", "d", "-name", "e*"],
  ["-not", "-type", "f", "-not", "-type", "d"],
  ["-false", "-o", "-true", ",", "-name", "nothing"],
  ["-type", "f", "-printf", "%p|%f|%h|%P|%s|%m|%M|%U|%G|%y|%n|%d|%T@\\n"],
  ["-type", "l", "-printf", "%p -> %l\\t%%\\n"],
  ["-name", "zero", "-print0"],
];

describe("find(1) finds the same", () => {
  it.each(EXPRESSIONS.map((words) => [words.join(" "), words] as const))("with: %s", async (_, words) => {
    const { stdout, stderr } = await runStrata(["find", "--no-cache", `dir:${root}`, "/", ...words]);
    expect(stderr).toBe("");
    expect(lines(stdout)).toEqual(lines(gnuFind(words)));
  });
});

it("gives directories after what is in them with -depth", async () => {
  const { stdout } = await runStrata(["find", "--no-cache", `dir:${root}`, "/etc", "-depth"]);
  const paths = stdout.trim().split("\n");
  expect(paths.at(-1)).toBe("/etc");
  expect(paths.indexOf("/etc/app")).toBeGreaterThan(paths.indexOf("/etc/app/app.conf"));
});

/** GNU find walks `root/`, so that its paths are those of the image with a prefix. */
function gnuFind(words: readonly string[]): string {
  const inHost = words.map((word) => (/^\/[a-z]/i.test(word) && !word.startsWith("/o+") ? root + word : word));
  const pattern = words.map((word, i) => (words[i - 1] === "-ipath" ? `${root}${word}` : inHost[i]));
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  const output = execFileSync("find", [root, ...(pattern as string[])], { encoding: "utf8", env });
  return output.replaceAll(root, "").replace(/^(?=$|\|)/gm, "");
}

/** Sorted, because find(1) takes names as they come; the root itself has another name there. */
function lines(text: string): string[] {
  return text
    .replaceAll("\0", "\\0\n")
    .split("\n")
    .slice(0, -1)
    .map((line) => (line === "" ? "/" : line))
    .sort();
}
