import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ByteString, fromText, toBuffer } from "../../src/base/index.ts";
import { applyLayers, createLayer } from "../../src/index.ts";
import { layoutScript } from "../../src/testing/index.ts";
import type { ContainerdDaemon } from "../support/containerd-daemon.ts";
import { run } from "./oracle-trees.ts";

/** A tree and what becomes of it, as the layers of an image, and in files. */
export interface LayeredPair {
  /** A directory of the pair's own. */
  readonly home: string;
  /** The lower tree as a layer from nothing, and what makes the upper one of it. */
  readonly layers: readonly [lower: string, change: string];
  /** An OCI layout with both, named `latest`. */
  readonly layout: string;
  /** The same as an archive, named `localhost/case:latest`. */
  readonly archive: string;
}

/** Who applies the layers, and calls back with the directory while it is there. */
export type Applier = (pair: LayeredPair, use: (root: string) => void) => Promise<void>;

/** Creates both layers with this library. */
export async function layerPair(home: string, lower: string, upper: string): Promise<LayeredPair> {
  const layers = [join(home, "0.tar"), join(home, "1.tar")] as const;
  for (const [i, below] of ["", lower].entries()) {
    const layer = await createLayer(below, i === 0 ? lower : upper);
    const chunks: Uint8Array[] = [];
    for await (const chunk of layer.bytes()) chunks.push(chunk);
    writeFileSync(layers[i] as string, Buffer.concat(chunks));
  }
  const layout = join(home, "layout");
  const { files } = layoutScript(layers.map((layer) => readFileSync(layer)));
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(layout, path)), { recursive: true });
    writeFileSync(join(layout, path), bytes);
  }
  const archive = join(home, "image.tar");
  run("tar", ["-C", layout, "-cf", archive, "."]);
  return { home, layers, layout, archive };
}

/** This library: the lower layer first, then the change to what is there. */
export const strata: Applier = async ({ home, layers }, use) => {
  const root = join(home, "strata");
  await applyLayers([layers[0]], root);
  await applyLayers([layers[1]], root);
  use(root);
};

/** Both verbs of umoci unpack the same way; this one makes no bundle around it. */
export const umoci: Applier = async ({ home, layout }, use) => {
  const root = join(home, "umoci");
  run("umoci", ["raw", "unpack", "--image", `${layout}:latest`, root]);
  use(root);
};

/** Loads into a root below `place`, which many pairs share. */
export function podmanIn(place: string): Applier {
  const places = ["--root", "--runroot", "--tmpdir"].flatMap((flag) => [flag, join(place, flag.slice(2))]);
  const flags = ["--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
  const podman = (...args: readonly string[]): string => run("podman", [...places, ...flags, ...args]);
  return async ({ archive }, use) => {
    podman("load", "--quiet", "-i", archive);
    use(podman("image", "mount", "localhost/case:latest"));
    podman("image", "unmount", "localhost/case:latest");
    podman("rmi", "--force", "localhost/case:latest");
  };
}

/** Imports into a daemon, which many pairs share. */
export function containerdOf(daemon: ContainerdDaemon): Applier {
  return async ({ home, archive }, use) => {
    const root = join(home, "containerd");
    mkdirSync(root);
    daemon.run("images", "import", archive);
    daemon.run("images", "mount", "localhost/case:latest", root);
    try {
      use(root);
    } finally {
      daemon.run("images", "unmount", "--rm", root);
      daemon.run("images", "rm", "--sync", "localhost/case:latest");
    }
  };
}

const TAR = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "-p", "--delay-directory-restore"];

/** GNU tar, which knows nothing of whiteouts and does not empty directories: both is done before. */
export const gnuTar: Applier = async ({ home, layers }, use) => {
  const root = join(home, "gnu-tar");
  mkdirSync(root);
  run("tar", [...TAR, "-xf", layers[0], "-C", root]);
  for (const path of removals(layers[1])) removeTree(toBuffer(`${fromText(root)}/${path}`));
  run("tar", [...TAR, "--exclude=.wh.*", "-xf", layers[1], "-C", root]);
  use(root);
};

function removeTree(path: Buffer): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    // What is above it is a file, which a directory of the layer replaces.
    if ((error as NodeJS.ErrnoException).code !== "ENOTDIR") throw error;
  }
}

/** What the whiteouts of a layer name, and whatever of it is no directory. */
function removals(layer: string): ByteString[] {
  const names = run("sh", ["-c", 'tar -tf "$0" --quoting-style=escape | base64 -w0', layer]);
  return Buffer.from(names, "base64")
    .toString("latin1")
    .split("\n")
    .map(unescapeName)
    .filter((name) => name !== "" && !name.endsWith("/"))
    .map((name) => name.replace(/(^|\/)\.wh\.([^/]*)$/, "$1$2"));
}

function unescapeName(text: string): ByteString {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
