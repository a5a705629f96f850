import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyImage, draftImage, type ImageDraft, openImage, pullImage, type UnionFs } from "../../src/index.ts";
import { ANNOTATION, digestOf } from "../../src/oci/index.ts";
import { dir, file, hardlink, tarScript } from "../../src/testing/index.ts";
import { filesBelow } from "../support/copy-fixtures.ts";
import {
  blobPath,
  type FixtureLayer,
  FixtureLayout,
  forPlatform,
  layerOf,
  named,
  tarOf,
  writeFiles,
} from "../support/image-fixtures.ts";
import { describeWith, isRoot, type Oracle, oracleEnv, oraclePath } from "../support/oracles.ts";
import { startRegistryServer } from "../support/registry-server.ts";

let directory: string;
let layers: readonly FixtureLayer[];
const at = (name: string): string => join(directory, name);
const AT = { created: "2024-05-06T07:08:09Z" };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "strata-edit-"));
  const base = await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(5000) });
  const app = await layerOf({ "app/main": "y".repeat(3000) });
  const top = await layerOf({ "etc/.wh.motd": "", "app/version": "1\n" });
  const fixed = await layerOf({ "etc/motd": "fixed\n", "bin/tool": "z".repeat(4000) });
  layers = [base, app, top];
  const layout = new FixtureLayout();
  const annotations = { "org.opencontainers.image.source": "https://example.com/", mine: "yes" };
  const config = {
    config: { Env: ["PATH=/bin"], Cmd: ["/bin/tool"], Unknown: 1 },
    "x-own": true,
    created: "2030-01-01T00:00:00Z",
  };
  const image = layout.image(layers, { config, manifest: { annotations } });
  const manifests = [
    named(image, "app"),
    named(layout.image([base]), "base"),
    named(layout.image([fixed]), "fixed"),
    named(layout.image([]), "empty"),
    named(
      layout.index([forPlatform(image, "linux/amd64"), forPlatform(layout.image([fixed]), "linux/arm64")]),
      "multi",
    ),
  ];
  await writeFiles(at("source"), layout.finish(manifests));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function patch(fs: UnionFs): Promise<void> {
  await fs.rm("/app/main");
  await fs.writeFile("/app/version", "2\n");
  await fs.mkdir("/srv/data", { recursive: true });
  await fs.symlink("../app", "/srv/link");
}

/** The files of scratches that are open: they have no names any more. */
function temporaryFiles(): string[] {
  const open = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return open.filter((path) => /\/strata-[0-9a-f]{16} \(deleted\)$/.test(path)).sort();
}

/** What can be done to the image, each by itself. */
const EDITS: readonly (readonly [name: string, edit: (draft: ImageDraft) => Promise<ImageDraft>])[] = [
  ["edit", async (draft) => await draft.edit(patch, { createdBy: "patch" })],
  ["append", async (draft) => await draft.append(bytesOf(await tarOf({ "app/new": "new\n" })), { createdBy: "ADD" })],
  ["append-gzip", async (draft) => await draft.append(bytesOf(gzipSync(await tarOf({ "app/new": "new\n" }))))],
  ["configure", async (draft) => await draft.configure({ env: { A: "1" }, labels: { l: "v" }, user: "7" })],
  ["rebase", async (draft) => await draft.rebase(`oci:${at("source")}:fixed`, { oldBase: `oci:${at("source")}:base` })],
  ["squash", async (draft) => await draft.squash()],
  ["squash-above", async (draft) => await draft.squash({ from: 1 })],
  ["drop", async (draft) => await draft.dropLayer(1)],
  ["remove", async (draft) => await draft.removePath("/app/main")],
  [
    "normalise",
    async (draft) =>
      await draft.normaliseTimes({ seconds: Date.parse(AT.created) / 1000, nanoseconds: 0 }, { mode: "set" }),
  ],
  [
    "several",
    async (draft) => await (await (await draft.dropLayer(2)).squash()).configure({ cmd: ["/bin/tool", "-v"] }),
  ],
];

async function edited(name: string, to: string, options: Parameters<typeof draftImage>[1] = AT): Promise<string> {
  await using draft = await draftImage(`oci:${at("source")}:app`, options);
  const edit = EDITS.find(([known]) => known === name)?.[1] as (draft: ImageDraft) => Promise<ImageDraft>;
  return (await (await edit(draft)).copyTo(to)).root.digest;
}

/** The documents of an image in a layout. */
function documentsOf(layout: string) {
  const blob = (digest: string) => JSON.parse(readFileSync(join(layout, blobPath(digest as never)), "utf8"));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
  const manifest = blob(index.manifests.at(-1).digest);
  return { manifest, config: blob(manifest.config.digest) };
}

describe("an edited image", () => {
  it.each(EDITS.map(([name]) => name))(
    "(%s) leaves its source byte for byte, is whole, and the same on each try",
    async (name) => {
      const before = await filesBelow(at("source"));
      const digest = await edited(name, `oci:${at(name)}:v1`);
      expect(await filesBelow(at("source"))).toEqual(before);
      expect(await edited(name, `oci:${at(`${name}-again`)}:v1`)).toBe(digest);
      const { manifest, config } = documentsOf(at(name));
      expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
      expect(config.history.filter((step: { empty_layer?: true }) => step.empty_layer !== true)).toHaveLength(
        manifest.layers.length,
      );
      expect(config).toMatchObject({ "x-own": true, config: { Unknown: 1 }, created: AT.created });
      expect(manifest.annotations).toMatchObject({ mine: "yes" });
      // Reads each layer, and holds it against digest and diffID.
      await using image = await openImage(`oci:${at(name)}:v1`);
      expect(image.layers).toHaveLength(manifest.layers.length);
    },
  );

  it("has new layers with the compression that was asked for, and its others as they were", async () => {
    for (const compression of ["gzip", "zstd", "none"] as const) {
      await edited("append", `oci:${at(compression)}:v1`, { ...AT, compression });
      const { manifest } = documentsOf(at(compression));
      expect(manifest.layers.slice(0, 3).map(({ digest }: { digest: string }) => digest)).toEqual(
        layers.map(({ stored }) => digestOf(stored)),
      );
      const suffix = compression === "none" ? "" : `+${compression}`;
      expect(manifest.layers[3].mediaType).toBe(`application/vnd.oci.image.layer.v1.tar${suffix}`);
    }
  });

  it("can be looked at, and edited further, before it is anywhere", async () => {
    await using draft = await draftImage(`oci:${at("source")}:app`, AT);
    const appended = await draft.append(bytesOf(await tarOf({ "app/new": "new\n" })));
    const image = await appended.open();
    expect(await image.fs.readFile("/app/new", "utf8")).toBe("new\n");
    expect(image.history.at(-1)?.layer).toBe(3);
    const squashed = await (await (await image.draft(AT)).squash()).open();
    expect(await squashed.fs.readdir("/app")).toEqual(["main", "new", "version"]);
    expect((await draft.open()).layers).toHaveLength(3);
  });

  it("has one layer more, with what a function did to its files, and none where that failed", async () => {
    await using image = await openImage(`oci:${at("source")}:app`);
    const patched = await image.edit(patch);
    expect(patched.image.layers).toHaveLength(4);
    const { fs } = await patched.open();
    expect(await fs.readFile("/app/version", "utf8")).toBe("2\n");
    expect(await fs.readdir("/")).toEqual(["app", "bin", "etc", "srv"]);
    const failing = image.edit(async (files) => {
      await files.writeFile("/x", "1");
      throw new Error("on purpose");
    });
    await expect(failing).rejects.toThrow("on purpose");
    expect((await image.edit(() => {})).image.layers).toEqual(image.source.layers);
    expect(await image.fs.readdir("/app")).toEqual(["main", "version"]);
  });

  it.runIf(process.platform === "linux")(
    "leaves nothing in temporary space: failures at once, drafts when they end",
    async () => {
      const before = temporaryFiles();
      await using image = await openImage(`oci:${at("source")}:app`);
      const draft = await image.draft();
      const breaking = async function* (): AsyncGenerator<Uint8Array> {
        yield await tarOf({ "app/new": "new\n".repeat(100_000) });
        throw new Error("the connection broke");
      };
      await expect(draft.append(breaking())).rejects.toThrow("the connection broke");
      const failing = draft.edit(async (fs) => {
        await fs.writeFile("/big", Buffer.alloc(8 << 20, 1));
        throw new Error("on purpose");
      });
      await expect(failing).rejects.toThrow("on purpose");
      expect(temporaryFiles()).toEqual(before);
      const patched = await draft.edit(patch);
      expect(temporaryFiles()).not.toEqual(before);
      await patched[Symbol.asyncDispose]();
      expect(temporaryFiles()).toEqual(before);
      expect(await image.fs.readdir("/app")).toEqual(["main", "version"]);
    },
  );

  it("of an index is a single image, for the platform that was chosen", async () => {
    await using draft = await draftImage(`oci:${at("source")}:multi`, { platform: "linux/arm64" });
    const { root } = await (await draft.configure({ user: "a" })).copyTo(`oci:${at("arm")}:v1`);
    expect(root.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(documentsOf(at("arm")).manifest.layers).toHaveLength(1);
  });

  it("can be an archive too, and goes nowhere when an edit fails", async () => {
    const tar = `docker-archive:${at("out.tar")}:example.com/app:v1`;
    await edited("append", tar);
    await using image = await openImage(tar);
    expect(await image.fs.readFile("/app/new", "utf8")).toBe("new\n");
    const broken = (draft: ImageDraft) => draft.append(bytesOf(Buffer.from("no tar".repeat(1000))));
    await using draft = await draftImage(tar);
    await expect(broken(draft)).rejects.toMatchObject({ kind: "malformed", details: { image: tar } });
    await expect(draft.copyTo(tar)).rejects.toMatchObject({ code: "copy-onto-itself" });
  });

  it("of what is no image has the bytes of a file, a listing or a bare tar as its layers", async () => {
    writeFileSync(at("bare.tar"), await tarOf({ "a/b": "b\n" }));
    await writeFiles(at("rootfs"), { "etc/os-release": "ID=x\n" });
    for (const [name, path] of [
      [`tar:${at("bare.tar")}`, "/a/b"],
      [`dir:${at("rootfs")}`, "/etc/os-release"],
    ] as const) {
      await using draft = await draftImage(name, AT);
      const to = `oci:${at(name.slice(0, 3))}-edited:v1`;
      await (await (await draft.append(at("bare.tar"))).configure({ user: "a" })).copyTo(to);
      await using image = await openImage(to);
      expect(image.layers.map(({ diffId }) => diffId !== undefined)).toEqual([true, true]);
      expect(await image.fs.readFile(path, "utf8")).not.toBe("");
      expect(image.source.config.value.config?.User).toBe("a");
    }
  });
});

describe("edits that need no files", () => {
  it("read no layer, and neither does the place that has them", async () => {
    const layout = at("hollow");
    await copyImage(`oci:${at("source")}:app`, `oci:${layout}:v1`);
    // Whoever reads these bytes will notice.
    for (const { stored } of layers)
      writeFileSync(join(layout, blobPath(digestOf(stored))), Buffer.alloc(stored.length));
    await using draft = await draftImage(`oci:${layout}:v1`);
    const configured = await (await draft.configure({ user: "a" })).dropLayer(0, { force: true });
    const { blobs } = await configured.copyTo(`oci:${layout}:v2`);
    expect(blobs).toEqual({ present: 2, mounted: 0, transferred: 1 });
    await expect(configured.open()).rejects.toMatchObject({ kind: "integrity" });
  });

  it("mount layers inside a registry, and send what no other repository has", async () => {
    await using server = await startRegistryServer();
    const registry = { insecureHosts: [server.host] };
    await copyImage(`oci:${at("source")}:app`, `docker://${server.host}/app:v1`, { registry });
    server.requests.length = 0;
    await using draft = await draftImage(`docker://${server.host}/app:v1`, { registry });
    const configured = await draft.configure({ user: "a" });
    expect((await configured.copyTo(`docker://${server.host}/app:v2`)).blobs).toEqual({
      present: 3,
      mounted: 0,
      transferred: 1,
    });
    expect((await configured.copyTo(`docker://${server.host}/other:v1`)).blobs).toEqual({
      present: 0,
      mounted: 3,
      transferred: 1,
    });
    const reads = server.requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/sha256:"));
    expect(reads).toHaveLength(1);
    const appended = await configured.append(bytesOf(await tarOf({ "app/new": "new\n" })));
    expect((await appended.copyTo(`docker://${server.host}/third:v1`)).blobs).toEqual({
      present: 0,
      mounted: 3,
      transferred: 2,
    });
    // What goes elsewhere is read once.
    await (await draftImage(`docker://${server.host}/third:v1`, { registry })).copyTo(`oci:${at("from-registry")}:v1`);
    await using image = await openImage(`oci:${at("from-registry")}:v1`);
    expect(await image.fs.readFile("/app/new", "utf8")).toBe("new\n");
  });
});

describe("images in the local store", () => {
  it("are edited, and become others", async () => {
    const store = at("store");
    await copyImage(`oci:${at("source")}:app`, "store:app:v1", { store });
    await using draft = await draftImage("store:app:v1", { store });
    const { blobs } = await (await draft.configure({ user: "a" })).copyTo("store:app:v2");
    expect(blobs).toEqual({ present: 3, mounted: 0, transferred: 1 });
    await using image = await openImage("app:v2", { store });
    expect(image.source.config.value.config?.User).toBe("a");
  });

  it.runIf(isRoot)(
    "whose compressed layers were discarded are compressed again, to the same bytes where that works",
    async () => {
      const store = at("discarded");
      await copyImage(`oci:${at("source")}:app`, `oci:${at("plain")}:app`, { compression: "none" });
      await copyImage(`oci:${at("plain")}:app`, `oci:${at("ours")}:app`, { compression: "gzip" });
      const before = documentsOf(at("ours")).manifest.layers.map(({ digest }: { digest: string }) => digest);
      await pullImage(`oci:${at("ours")}:app`, "app:v1", { store, snapshotter: "vfs", discardCompressed: true });
      await using draft = await draftImage("store:app:v1", { store });
      const configured = await draft.configure({ user: "a" });
      await configured.copyTo(`oci:${at("whole")}:v1`);
      const { manifest } = documentsOf(at("whole"));
      expect(manifest.layers.map(({ digest }: { digest: string }) => digest)).toEqual(before);
      await configured.copyTo(`oci:${at("whole-zstd")}:v1`, { compression: "zstd" });
      await using image = await openImage(`oci:${at("whole-zstd")}:v1`);
      expect(await image.fs.readFile("/app/version", "utf8")).toBe("1\n");
    },
  );
});

describe("rebasing by name", () => {
  it("finds the old base by the annotations that the last rebase left", async () => {
    await using server = await startRegistryServer();
    const registry = { insecureHosts: [server.host] };
    for (const name of ["base", "fixed", "app"]) {
      await copyImage(`oci:${at("source")}:${name}`, `docker://${server.host}/${name}:v1`, { registry });
    }
    await using draft = await draftImage(`docker://${server.host}/app:v1`, { registry });
    await expect(draft.rebase(`docker://${server.host}/fixed:v1`)).rejects.toMatchObject({ code: "base-unknown" });
    const oldBase = `docker://${server.host}/base:v1`;
    const fixed = await draft.rebase(`docker://${server.host}/fixed:v1`, { oldBase });
    expect(fixed.image.annotations?.[ANNOTATION.baseName]).toBe(`${server.host}/fixed:v1`);
    const back = await fixed.rebase(oldBase);
    expect(back.image.layers.map(({ name }) => name)).toEqual(draft.image.layers.map(({ name }) => name));
  });
});

function run(command: Oracle, ...args: readonly string[]): string {
  return execFileSync(oraclePath(command) ?? command, args, {
    env: oracleEnv,
    stdio: ["ignore", "pipe", "pipe"],
  }).toString();
}

describeWith(["skopeo", "umoci", "root"], "skopeo and umoci", () => {
  it.each(EDITS.map(([name]) => name))("take an image after %s", async (name) => {
    const layout = at(`oracle-${name}`);
    const digest = await edited(name, `oci:${layout}:v1`);
    expect(JSON.parse(run("skopeo", "inspect", `oci:${layout}:v1`)).Digest).toBe(digest);
    run("skopeo", "--insecure-policy", "copy", "--quiet", `oci:${layout}:v1`, `dir:${layout}-dir`);
    run("umoci", "unpack", "--image", `${layout}:v1`, `${layout}-bundle`);
    await using image = await openImage(`oci:${layout}:v1`);
    const files = await filesBelow(join(`${layout}-bundle`, "rootfs"));
    for (const [path, content] of Object.entries(files)) {
      if (content.startsWith("(")) continue;
      expect(await image.fs.readFile(`/${path}`, "base64" as never)).toBe(content);
    }
    expect(Object.keys(files).length).toBeGreaterThan(1);
  });

  it("take an image that lost its only layer", async () => {
    await using draft = await draftImage(`oci:${at("source")}:base`);
    await (await draft.dropLayer(0)).copyTo(`oci:${at("nothing")}:v1`);
    expect(JSON.parse(run("skopeo", "inspect", `oci:${at("nothing")}:v1`)).Layers ?? []).toEqual([]);
    run("umoci", "unpack", "--image", `${at("nothing")}:v1`, at("nothing-bundle"));
    expect(await filesBelow(at("nothing-bundle/rootfs"))).toEqual({});
  });
});

describe("a draft", () => {
  it("that lost what its layers link to is refused, with the layer and a way out, unless forced", async () => {
    const linking = tarScript(hardlink("bin/copy", "bin/tool"));
    await using draft = await draftImage(`oci:${at("source")}:base`);
    const linked = await draft.append(bytesOf(linking), { createdBy: "RUN ln" });
    await expect(linked.dropLayer(0)).rejects.toMatchObject({
      code: "layers-do-not-fit",
      details: { layer: 1, entry: "bin/copy", createdBy: "RUN ln", image: expect.any(String) },
    });
    const [newBase, oldBase] = [`oci:${at("source")}:empty`, `oci:${at("source")}:base`];
    await expect(linked.rebase(newBase, { oldBase })).rejects.toMatchObject({
      code: "layers-do-not-fit",
      details: { layer: 1, entry: "bin/copy" },
    });
    expect((await linked.rebase(`oci:${at("source")}:fixed`, { oldBase })).image.layers).toHaveLength(2);
    expect((await linked.dropLayer(0, { force: true })).image.layers).toHaveLength(1);
  });

  it("says that it was disposed when it is used afterwards, as does its image", async () => {
    const draft = await draftImage(`oci:${at("source")}:app`);
    const edited = await draft.edit((fs) => fs.rm("/app/main"));
    await draft[Symbol.asyncDispose]();
    const image = await openImage(`oci:${at("source")}:app`);
    const below = await image.draft();
    await image[Symbol.asyncDispose]();
    for (const use of [
      () => draft.edit((fs) => fs.rm("/app/version")),
      () => draft.configure({ user: "a" }),
      () => draft.append(bytesOf(tarScript(file("x")))),
      () => draft.open(),
      () => edited.copyTo(`oci:${at("late")}:v1`),
      () => below.squash(),
      () => image.edit((fs) => fs.rm("/app/version")),
      () => image.fs.readFile("/app/version"),
    ]) {
      await expect(use()).rejects.toMatchObject({ code: "image-disposed", kind: "failed-precondition" });
    }
  });
});

describeWith(["podman", "runc", "busybox", "root"], "podman", () => {
  it("runs an edited image, and loads one without layers", async () => {
    const flags = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    const podman = (...args: readonly string[]): string =>
      run("podman", "--root", at("p"), "--runroot", at("pr"), "--tmpdir", at("pt"), ...flags, ...args).trim();
    const busybox = readFileSync(oraclePath("busybox") as string);
    const program = tarScript(dir("bin"), file("bin/cat", busybox.toString("latin1"), { mode: 0o755 }));
    await using draft = await draftImage(`oci:${at("source")}:base`);
    const runnable = await draft.append(bytesOf(program));
    const configured = await runnable.configure({ entrypoint: ["/bin/cat"], cmd: ["/etc/motd"] });
    await configured.copyTo(`docker-archive:${at("runnable.tar")}:example.com/app:v1`);
    await (await draft.dropLayer(0)).copyTo(`docker-archive:${at("nothing.tar")}:example.com/nothing:v1`);
    podman("load", "--quiet", "-i", at("runnable.tar"));
    podman("load", "--quiet", "-i", at("nothing.tar"));
    const { Entrypoint, Cmd } = JSON.parse(
      podman("image", "inspect", "--format", "{{json .Config}}", "example.com/app:v1"),
    );
    expect([...Entrypoint, ...Cmd]).toEqual(["/bin/cat", "/etc/motd"]);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    expect(podman("--runtime", "runc", "run", "--rm", "--network", "none", ...limits, "example.com/app:v1")).toBe(
      "hello",
    );
    expect(podman("image", "inspect", "--format", "{{len .RootFS.Layers}}", "example.com/nothing:v1")).toBe("0");
  });
});
