import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestStream } from "../../src/oci/index.ts";
import { listImages, openSource } from "../../src/transport/index.ts";
import { runStrata } from "../cli/run-strata.ts";
import { type FixtureLayer, FixtureLayout, layerOf, named, writeFiles } from "../support/image-fixtures.ts";
import { describeWith, isRoot, oracleEnv, oraclePath } from "../support/oracles.ts";
import { hasSharedData, noSharedData, sharedData } from "../support/shared-data.ts";
import { requireOrSkip } from "../support/skip.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "podman-"));
});
afterAll(() => {
  // The overlay driver leaves its directory mounted on itself.
  spawnSync("umount", [join(directory, "root-overlay/overlay")]);
  rmSync(directory, { recursive: true, force: true });
});

function run(command: "skopeo" | "buildah" | "tar", ...args: string[]): void {
  const { status, stderr } = spawnSync(oraclePath(command) ?? command, args, { env: oracleEnv, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** Digests of all layers, each as its bytes have it, equal to what the configuration says. */
async function layersOf(name: string): Promise<string[]> {
  await using source = await openSource(name);
  const digests: string[] = [];
  for (const layer of source.layers) {
    if (layer.kind !== "blob") throw new Error(`${layer.name} is a ${layer.kind}`);
    await using tar = await layer.open();
    digests.push((await digestStream(tar.stream())).digest);
  }
  expect(digests).toEqual(source.config.value.rootfs.diff_ids);
  return digests;
}

const archive = "containers-storage-root-overlay.tar.zst";
const canUnpack = isRoot && oraclePath("zstd") !== undefined;
const reason = hasSharedData(archive) ? "not root, or no zstd" : noSharedData(archive);
requireOrSkip(
  "a root of podman's",
  hasSharedData(archive) && canUnpack,
  reason,
)(() => {
  it("gives every layer of every image bit for bit", async () => {
    const root = join(directory, "shared");
    mkdirSync(root);
    run("tar", "--xattrs", "--xattrs-include=*", "-xf", sharedData(archive), "-C", root);
    const images = await listImages(`containers-storage:${root}`);
    expect(images.map(({ names }) => names[0])).toEqual(["docker.io/library/x:v1", "localhost/third:latest"]);
    for (const { selector } of images)
      expect(await layersOf(`containers-storage:${root}${selector}`)).not.toHaveLength(0);
    const { stdout } = await runStrata(["layers", "--json", `containers-storage:${root}#third`]);
    expect(JSON.parse(stdout.split("\n")[0] ?? "").storage).toMatchObject({
      driver: "overlay",
      link: expect.any(String),
    });
  });
});

describe.each(["overlay", "vfs"])("the driver %s", (driver) => {
  describeWith(["skopeo", "buildah", "root", "mount"], "of containers/storage", () => {
    let layers: FixtureLayer[];
    let root: string;
    beforeAll(async () => {
      root = join(directory, `root-${driver}`);
      layers = [
        await layerOf({ "etc/motd": "hello\n", "bin/tool": "x".repeat(100_000), "bin/t": { hardlink: "bin/tool" } }),
        await layerOf({ "etc/.wh.motd": "", "app/d\u00e9j\u00e0": "y".repeat(5000), link: { symlink: "/etc" } }),
      ];
      const layout = new FixtureLayout();
      const oci = join(directory, `oci-${driver}`);
      await writeFiles(oci, layout.finish([named(layout.image(layers), "v1")]));
      const place = `containers-storage:[${driver}@${root}+${directory}/run-${driver}]localhost/x:v1`;
      run("skopeo", "--insecure-policy", "copy", "--quiet", `oci:${oci}:v1`, place);
    }, 60_000);

    it("keeps what skopeo copied there", async () => {
      expect(await layersOf(`containers-storage:${root}#x:v1`)).toEqual(layers.map(({ diffId }) => diffId));
      expect(await layersOf(`containers-storage:[${driver}@${root}+/nowhere]x:v1`)).toHaveLength(2);
    });

    it("keeps what buildah committed there", async () => {
      const places = ["--root", root, "--runroot", join(directory, `run-${driver}`), "--storage-driver", driver];
      run("buildah", ...places, "from", "--pull-never", "--name", "work", "localhost/x:v1");
      run("buildah", ...places, "copy", "--quiet", "work", import.meta.filename, "/test.ts");
      run("buildah", ...places, "commit", "--quiet", "--rm", "work", "localhost/y:v1");
      const [base, changes, ...more] = await layersOf(`containers-storage:${root}#y:v1`);
      expect([base, changes]).toEqual(layers.map(({ diffId }) => diffId));
      expect(more).toHaveLength(1);
    });
  });
});
