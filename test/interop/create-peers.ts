import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLayer } from "../../src/index.ts";
import { layoutScript } from "../../src/testing/index.ts";
import type { ContainerdDaemon } from "../support/containerd-daemon.ts";
import { run } from "./oracle-trees.ts";

/** The base of a change: an OCI layout with one layer named `latest`, and the same as an archive named `localhost/case:latest`. */
export interface ChangeBase {
  readonly home: string;
  readonly layout: string;
  readonly archive: string;
}

/** Makes a layer: `change` does something to the root of the mounted base. Gives the path of the layer, compressed or not. */
export type LayerMaker = (base: ChangeBase, change: (root: string) => void) => string | Promise<string>;

/** An image of one layer. */
export function changeBase(home: string, layer: string): ChangeBase {
  const [layout, archive] = [join(home, "layout"), join(home, "image.tar")];
  for (const [path, bytes] of layoutScript([readFileSync(layer)]).files) {
    mkdirSync(join(layout, path, ".."), { recursive: true });
    writeFileSync(join(layout, path), bytes);
  }
  run("tar", ["-C", layout, "-cf", archive, "."]);
  return { home, layout, archive };
}

/** `umoci unpack`, `umoci repack`. */
export const umociRepack: LayerMaker = ({ home, layout }, change) => {
  const bundle = join(home, "bundle");
  run("umoci", ["unpack", "--image", `${layout}:latest`, bundle]);
  change(join(bundle, "rootfs"));
  run("umoci", ["repack", "--image", `${layout}:umoci`, bundle]);
  const { history } = JSON.parse(run("umoci", ["stat", "--json", "--image", `${layout}:umoci`]));
  return blobOf(layout, history.at(-1).layer.digest);
};

/** `buildah from`, `mount`, `commit`. */
export const buildahCommit: LayerMaker = ({ home, archive }, change) => {
  const places = [
    "--root",
    join(home, "buildah"),
    "--runroot",
    join(home, "buildah-run"),
    "--storage-driver",
    "overlay",
  ];
  const buildah = (...args: readonly string[]): string => run("buildah", [...places, ...args]);
  const container = buildah("from", "--quiet", "--pull-never", buildah("pull", "--quiet", `oci-archive:${archive}`));
  change(buildah("mount", container));
  buildah("umount", container);
  const out = join(home, "buildah-out");
  buildah("commit", "--quiet", container, `oci:${out}:v1`);
  const [{ digest }] = JSON.parse(readFileSync(join(out, "index.json"), "utf8")).manifests;
  return blobOf(out, JSON.parse(readFileSync(blobOf(out, digest), "utf8")).layers.at(-1).digest);
};

/** `ctr snapshots prepare` and `diff`: what containerd commits with. */
export function containerdDiff(daemon: ContainerdDaemon): LayerMaker {
  return ({ home, archive }, change) => {
    daemon.run("images", "import", archive);
    const [parent = ""] = daemon
      .run("snapshots", "ls")
      .split("\n")
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? "");
    const root = join(home, "containerd");
    mkdirSync(root);
    run("sh", ["-ec", daemon.run("snapshots", "prepare", "--target", root, "changed", parent)]);
    change(root);
    run("umount", [root]);
    const layer = join(home, "containerd.tar.gz");
    writeFileSync(layer, daemon.bytes("snapshots", "diff", "changed"));
    return layer;
  };
}

/** This library, from what an overlay over `lower` wrote. */
export function fromUpper(lower: string): LayerMaker {
  return async ({ home }, change) => {
    const [upper, work, root] = ["upper", "work", "root"].map((name) => join(home, name)) as [string, string, string];
    for (const directory of [upper, work, root]) mkdirSync(directory);
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    run("mount", ["-t", "overlay", "-o", options, "overlay", root]);
    change(root);
    run("umount", [root]);
    await (await createLayer(lower, upper, { isOverlay: true })).writeTo(join(home, "layer.tar"));
    return join(home, "layer.tar");
  };
}

function blobOf(layout: string, digest: string): string {
  return join(layout, "blobs", digest.replace(":", "/"));
}
