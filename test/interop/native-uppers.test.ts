import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toText } from "../../src/base/index.ts";
import { applyLayers, copyImage, createLayer, openImage, showLayer } from "../../src/index.ts";
import { diskText } from "../support/disk-tree.ts";
import { type DockerDaemon, startDocker } from "../support/docker-daemon.ts";
import { describeWith, oraclePath } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";
import { changeBase } from "./create-peers.ts";
import { run } from "./oracle-trees.ts";

const BASE = `
umask 022; mkdir -p bin etc data/dir/deep gone/below replaced tree/sub tmp dev proc sys run
for name in sh cat ls rm mkdir mv chmod chown ln mkfifo touch find; do ln -s busybox bin/$name; done
echo hello > etc/motd; echo 1 > data/keep; echo 1 > data/dir/deep/file; echo 1 > gone/below/file; echo 1 > replaced/old
echo 1 > tree/sub/file; echo 1 > tree/top; seq 1 10000 > data/large; seq 1 10000 > data/owned; ln -s keep data/link
touch etc/hosts etc/hostname etc/resolv.conf
`;
/** What a container does. */
const CHANGE = `
umask 022; rm -r /gone /replaced; mkdir /replaced; echo 2 > /replaced/new
mv /tree /data/moved; echo 2 > /data/moved/sub/more; rm /data/moved/top
mv /data/dir /data/dir2; mkdir /data/dir; echo 2 > /data/dir/file
chmod 600 /data/large; chown 7:8 /data/owned; echo 2 >> /etc/motd; ln -sfn large /data/link; mkfifo /data/pipe
`;
const SETTLED = "2020-01-01 00:00:00";
const settle = (where: string): string => `find ${where} -exec touch -h -d '${SETTLED}' {} +`;

const needs = ["podman", "runc", "dockerd", "docker", "containerd", "busybox", "getfattr", "root", "mount"] as const;
describeWith(needs, "what a container wrote", () => {
  let scratch: ScratchMount;
  const at = (name: string): string => join(scratch.directory, name);
  beforeAll(async () => {
    scratch = makeScratchMount();
    mkdirSync(at("base/bin"), { recursive: true });
    copyFileSync(oraclePath("busybox") as string, at("base/bin/busybox"));
    run("sh", ["-ec", `${BASE}\n${settle(".")}`], { cwd: at("base") });
    await (await createLayer("", at("base"))).writeTo(at("base.tar"));
    mkdirSync(at("image"));
    const { layout } = changeBase(at("image"), at("base.tar"));
    await copyImage(`oci:${layout}:latest`, `docker-archive:${at("image.docker.tar")}:example.com/base:v1`);
  });
  afterAll(() => scratch?.[Symbol.dispose]());

  /** Both layers on the same lower tree: what they change, and what comes of it; times are left out of both. */
  async function expectSame(name: string, lowers: string, upper: string, committed: string): Promise<void> {
    const ours = at(`${name}-ours.tar`);
    await (await createLayer(lowers, upper, { isOverlay: true })).writeTo(ours);
    const theirs = at(`${name}-theirs.tar`);
    await writeTop(committed, theirs);
    const [ourChanges, theirChanges] = [await changesOf(ours), await changesOf(theirs)];
    expect(ourChanges).toEqual(theirChanges);
    const texts: string[] = [];
    for (const [i, layer] of [ours, theirs].entries()) {
      const root = at(`${name}-${i}`);
      run("cp", ["-a", at("base"), root]);
      await applyLayers([layer], root);
      texts.push(diskText(root, { withoutTimes: true, withoutRoot: true }));
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).toContain("/data/moved/sub/more");
    expect(texts[0]).not.toContain("/tree");
  }

  /** What overlayfs wrote down beside opaque directories and origins. */
  function notesIn(upper: string): string[] {
    const text = run("getfattr", ["-R", "-d", "-m", "^trusted.overlay.(redirect|metacopy)$", upper]);
    return [...new Set(text.match(/(?<=^trusted\.overlay\.)[a-z]+/gm))].sort();
  }

  async function changesOf(layer: string): Promise<string[]> {
    const lines: string[] = [];
    for await (const { kind, path, fields } of showLayer(layer, { lower: `dir:${at("base")}` })) {
      const rest = fields.filter((field) => field !== "mtime");
      if (path !== "" && (kind !== "modified" || rest.length > 0))
        lines.push(`${kind} /${toText(path)} ${rest.sort().join(" ")}`);
    }
    return lines.sort();
  }

  async function writeTop(image: string, to: string): Promise<void> {
    await using opened = await openImage(image);
    const top = opened.source.layers.at(-1);
    if (top?.kind !== "blob") throw new Error(`${image} has no layer with bytes`);
    await using tar = await top.open();
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar.stream()) chunks.push(chunk);
    writeFileSync(to, Buffer.concat(chunks));
  }

  it.each([
    ["as its storage mounts by itself", "nodev", []],
    ["with redirected directories", "redirect_dir=on", ["redirect"]],
    ["with metadata only where only that changed", "metacopy=on", ["metacopy", "redirect"]],
  ])("in podman, %s, is the layer that podman commits", async (_, options, notes) => {
    const name = options.replaceAll(/\W/g, "-");
    const places = ["--root", "--runroot", "--tmpdir"].flatMap((flag) => [flag, at(`${name}${flag}`)]);
    const flags = ["--storage-driver", "overlay", "--storage-opt", `overlay.mountopt=${options}`];
    const rest = ["--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc"];
    const podman = (...args: readonly string[]): string => run("podman", [...places, ...flags, ...rest, ...args]);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    podman("load", "--quiet", "-i", at("image.docker.tar"));
    const script = `export PATH=/bin; ${CHANGE}`;
    podman("run", "--name", "c1", "--network", "none", ...limits, "example.com/base:v1", "/bin/sh", "-ec", script);
    const { LowerDir, UpperDir } = JSON.parse(podman("inspect", "--format", "{{json .GraphDriver.Data}}", "c1"));
    expect(notesIn(UpperDir)).toEqual(notes);
    podman("commit", "--quiet", "c1", "example.com/committed:v1");
    podman("save", "--quiet", "-o", at(`${name}.tar`), "example.com/committed:v1");
    await expectSame(name, LowerDir, UpperDir, `docker-archive:${at(`${name}.tar`)}`);
  });

  describe("in docker", () => {
    let docker: DockerDaemon;
    beforeAll(async () => {
      mkdirSync(at("dockerd"));
      docker = await startDocker(at("dockerd"));
    });
    afterAll(async () => await docker?.[Symbol.asyncDispose]());

    it("with overlay2 is the layer that docker commits", async () => {
      docker.run("load", "-i", at("image.docker.tar"));
      const script = `export PATH=/bin; ${CHANGE}`;
      docker.run("run", "--name=c1", "--network=none", "example.com/base:v1", "/bin/sh", "-ec", script);
      const { LowerDir, UpperDir } = JSON.parse(docker.run("inspect", "--format", "{{json .GraphDriver.Data}}", "c1"));
      docker.run("commit", "c1", "example.com/committed:v1");
      docker.run("save", "-o", at("docker.tar"), "example.com/committed:v1");
      await expectSame("docker", LowerDir, UpperDir, `docker-archive:${at("docker.tar")}`);
    });
  });
});
