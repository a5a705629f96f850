import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compiledName, compileScript, encodeGroups, openGroups } from "./compiled-groups.ts";
import { groupSource, ModuleGroups } from "./module-groups.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "module-groups-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const SOURCES = {
  "./main.js": 'exports.name="main";exports.even=require("./even.js");exports.late=()=>require("./late.js").name;',
  "./even.js": 'const odd=require("./odd.js");exports.is=(n)=>n===0||odd.is(n-1);// a comment at the end',
  "./odd.js": 'const even=require("./even.js");exports.is=(n)=>n!==0&&even.is(n-1);',
  "./late.js": 'exports.name=require("node:path").basename(__filename)+" of "+require("./main.js").name;',
  "./alone.js": 'exports.where=__dirname;exports.separator=require("node:path").sep;',
};

/** Writes groups of modules, each compiled unless the code is said to be another V8's; the last module is in none. */
function writeGroups({ compiled }: { readonly compiled?: Buffer } = {}): void {
  for (const [id, source] of Object.entries(SOURCES)) writeFileSync(join(directory, id), source);
  const ids = [["./main.js", "./even.js"], ["./odd.js"], ["./late.js"]] as const;
  const groups = ids.map((modules) => {
    const source = groupSource(new Map(modules.map((id) => [id, SOURCES[id]])));
    return { modules, source, compiled: compiled ?? compileScript(source, "group").createCachedData() };
  });
  writeFileSync(join(directory, compiledName()), encodeGroups(groups));
}

const opened = (): ModuleGroups => ModuleGroups.open(directory) as ModuleGroups;

interface Main {
  readonly even: { is(n: number): boolean };
  late(): string;
}

describe("groups of modules", () => {
  it("are required across groups and in cycles, each module run once, when it is first asked for", () => {
    writeGroups();
    const modules = opened();
    const main = modules.require("./main.js") as Main;
    expect(main.even.is(10)).toBe(true);
    expect(modules.loaded).toEqual(["./main.js", "./even.js", "./odd.js"]);
    expect(main.late()).toBe("late.js of main");
    expect(modules.require("./main.js")).toBe(main);
    expect(modules.loaded).toEqual(["./main.js", "./even.js", "./odd.js", "./late.js"]);
  });

  it("come with compiled code that V8 takes", () => {
    writeGroups();
    expect(openGroups(directory)?.map((group) => group.script().cachedDataRejected)).toEqual([false, false, false]);
  });

  it("work as well when their compiled code is damaged", () => {
    writeGroups({ compiled: Buffer.from("not what V8 writes") });
    expect(openGroups(directory)?.[0]?.script().cachedDataRejected).toBe(true);
    expect((opened().require("./main.js") as Main).late()).toBe("late.js of main");
  });

  it("do without a group for modules that nobody needed when they were made", () => {
    writeGroups();
    expect(opened().require("./alone.js")).toEqual({ where: directory, separator: "/" });
  });

  it("are not there where nothing was compiled for this V8, or only a part of it was written", () => {
    expect(ModuleGroups.open(directory)).toBeUndefined();
    writeGroups();
    for (const length of [100, 8, 0]) {
      truncateSync(join(directory, compiledName()), length);
      expect(ModuleGroups.open(directory)).toBeUndefined();
    }
  });
});
