import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ByteString, fromBuffer, fromText } from "../../src/base/index.ts";
import { listUpper, MemoryFs, rootedAt, unionFs } from "../../src/fs/index.ts";
import { applyLayers, createLayer } from "../../src/index.ts";
import { mountFileSystem, mountOverlay, readXattr, unmount, writeXattr, xattrNames } from "../../src/linux/index.ts";
import { CAPABILITY } from "../property/disk-trees.ts";
import { diskText, writeTree } from "../support/disk-tree.ts";
import { aDirectory, aFile, treeOf } from "../support/memory-tree.ts";
import { describeWith } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";

/** In memory with attributes, and in memory without any: ramfs has none. */
describeWith(["root", "mount"], "an upper on a file system without attributes", () => {
  let scratch: ScratchMount;
  const at = (...names: readonly string[]): string => join(scratch.directory, ...names);
  beforeAll(() => {
    scratch = makeScratchMount();
    mkdirSync(at("bare"));
    mountFileSystem({ type: "ramfs", source: "ramfs", target: fromText(at("bare")) });
  });
  afterAll(() => {
    if (scratch !== undefined) unmount(fromText(at("bare")), { isLazy: true });
    scratch?.[Symbol.dispose]();
  });

  const LOWER = treeOf({
    etc: aDirectory({ mode: 0o755 }),
    "etc/motd": aFile("old\n", { xattrs: new Map([["user.note", Buffer.from("1")]]) }),
    "etc/gone": aFile("x"),
    tree: aDirectory({ mode: 0o755 }),
    "tree/file": aFile("x"),
  });

  it("has none to begin with", () => {
    writeFileSync(at("bare/probe"), "");
    expect(() => writeXattr(fromText(at("bare/probe")), "user.a", new Uint8Array(1))).toThrow(/ENOTSUP|EOPNOTSUPP/);
    rmSync(at("bare/probe"));
  });

  it("of the kernel's overlay gives the layer of what was written there", async () => {
    writeTree(at("lower"), LOWER);
    for (const name of ["bare/upper", "bare/work", "merged", "applied"]) mkdirSync(at(name));
    const place = (name: string): ByteString => fromText(at(name));
    mountOverlay({
      lowers: [place("lower")],
      upper: place("bare/upper"),
      work: place("bare/work"),
      target: place("merged"),
    });
    try {
      writeFileSync(at("merged/etc/motd"), "new\n");
      rmSync(at("merged/etc/gone"));
      // A directory of the lower cannot go: the kernel would have to note that in an attribute.
      rmSync(at("merged/tree/file"));
      writeFileSync(at("merged/added"), "1");
      const seen = diskText(at("merged"));
      const [direct, mounted] = await Promise.all([
        createLayer(at("lower"), at("bare/upper"), { isOverlay: true }),
        createLayer(at("lower"), at("merged")),
      ]);
      for (const [i, layer] of [direct, mounted].entries()) {
        await layer.writeTo(at(`${i}.tar`));
        writeTree(at(`applied-${i}`), LOWER);
        await applyLayers([at(`${i}.tar`)], at(`applied-${i}`));
        expect(diskText(at(`applied-${i}`))).toBe(seen);
      }
    } finally {
      unmount(place("merged"), { isLazy: true });
    }
  });

  it("of two directories says that the attributes are gone", async () => {
    writeTree(at("with"), LOWER);
    mkdirSync(at("bare/without"));
    await promises.cp(at("with"), at("bare/without"), { recursive: true, preserveTimestamps: true });
    await (await createLayer(at("with"), at("bare/without"))).writeTo(at("without.tar"));
    await applyLayers([at("without.tar")], at("with"));
    expect(readXattr(fromText(at("with/etc/motd")), "user.note")).toBeUndefined();
    expect(diskText(at("with"), { withoutTimes: true })).toBe(diskText(at("bare/without"), { withoutTimes: true }));
  });

  it("of a union keeps all but the attributes, which nobody can set there", async () => {
    mkdirSync(at("bare/union"));
    const lower = new MemoryFs();
    await using below = unionFs({ lowers: [], upper: lower });
    await below.writeFile("/motd", "old\n", { mode: 0o640 });
    await below.setxattr("/motd", "user.note", Buffer.from("1"));
    const bytesOf = (path: string | Uint8Array): ByteString => fromBuffer(Buffer.from(path));
    const upper = rootedAt(promises, at("bare/union"), {
      listxattr: async (path) => xattrNames(bytesOf(path)),
      getxattr: async (path, name) => readXattr(bytesOf(path), fromText(name)),
      setxattr: async (path, name, value) => writeXattr(bytesOf(path), fromText(name), value),
    });
    await using fs = unionFs({ lowers: [lower], upper });
    await fs.appendFile("/motd", "new\n");
    expect(await fs.readFile("/motd", "utf8")).toBe("old\nnew\n");
    expect((await fs.stat("/motd")).mode & 0o777).toBe(0o640);
    expect(await fs.listxattr("/motd")).toEqual([]);
    await expect(fs.setxattr("/motd", "user.b", Buffer.from("1"))).rejects.toThrow(/ENOTSUP|EOPNOTSUPP/);
    expect(readFileSync(at("bare/union/motd"), "utf8")).toBe("old\nnew\n");
    expect((await listUpper(fs)).index.count).toBeGreaterThan(0);
    expect(readdirSync(at("bare/union"))).toEqual(["motd"]);
  });
});

/** TRAPS of making changesets that are about real files: attributes of a directory alone, capabilities and links over layers. */
describeWith(["root", "mount"], "on a real file system", () => {
  let scratch: ScratchMount;
  const at = (...names: readonly string[]): string => join(scratch.directory, ...names);
  beforeAll(() => {
    scratch = makeScratchMount();
  });
  afterAll(() => scratch?.[Symbol.dispose]());

  it("a directory of which only mode, owner or time changed is one change, and its children are none", async () => {
    const tree = (mode: number, uid: number, seconds: number) =>
      treeOf({
        plain: aDirectory({ mode: 0o755 }),
        "plain/file": aFile("x"),
        "plain/sub": aDirectory({ mode, uid, mtime: { seconds, nanoseconds: 7 } }),
        "plain/sub/file": aFile("x"),
      });
    writeTree(at("a"), tree(0o755, 0, 1));
    for (const [i, changed] of [tree(0o1711, 0, 1), tree(0o755, 9, 1), tree(0o755, 0, 2)].entries()) {
      writeTree(at(`b${i}`), changed);
      const layer = await createLayer(at("a"), at(`b${i}`));
      expect(layer.changeCount).toBe(1);
      await layer.writeTo(at(`${i}.tar`));
      writeTree(at(`c${i}`), tree(0o755, 0, 1));
      await applyLayers([at(`${i}.tar`)], at(`c${i}`));
      expect(diskText(at(`c${i}`))).toBe(diskText(at(`b${i}`)));
    }
  });

  it("capabilities and links are kept by layers that are applied one after the other, or all at once", async () => {
    const capable = aFile("ping", { mode: 0o755, uid: 3, xattrs: new Map([["security.capability", CAPABILITY]]) });
    const other = aFile("1");
    const steps = [
      treeOf({}),
      treeOf({ ping: capable, one: other }),
      treeOf({ ping: capable, "ping-too": capable, one: other, two: other }),
      treeOf({ "ping-too": capable, one: other, two: other, three: other }),
    ];
    const layers: string[] = [];
    for (const [i, step] of steps.entries()) {
      writeTree(at(`step-${i}`), step);
      if (i === 0) continue;
      layers.push(at(`step-${i}.tar`));
      await (await createLayer(at(`step-${i - 1}`), at(`step-${i}`))).writeTo(layers.at(-1) as string);
    }
    // The root did not change, and is in no layer.
    const textOf = (name: string): string => diskText(at(name), { withoutRoot: true });
    const expected = textOf("step-3");
    expect(expected).toContain("security.capability=0x");
    await applyLayers(layers, at("at-once"));
    mkdirSync(at("in-turn"));
    for (const layer of layers) await applyLayers([layer], at("in-turn"));
    expect([textOf("at-once"), textOf("in-turn")]).toEqual([expected, expected]);
  });
});
