import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../../test/support/scratch-mount.ts";
import { fromText } from "../base/index.ts";
import { isMountPoint, readMounts } from "../linux/index.ts";
import { userOf } from "./assert-unmounted.ts";
import { mountAll, overlayParts, unmountAll } from "./mount-all.ts";
import type { Mount } from "./snapshotter.ts";

describe("the options of an overlay", () => {
  it("are taken apart at colons that nothing escapes", () => {
    const options = ["ro", "lowerdir=/a\\:b:/c\\\\:/d\\,e", "upperdir=/u\\:p", "workdir=/w", "index=off"];
    expect(overlayParts(options)).toEqual({
      lowers: ["/a:b", "/c\\", "/d,e"],
      upper: "/u:p",
      work: "/w",
      options: ["ro", "index=off"],
    });
  });
});

describeWith(["mount"], "mounts", () => {
  let place: ScratchMount;
  let target: string;
  beforeAll(() => {
    place = makeScratchMount();
    target = directory("target");
    writeFileSync(join(directory("one"), "1"), "one");
    writeFileSync(join(directory("two"), "2"), "two");
    for (const name of ["upper", "work", "strange:,\\ name"]) directory(name);
  });
  afterAll(() => place[Symbol.dispose]());

  function directory(name: string): string {
    const path = join(place.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  const bind = (name: string, ...options: string[]): Mount => ({ type: "bind", source: directory(name), options });

  it("are made one over the other, and all undone", async () => {
    await mountAll([bind("one", "rw", "rbind"), bind("two", "ro", "rbind")], target);
    expect(readdirSync(target)).toEqual(["2"]);
    expect(() => writeFileSync(join(target, "2"), "")).toThrow("EROFS");
    await unmountAll(target);
    expect(isMountPoint(fromText(target))).toBe(false);
    await unmountAll(target);
  });

  it("are undone when a later one fails, and nothing that was there before is", async () => {
    await mountAll([bind("one", "rw", "rbind")], target);
    const missing: Mount = { type: "bind", source: join(place.directory, "missing"), options: ["rbind"] };
    await expect(mountAll([bind("two", "rbind"), missing], target)).rejects.toMatchObject({
      code: "mount-path-missing",
    });
    expect(readdirSync(target)).toEqual(["1"]);
    await unmountAll(target);
  });

  it("of overlays may have directories of any name", async () => {
    const escaped = (name: string): string => directory(name).replace(/[\\:,]/g, "\\$&");
    const lowers = ["one", "strange:,\\ name", "two"].map(escaped);
    const options = [`lowerdir=${lowers.join(":")}`, `upperdir=${escaped("upper")}`, `workdir=${escaped("work")}`];
    await mountAll([{ type: "overlay", source: "overlay", options }], target);
    writeFileSync(join(target, "3"), "three");
    expect(readdirSync(target).sort()).toEqual(["1", "2", "3"]);
    await unmountAll(target);
    expect(readFileSync(join(place.directory, "upper/3"), "utf8")).toBe("three");
  });

  it("are seen by whoever asks what stands on a directory", async () => {
    const users = (name: string): string | undefined => userOf(fromText(directory(name)), readMounts());
    expect(users("one")).toBeUndefined();
    await mountAll([bind("one", "ro", "rbind")], target);
    expect(users("one")).toBe(target);
    expect(users("on")).toBeUndefined();
    await unmountAll(target);
    const options = [`lowerdir=${directory("one")}:${directory("two")}`];
    await mountAll([{ type: "overlay", source: "overlay", options: ["ro", ...options] }], target);
    expect([users("one"), users("two"), users("upper")]).toEqual([target, target, undefined]);
    await unmountAll(target);
  });
});
