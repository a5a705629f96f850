import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ErofsPlace, makeErofsPlace } from "../../../../test/support/erofs-place.ts";
import { erofsWorkbench, treeOf } from "../../../../test/support/erofs-workbench.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import { fromText } from "../../../base/index.ts";
import { isMountPoint, readXattrs, unmount, writeXattr } from "../../../linux/index.ts";
import { parseDigest } from "../../../oci/index.ts";
import { char, dir, file, hardlink, opaque, tarScript } from "../../../testing/index.ts";
import { snapshotKey, snapshotName } from "../../index.ts";

describeWith(["root", "mount", "getfattr"], "snapshots of EROFS", () => {
  let place: ErofsPlace;
  beforeEach(async () => {
    place = await makeErofsPlace();
  });
  afterEach(async () => {
    await place[Symbol.asyncDispose]();
  });

  const { shown, changed, layerOf } = erofsWorkbench(() => place);

  it("become a layer that holds what was changed and nothing else", async () => {
    const image = await place.addImage([
      tarScript(
        dir("", { mode: 0o755 }),
        ...["etc", "var", "var/old", "same"].map((name) => dir(name)),
        ...["etc/a", "etc/b", "var/old/x", "same/file"].map((name) => file(name, name)),
        hardlink("etc/a2", "etc/a"),
      ),
    ]);
    const { seen, name } = await changed(image, (root) => {
      rmSync(join(root, "etc/b"));
      rmSync(join(root, "var/old"), { recursive: true });
      mkdirSync(join(root, "var/old"));
      mkdirSync(join(root, "var/new"));
      writeFileSync(join(root, "etc/a"), "changed");
      linkSync(join(root, "etc/a"), join(root, "etc/a3"));
      utimesSync(join(root, "var/new"), 1, 1);
    });
    expect(await layerOf(name)).toEqual([
      "etc/",
      "etc/a",
      "etc/a3",
      "etc/.wh.b",
      "var/",
      "var/new/",
      "var/old/",
      "var/old/.wh..wh..opq",
    ]);
    expect(await shown(name)).toBe(seen);
    const again = await changed(name, () => {});
    expect(await layerOf(again.name)).toEqual([""]);
    expect(await shown(again.name)).toBe(seen);
  });

  it("give an overlay inside of an image its notes back, in views, on top, and after a commit", async () => {
    const notes = { "trusted.overlay.opaque": "y", "user.overlay.redirect": "/x" };
    const image = await place.addImage([
      tarScript(dir(""), dir("inner", { xattrs: notes }), file("inner/file", "here")),
    ]);
    const look = (root: string): unknown => [
      Object.fromEntries(
        [...readXattrs(fromText(join(root, "inner")))].map(([key, value]) => [key, Buffer.from(value).toString()]),
      ),
      readdirSync(join(root, "inner")),
    ];
    const view = await place.snapshots.view(snapshotKey("v"), image);
    expect(await place.inside(view, look)).toEqual([notes, ["file"]]);
    const mounts = await place.snapshots.prepare(snapshotKey("a"), image);
    expect(await place.inside(mounts, look)).toEqual([notes, ["file"]]);
    await place.inside(mounts, (root) => {
      chmodSync(join(root, "inner"), 0o700);
      mkdirSync(join(root, "inner/more"));
      writeXattr(fromText(join(root, "inner/more")), "trusted.overlay.opaque", Buffer.from("y"));
    });
    await place.snapshots.commit(snapshotName("c"), snapshotKey("a"));
    const committed = await place.snapshots.view(snapshotKey("w"), snapshotName("c"));
    expect(await place.inside(committed, look)).toEqual([notes, ["file", "more"]]);
    const [of] = await place.inside(committed, (root) => [readXattrs(fromText(join(root, "inner/more")))]);
    expect([...(of?.keys() ?? [])]).toEqual(["trusted.overlay.opaque"]);
  });

  it("show a device 0:0 of an image, and are refused where an overlay would take it for a deletion", async () => {
    const image = await place.addImage([tarScript(dir(""), dir("dev"), char("dev/gone", [0, 0]), file("f", "1"))]);
    const view = await place.snapshots.view(snapshotKey("v"), image);
    expect(await place.inside(view, (root) => readdirSync(join(root, "dev")))).toEqual(["gone"]);
    const refused = place.snapshots.prepare(snapshotKey("a"), image);
    await expect(refused).rejects.toMatchObject({ code: "layer-has-whiteout-device", details: { entry: "dev/gone" } });
    await expect(place.snapshots.stat(snapshotKey("a"))).rejects.toMatchObject({ code: "snapshot-not-found" });
    await place.snapshots.remove(snapshotKey("v"));
    await place.snapshots.cleanup();
    expect(place.mountsBelow()).toEqual([]);
  });

  it("refuse a file whose name means a deletion in layers", async () => {
    const key = snapshotKey("a");
    const mounts = await place.snapshots.prepare(key, undefined);
    await place.inside(mounts, (root) => writeFileSync(join(root, ".wh.x"), ""));
    await expect(place.snapshots.commit(snapshotName("c"), key)).rejects.toMatchObject({ code: "name-reserved" });
    await place.inside(mounts, (root) => renameSync(join(root, ".wh.x"), join(root, "x")));
    await place.snapshots.commit(snapshotName("c"), key);
    expect(await shown(snapshotName("c"))).toContain("/x");
  });

  it("share one mount, which the last of them takes away, and not from who has it bound", async () => {
    const image = await place.addImage([tarScript(dir(""), file("a", "1"))]);
    const [first] = await place.snapshots.view(snapshotKey("one"), image);
    const [second] = await place.snapshots.view(snapshotKey("two"), image);
    const third = await place.snapshots.prepare(snapshotKey("three"), image);
    expect(second).toEqual(first);
    expect(place.mountsBelow()).toEqual([first?.source]);
    await place.snapshots.remove(snapshotKey("one"));
    await place.snapshots.remove(snapshotKey("three"));
    expect(third[0]?.options).toContain(`lowerdir=${first?.source}`);
    expect(place.mountsBelow()).toEqual([first?.source]);
    await place.inside(second === undefined ? [] : [second], async (root) => {
      await place.snapshots.remove(snapshotKey("two"));
      expect(place.mountsBelow()).toEqual([root]);
      expect(readFileSync(join(root, "a"), "utf8")).toBe("1");
      await expect(place.snapshots.remove(image)).rejects.toMatchObject({ code: "snapshot-in-use" });
    });
    await place.snapshots.remove(image);
    expect(readdirSync(join(place.root, "data"))).toEqual([]);
    expect(readdirSync(join(place.root, "mounts"))).toEqual([]);
  });

  it("are mounted again after their mount was taken away, or is one of files that are gone", async () => {
    const image = await place.addImage([tarScript(dir(""), file("a", "1"))]);
    const key = snapshotKey("v");
    const [mount] = await place.snapshots.view(key, image);
    const source = mount?.source ?? "";
    unmount(source, { isLazy: true });
    expect(isMountPoint(source)).toBe(false);
    expect(await place.snapshots.mounts(key)).toEqual([mount]);
    expect(readFileSync(join(source, "a"), "utf8")).toBe("1");
    const before = lstatSync(source).dev;
    await place.snapshots.mounts(key);
    expect(lstatSync(source).dev).toBe(before);
    const [digest] = (await place.snapshots.stat(image)).content;
    const blob = join(place.directory, "store/blobs/sha256", (digest as string).slice("sha256:".length));
    writeFileSync(`${blob}.new`, readFileSync(blob));
    renameSync(`${blob}.new`, blob);
    await place.snapshots.mounts(key);
    expect(readFileSync(join(source, "a"), "utf8")).toBe("1");
    expect(place.mountsBelow()).toEqual([source]);
  });

  it("do not take what somebody else mounted there for theirs", async () => {
    const image = await place.addImage([tarScript(dir(""), file("a", "1"))]);
    const [mount] = await place.snapshots.view(snapshotKey("v"), image);
    execFileSync("mount", ["-t", "tmpfs", "stranger", mount?.source ?? ""]);
    await expect(place.snapshots.mounts(snapshotKey("v"))).rejects.toMatchObject({ code: "lower-mount-foreign" });
    execFileSync("umount", [mount?.source ?? ""]);
    expect(await place.snapshots.mounts(snapshotKey("v"))).toEqual([mount]);
  });

  it("say that a tar is missing, and are whole when it is there again", async () => {
    const tars = [tarScript(dir(""), file("a", "1")), tarScript(file("b", "2"))];
    const stack = await place.addStack(tars);
    const image = await place.addImage(tars);
    await place.snapshots.warm(image);
    await place.content.remove(parseDigest(stack.diffIds[1] as string));
    const missing = { code: "layer-tar-missing", kind: "not-found", details: { layer: 1, digest: stack.diffIds[1] } };
    await expect(place.snapshots.view(snapshotKey("v"), image)).rejects.toMatchObject(missing);
    await expect(place.snapshots.stage(stack, 1)).rejects.toMatchObject({ code: "layer-tar-missing" });
    expect(place.mountsBelow()).toEqual([]);
    await place.addStack(tars);
    expect(await shown(image)).toContain("/b");
  });

  it("index a tar again when its table of contents was forgotten", async () => {
    const { tars, text } = treeOf([
      [dir(""), file("a", "1")],
      [opaque(""), file("b", "2")],
    ]);
    const image = await place.addImage(tars);
    await place.snapshots.warm(image);
    expect(await shown(image)).toBe(text);
  });

  it("use a stack's tree for its own chain only", async () => {
    const tars = [tarScript(dir(""), file("a", "1")), tarScript(file("b", "2"))];
    const stack = await place.addStack(tars);
    await place.addImage(tars);
    await place.snapshots.warm(snapshotName(stack.chainIds[0] as string), stack);
    await place.snapshots.warm(snapshotName(stack.chainIds[1] as string), stack);
    expect(await shown(snapshotName(stack.chainIds[0] as string))).not.toContain("/b");
    expect(await shown(snapshotName(stack.chainIds[1] as string))).toContain("/b");
  });
});
