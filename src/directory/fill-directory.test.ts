import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWith } from "../../test/support/oracles.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { isLinux } from "../linux/index.ts";
import { fillDirectory } from "./fill-directory.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "fill-test-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string): string => join(place, name);

/** As an extraction fills: an absent directory is made. */
async function fill(directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "f"), "1");
  return basename(directory);
}

const rejectsWith = (promise: Promise<unknown>, code: string): Promise<void> =>
  expect(promise).rejects.toThrow(expect.objectContaining({ code }));

requireOrSkip(
  "a directory that appears whole",
  isLinux(),
  "not Linux",
)(() => {
  it("is not there before it is filled, and nothing else afterwards", async () => {
    mkdirSync(at("empty"));
    for (const name of ["new", "empty"]) {
      const filled = await fillDirectory(at(name), async (directory) => {
        expect(readdirSync(place)).toContain(`.${name}.strata-partial`);
        expect(readdirSync(place).includes(name) && readdirSync(at(name)).length > 0).toBe(false);
        return await fill(directory);
      });
      expect(filled).toBe(`.${name}.strata-partial`);
      expect(readdirSync(at(name))).toEqual(["f"]);
    }
    expect(readdirSync(place).sort()).toEqual(["empty", "new"]);
  });

  it("is gone when filling it fails, and an empty one is as it was", async () => {
    mkdirSync(at("empty"), { mode: 0o751 });
    const before = statSync(at("empty")).ino;
    for (const name of ["new", "empty"]) {
      const failing = fillDirectory(at(name), async (directory) => {
        await fill(directory);
        throw Object.assign(new Error("no"), { code: "test" });
      });
      await rejectsWith(failing, "test");
    }
    expect(readdirSync(place)).toEqual(["empty"]);
    expect(statSync(at("empty")).ino).toBe(before);
  });

  it("takes the place of what a process left that died, whatever it is", async () => {
    mkdirSync(at(".a.strata-partial/deep/er"), { recursive: true });
    writeFileSync(at(".b.strata-partial"), "");
    mkdirSync(at("elsewhere"));
    writeFileSync(at("elsewhere/mine"), "");
    symlinkSync(at("elsewhere"), at(".c.strata-partial"));
    for (const name of ["a", "b", "c"]) {
      await fillDirectory(at(name), fill);
      expect([lstatSync(at(name)).isDirectory(), readdirSync(at(name))]).toEqual([true, ["f"]]);
    }
    expect(readdirSync(place).sort()).toEqual(["a", "b", "c", "elsewhere"]);
    expect(readdirSync(at("elsewhere"))).toEqual(["mine"]);
  });

  it("is filled by one at a time", async () => {
    await fillDirectory(at("d"), async (directory) => {
      await rejectsWith(fillDirectory(at("d"), fill), "directory-in-use");
      await fill(directory);
    });
    await rejectsWith(fillDirectory(at("d"), fill), "directory-not-empty");
    expect(readdirSync(place)).toEqual(["d"]);
  });

  it("never takes the place of what somebody else put there meanwhile", async () => {
    const filling = fillDirectory(at("d"), async (directory) => {
      await fill(directory);
      mkdirSync(at("d"));
      writeFileSync(at("d/theirs"), "");
    });
    await rejectsWith(filling, "directory-not-empty");
    expect([readdirSync(place), readdirSync(at("d"))]).toEqual([["d"], ["theirs"]]);
  });

  it("is filled in place where it is a link, and where its name leaves no room for another", async () => {
    mkdirSync(at("real"));
    symlinkSync("real", at("link"));
    expect(await fillDirectory(at("link"), fill)).toBe("link");
    expect(readdirSync(at("real"))).toEqual(["f"]);
    const long = "x".repeat(250);
    expect(await fillDirectory(at(long), fill)).toBe(long);
    mkdirSync(at("d"));
    expect(await fillDirectory(`${at("d")}/.`, fill)).toBe(".");
  });
});

describeWith(["mount"], "a mount point", () => {
  it("is filled in place", async () => {
    mkdirSync(at("mnt"));
    expect(spawnSync("mount", ["-t", "tmpfs", "none", at("mnt")]).status).toBe(0);
    try {
      expect(await fillDirectory(at("mnt"), fill)).toBe("mnt");
      expect(readdirSync(at("mnt"))).toEqual(["f"]);
    } finally {
      spawnSync("umount", [at("mnt")]);
    }
    expect(readdirSync(at("mnt"))).toEqual([]);
  });
});
