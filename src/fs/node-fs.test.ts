import type * as nodeFs from "node:fs";
import enhancedResolve from "enhanced-resolve";
import fastGlob from "fast-glob";
import { type FSOption, glob, globSync, type Path } from "glob";
import { describe, expect, it } from "vitest";
import { imageOf, mergedScripts } from "../../test/support/image-of.ts";
import { dir, file, symlink, whiteout } from "../testing/index.ts";
import { ImageFs, type NodeFs } from "./index.ts";

const image = imageOf([
  [
    dir("app"),
    file("app/package.json", '{"name":"app"}'),
    file("app/index.js", "require('left')"),
    file(
      "app/node_modules/left/package.json",
      '{"name":"left","exports":{".":{"import":"./esm/i.mjs","default":"./old.js"}}}',
    ),
    file("app/node_modules/left/old.js"),
    file("store/right/index.js"),
    symlink("app/node_modules/right", "/store/right"),
    file("app/src/a.ts"),
    file("app/src/gone.ts"),
    file("app/src/deep/b.ts"),
    symlink("app/src/loop", "../src"),
    file("app/.hidden/c.ts"),
  ],
  [file("app/node_modules/left/esm/i.mjs", "export {}"), whiteout("app/src/gone.ts"), file("app/src/deep/d.tsx")],
]);
const fs: NodeFs = image.node;

/** What a function with a callback answers. */
function called(name: keyof NodeFs, ...args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, value?: unknown) => (error === null ? resolve(value) : reject(error));
    (fs[name] as (...args: unknown[]) => void)(...args, callback);
  });
}

describe("glob over an image", () => {
  const options = { cwd: "/app", fs: fs as FSOption, posix: true };

  it("finds what the merged tree has, and nothing else", async () => {
    const found = await glob("**/*.{ts,tsx}", options);
    expect(found.sort()).toEqual(["src/a.ts", "src/deep/b.ts", "src/deep/d.tsx"]);
    expect(await glob("src/gone.ts", options)).toEqual([]);
  });

  it("finds the same synchronously, absolutely, with dots and through its own stat", async () => {
    expect(globSync("**/*.ts", { ...options, dot: true }).sort()).toEqual([
      ".hidden/c.ts",
      "src/a.ts",
      "src/deep/b.ts",
    ]);
    expect(await glob("/store/**", options)).toContain("/store/right/index.js");
    const [found] = (await glob("src/a.ts", { ...options, stat: true, withFileTypes: true })) as Path[];
    expect(found?.isFile()).toBe(true);
    expect(found?.ino).toBe(fs.statSync("/app/src/a.ts").ino);
    expect(await glob("node_modules/*/index.js", options)).toEqual(["node_modules/right/index.js"]);
    const real = await glob("node_modules/*", { ...options, realpath: true, absolute: true });
    expect(real.sort()).toEqual(["/app/node_modules/left", "/store/right"]);
  });

  it("does not see the host", async () => {
    expect(await glob("/**/vitest.config.ts", { ...options, root: "/" })).toEqual([]);
    expect(await glob("/etc/*", options)).toEqual([]);
  });
});

describe("fast-glob over an image", () => {
  const options = { cwd: "/app", fs: fs as Partial<typeof nodeFs> };

  it("finds what the merged tree has, in all three ways", async () => {
    const expected = ["src/a.ts", "src/deep/b.ts"];
    const noLoop = { ...options, followSymbolicLinks: false };
    expect((await fastGlob("src/**/*.ts", noLoop)).sort()).toEqual(expected);
    expect(fastGlob.sync("src/**/*.ts", noLoop).sort()).toEqual(expected);
    const streamed: string[] = [];
    for await (const path of fastGlob.stream("src/**/*.ts", noLoop)) streamed.push(String(path));
    expect(streamed.sort()).toEqual(expected);
  });

  it("follows symlinks and fills stats when it is told to", async () => {
    expect(await fastGlob("node_modules/right/*", options)).toEqual(["node_modules/right/index.js"]);
    const [found] = await fastGlob("index.js", { ...options, stats: true });
    expect(found?.stats?.size).toBe(15);
    expect(await fastGlob("/store/**", options)).toEqual(["/store/right/index.js"]);
  });
});

describe("enhanced-resolve, webpack's resolver, over an image", () => {
  const { CachedInputFileSystem, ResolverFactory } = enhancedResolve;

  it.each([true, false])(
    "resolves packages and links inside it (synchronous calls: %s)",
    async (useSyncFileSystemCalls) => {
      const resolver = ResolverFactory.createResolver({
        fileSystem: new CachedInputFileSystem(fs, 0),
        conditionNames: ["import"],
        extensions: [".ts", ".js"],
        useSyncFileSystemCalls,
      });
      const resolve = (request: string) =>
        new Promise((done, fail) => {
          resolver.resolve({}, "/app/src", request, {}, (error, found) => (error ? fail(error) : done(found)));
        });
      expect(await resolve("left")).toBe("/app/node_modules/left/esm/i.mjs");
      expect(await resolve("right")).toBe("/store/right/index.js");
      expect(await resolve("./deep/b")).toBe("/app/src/deep/b.ts");
      await expect(resolve("./gone")).rejects.toThrow("Can't resolve");
      await expect(resolve("vitest")).rejects.toThrow("Can't resolve");
    },
  );
});

describe("the classic module", () => {
  it("calls back with what the promises give", async () => {
    expect(await called("readFile", "/app/index.js", "utf8")).toBe("require('left')");
    expect(await called("readFile", "/app/index.js")).toEqual(Buffer.from("require('left')"));
    expect(await called("stat", "/app")).toMatchObject({ mode: 0o040755 });
    expect(await called("lstat", "/app/src/loop", { bigint: true })).toMatchObject({ size: 6n });
    expect(await called("readdir", "/app/src")).toEqual(["a.ts", "deep", "loop"]);
    expect(await called("readlink", "/app/src/loop")).toBe("../src");
    expect(await called("realpath", "/app/src/loop")).toBe("/app/src");
    expect(await called("access", "/app", 0)).toBeUndefined();
    await expect(called("stat", "/none")).rejects.toMatchObject({ code: "ENOENT", syscall: "stat" });
    const { exists } = fs as unknown as { exists(path: string, callback: (found: boolean) => void): void };
    expect(await new Promise((resolve) => exists("/app", resolve))).toBe(true);
    expect(await new Promise((resolve) => exists("/none", resolve))).toBe(false);
    expect(await new Promise((resolve) => fs.realpath.native("/app/src/loop", (_, path) => resolve(path)))).toBe(
      "/app/src",
    );
  });

  it("answers at once", () => {
    expect(fs.readFileSync("/app/index.js", "utf8")).toBe("require('left')");
    expect(fs.readFileSync("/app/src/a.ts")).toEqual(Buffer.alloc(0));
    expect(fs.statSync("/app/index.js").size).toBe(15);
    expect(fs.lstatSync("/app/src/loop").isSymbolicLink()).toBe(true);
    expect(fs.readdirSync("/app/src", { withFileTypes: true }).map(({ name }) => name)).toEqual([
      "a.ts",
      "deep",
      "loop",
    ]);
    expect(fs.readlinkSync("/app/src/loop")).toBe("../src");
    expect(fs.realpathSync("/app/src/loop/a.ts")).toBe("/app/src/a.ts");
    expect(fs.realpathSync.native("/app/src/loop/a.ts")).toBe("/app/src/a.ts");
    expect(fs.existsSync("/app")).toBe(true);
    expect(fs.existsSync(undefined as never)).toBe(false);
    expect(fs.accessSync("/app")).toBeUndefined();
    expect(fs.opendirSync("/app/src").readSync()?.name).toBe("a.ts");
    expect(() => fs.accessSync("/app", 2)).toThrow(expect.objectContaining({ code: "EROFS" }));
    expect(() => fs.readFileSync("/app")).toThrow(expect.objectContaining({ code: "EISDIR", syscall: "read" }));
  });

  it("gives undefined for a missing file when asked not to throw, and throws all other errors", () => {
    expect(fs.statSync("/none", { throwIfNoEntry: false })).toBeUndefined();
    expect(fs.lstatSync("/none/x", { throwIfNoEntry: false })).toBeUndefined();
    const asFile = () => fs.statSync("/app/index.js/x", { throwIfNoEntry: false });
    expect(asFile).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  });

  it("refuses to write, in all three shapes", async () => {
    await expect(called("writeFile", "/x", "")).rejects.toMatchObject({ code: "EROFS", syscall: "open", path: "/x" });
    expect(() => fs.mkdirSync("/x")).toThrow("EROFS: read-only file system, mkdir '/x'");
    await expect(fs.promises.rm("/x")).rejects.toMatchObject({ code: "EROFS" });
  });

  it("has only functions of its own, so that a copy of it never falls back to the host", async () => {
    const copy = { ...fs, promises: { ...fs.promises } };
    expect(copy.lstatSync("/app").isDirectory()).toBe(true);
    expect((await copy.promises.lstat("/app")).isDirectory()).toBe(true);
    expect(image.node).toBe(fs);
  });

  it("says how to open an image whose files cannot be read at once", () => {
    const { tree, contents } = mergedScripts([[file("f", "x"), file("empty")]]);
    const { node } = new ImageFs(tree, { open: contents.open });
    expect(node.readFileSync("/empty")).toHaveLength(0);
    expect(node.statSync("/f").size).toBe(1);
    expect(() => node.readFileSync("/f")).toThrow(
      expect.objectContaining({
        code: "sync-read-unavailable",
        kind: "failed-precondition",
        hint: expect.stringContaining('spool: "eager"'),
      }),
    );
  });
});
