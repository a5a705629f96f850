import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWith } from "../../../test/support/oracles.ts";
import { fromText } from "../../base/index.ts";
import { bindMount, unmount } from "../../linux/index.ts";
import type { Snapshotter } from "../snapshotter.ts";
import { mountSnapshot } from "./mount-snapshot.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "mount-snapshot-"));
  for (const name of ["mnt", "theirs", "ours"]) {
    mkdirSync(join(place, name));
    writeFileSync(join(place, name, name), "");
  }
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

describeWith(["mount"], "a mount that cannot be noted", () => {
  it("is undone, and what others had mounted there before stays", async () => {
    const target = join(place, "mnt");
    bindMount({ source: fromText(join(place, "theirs")), target: fromText(target) });
    try {
      const mounting = mountSnapshot(forgetful(join(place, "ours")), {
        root: place,
        target,
        parent: undefined,
        image: undefined,
        isWritable: false,
      });
      await expect(mounting).rejects.toThrow("no note");
      expect(readdirSync(target)).toEqual(["theirs"]);
    } finally {
      unmount(fromText(target));
    }
    expect(readdirSync(target)).toEqual(["mnt"]);
  });
});

/** Shows a directory, and can note nothing. */
function forgetful(source: string): Snapshotter {
  return {
    driver: "vfs",
    view: async () => [{ type: "bind", source, options: ["ro", "rbind"] }],
    update: async () => {
      throw new Error("no note");
    },
    remove: async () => {},
    async *walk() {},
  } as Partial<Snapshotter> as Snapshotter;
}
