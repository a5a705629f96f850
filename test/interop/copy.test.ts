import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAll } from "../../src/base/index.ts";
import { type Descriptor, digestOf, hexOf, MEDIA_TYPE, parsePlatform } from "../../src/oci/index.ts";
import { openArtifact } from "../../src/transport/index.ts";
import { copyByName, makeCopyLayout, makeQuickDirectory } from "../support/copy-fixtures.ts";
import { startDocker } from "../support/docker-daemon.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { writeFiles } from "../support/image-fixtures.ts";
import { describeWith, type Oracle, oracleEnv, oraclePath } from "../support/oracles.ts";

let directory: string;
let source: string;
let roots: readonly Descriptor[];
beforeAll(async () => {
  directory = await makeQuickDirectory();
  source = join(directory, "source");
  const made = await makeCopyLayout();
  roots = made.roots;
  await writeFiles(source, made.layout.finish(roots));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const rootOf = (name: string): Descriptor =>
  roots.find(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === name) as Descriptor;

function run(command: Oracle, ...args: readonly string[]): Buffer {
  return execFileSync(oraclePath(command) ?? command, args, { env: oracleEnv, stdio: ["ignore", "pipe", "pipe"] });
}
const skopeo = (...args: readonly string[]): Buffer => run("skopeo", "--insecure-policy", ...args);
const skopeoCopy = (from: string, to: string, ...flags: readonly string[]): Buffer =>
  skopeo("copy", "--quiet", ...flags, from, to);

/** What a manifest says, wherever it is. */
async function manifestAt(name: string) {
  await using artifact = await openArtifact(name);
  return { digest: artifact.root.digest, ...JSON.parse(Buffer.from(artifact.root.bytes).toString()) };
}

async function diffIdsAt(name: string): Promise<readonly string[]> {
  await using artifact = await openArtifact(name);
  const { config } = JSON.parse(Buffer.from(artifact.root.bytes).toString());
  await using source = await artifact.openBlob(config);
  return JSON.parse(Buffer.from(await readAll(source)).toString()).rootfs.diff_ids;
}

const IMAGES = ["one", "empty-layer", "duplicates", "no-layers"];

describeWith(["skopeo"], "skopeo", () => {
  it.each(IMAGES)("reads %s from what was written, and copies it on with the same digest", async (name) => {
    for (const transport of ["oci", "oci-archive"]) {
      const to = `${transport}:${at(`${transport}-${name}`)}:v1`;
      await copyByName(`oci:${source}:${name}`, to);
      expect(digestOf(skopeo("inspect", "--raw", to))).toBe(rootOf(name).digest);
      const on = `dir:${at(`${transport}-${name}-on`)}`;
      skopeoCopy(to, on, "--preserve-digests");
      expect((await manifestAt(on)).digest).toBe(rootOf(name).digest);
    }
  });

  it("reads docker's images from a layout, where their manifests become OCI's unless digests must survive", async () => {
    const [kept, converted] = [`oci:${at("kept")}:v1`, `oci:${at("converted")}:v1`];
    await copyByName(`oci:${source}:docker`, kept, { preserveDigests: true });
    expect(() => skopeo("inspect", "--raw", kept)).toThrow(/no descriptor found/);
    const { root } = await copyByName(kept, converted);
    expect(digestOf(skopeo("inspect", "--raw", converted))).toBe(root.digest);
  });

  it.each([...IMAGES, "hundred", "docker"])("finds %s in a docker-archive", async (name) => {
    const file = at(`docker-${name}.tar`);
    await copyByName(`oci:${source}:${name}`, `docker-archive:${file}:example.com/app:v1`);
    const before = await manifestAt(`oci:${source}:${name}`);
    const found = JSON.parse(skopeo("inspect", "--raw", `docker-archive:${file}:example.com/app:v1`).toString());
    expect(found.config.digest).toBe(before.config.digest);
    expect(found.layers.map(({ digest }: Descriptor) => digest)).toEqual(await diffIdsAt(`oci:${source}:${name}`));
    // Reads every layer, and holds it against its diffID.
    skopeoCopy(`docker-archive:${file}:example.com/app:v1`, `dir:${at(`unpacked-${name}`)}`);
  });

  it("copies an index with all its platforms and attestations on", async () => {
    const to = `oci:${at("multi")}:v1`;
    await copyByName(`oci:${source}:multi`, to, { allPlatforms: true });
    skopeoCopy(to, `oci:${at("multi-on")}:v1`, "--all", "--preserve-digests");
    expect((await manifestAt(`oci:${at("multi-on")}:v1`)).digest).toBe(rootOf("multi").digest);
  });

  it("chooses the same manifest for a platform", async () => {
    await copyByName(`oci:${source}:multi`, `oci:${at("arm")}:v1`, { platform: parsePlatform("linux/arm64") });
    skopeoCopy(`oci:${source}:multi`, `oci:${at("arm-skopeo")}:v1`, "--override-arch", "arm64", "--preserve-digests");
    expect((await manifestAt(`oci:${at("arm")}`)).digest).toBe((await manifestAt(`oci:${at("arm-skopeo")}`)).digest);
  });

  it.each(["oci", "oci-archive", "dir"])(
    "wrote an image to %s:, which is copied with its digest",
    async (transport) => {
      const from = `${transport}:${at(`by-skopeo-${transport}`)}`;
      skopeoCopy(`oci:${source}:duplicates`, from, "--preserve-digests");
      const { root } = await copyByName(from, `oci:${at(`from-${transport}`)}:v1`, { preserveDigests: true });
      expect(root.digest).toBe(rootOf("duplicates").digest);
    },
  );

  it("wrote a docker-archive, whose image comes with the same configuration", async () => {
    const file = at("by-skopeo.tar");
    skopeoCopy(`oci:${source}:duplicates`, `docker-archive:${file}:app:v1`);
    await copyByName(`docker-archive:${file}`, `oci:${at("from-docker")}:v1`);
    expect(digestOf(skopeo("inspect", "--raw", "--config", `oci:${at("from-docker")}:v1`))).toBe(
      (await manifestAt(`oci:${source}:duplicates`)).config.digest,
    );
  });

  it.each(["gzip", "zstd", "none"] as const)("reads layers that were made %s", async (compression) => {
    const to = `oci:${at(`layers-${compression}`)}:v1`;
    await copyByName(`oci:${source}:empty-layer`, to, { compression });
    const plain = `dir:${at(`plain-${compression}`)}`;
    skopeoCopy(to, plain, "--dest-decompress");
    const { layers } = await manifestAt(plain);
    expect(layers.map(({ digest }: Descriptor) => digest)).toEqual(await diffIdsAt(to));
  });

  it("converts an image to docker's format and back as we do", async () => {
    const [ours, theirs] = [`oci:${at("docker-ours")}:v1`, `dir:${at("docker-theirs")}`];
    await copyByName(`oci:${source}:one`, ours, { format: "docker" });
    skopeoCopy(`oci:${source}:one`, theirs, "--format", "v2s2");
    const [own, other] = [await manifestAt(ours), await manifestAt(theirs)];
    expect({ ...own, digest: 0 }).toEqual({ ...other, digest: 0 });
    expect(own.mediaType).toBe(MEDIA_TYPE.dockerManifest);
  });
});

describeWith(["umoci"], "umoci", () => {
  it("lists and unpacks what was written", async () => {
    await copyByName(`oci:${source}:duplicates`, `oci:${at("umoci")}:v1`);
    expect(run("umoci", "ls", "--layout", at("umoci")).toString().trim()).toBe("v1");
    run("umoci", "unpack", "--rootless", "--image", `${at("umoci")}:v1`, at("bundle"));
    expect(readFileSync(join(at("bundle"), "rootfs/etc/motd"), "utf8")).toBe("hello\n");
    expect(readFileSync(join(at("bundle"), "rootfs/srv/data"), "utf8")).toBe("y".repeat(3000));
  });
});

describeWith(["buildah", "root"], "buildah", () => {
  it("begins a container from an oci-archive", async () => {
    const file = at("buildah.tar");
    await copyByName(`oci:${source}:duplicates`, `oci-archive:${file}:v1`);
    const own = ["--root", at("b"), "--runroot", at("br"), "--storage-driver", "vfs"];
    expect(run("buildah", ...own, "from", `oci-archive:${file}:v1`).toString()).not.toBe("");
  });
});

/** The same image in docker's archive, its layers stored in each way. */
async function dockerArchives(): Promise<{ files: string[]; id: string }> {
  const files: string[] = [];
  for (const compression of ["gzip", "zstd", "none"] as const) {
    const file = at(`load-${compression}.tar`);
    await copyByName(`oci:${source}:empty-layer`, `docker-archive:${file}:example.com/${compression}:v1`, {
      compression,
    });
    files.push(file);
  }
  return { files, id: hexOf((await manifestAt(`oci:${source}:empty-layer`)).config.digest) };
}

describeWith(["podman", "root"], "podman", () => {
  it("loads a docker-archive whatever its layers are compressed with, and an oci-archive", async () => {
    const flags = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    const podman = (...args: readonly string[]): string =>
      run("podman", "--root", at("p"), "--runroot", at("pr"), "--tmpdir", at("pt"), ...flags, ...args).toString();
    const { files, id } = await dockerArchives();
    for (const file of files) podman("load", "--quiet", "-i", file);
    await copyByName(`oci:${source}:empty-layer`, `oci-archive:${at("podman.tar")}:example.com/oci:v1`);
    podman("load", "--quiet", "-i", at("podman.tar"));
    for (const name of ["gzip", "zstd", "none", "oci"]) {
      expect(podman("image", "inspect", "--format", "{{.Id}}", `example.com/${name}:v1`).trim()).toBe(id);
    }
  });
});

describeWith(["dockerd", "docker", "root"], "docker", () => {
  it("loads a docker-archive whatever its layers are compressed with, and several images from one", async () => {
    mkdirSync(at("d"));
    await using docker = await startDocker(at("d"), { storageDriver: "vfs" });
    const { files, id } = await dockerArchives();
    for (const file of files) docker.run("load", "--quiet", "-i", file);
    for (const name of ["gzip", "zstd", "none"]) {
      expect(docker.run("image", "inspect", "--format", "{{.Id}}", `example.com/${name}:v1`)).toBe(`sha256:${id}`);
    }
    docker.run("save", "-o", at("saved.tar"), "example.com/gzip:v1");
    await copyByName(`docker-archive:${at("saved.tar")}`, `oci:${at("saved")}:v1`);
    expect((await manifestAt(`oci:${at("saved")}`)).config.digest).toBe(`sha256:${id}`);
  });
});

describeWith(["docker-registry"], "a registry", () => {
  it("takes everything and gives it back with its digest, mounts between repositories, and feeds conversions", async () => {
    await using registry = await startDockerRegistry();
    const name = (repository: string): string => `docker://${registry.host}/${repository}:v1`;
    for (const image of ["duplicates", "docker", "multi", "artifact", "no-layers"]) {
      const { digest } = rootOf(image);
      const options = { allPlatforms: true, preserveDigests: true };
      expect((await copyByName(`oci:${source}:${image}`, name(image), options)).root.digest).toBe(digest);
      const back = await copyByName(name(image), `oci-archive:${at(`back-${image}.tar`)}`, options);
      expect(back.root.digest).toBe(digest);
      const again = await copyByName(`oci-archive:${at(`back-${image}.tar`)}`, name(image), options);
      expect([again.root.digest, again.blobs.transferred, again.bytes]).toEqual([digest, 0, 0]);
      const other = await copyByName(name(image), name(`other/${image}`), options);
      expect(other.root.digest).toBe(digest);
      expect(other.blobs.transferred).toBe(0);
    }
    const { root } = await copyByName(name("multi"), name("zstd"), { allPlatforms: true, compression: "zstd" });
    await copyByName(name("zstd"), `oci:${at("zstd-back")}:v1`, { allPlatforms: true });
    expect((await manifestAt(`oci:${at("zstd-back")}:v1`)).digest).toBe(root.digest);
  });
});

describe("what the image-spec demands", () => {
  it.each(["one", "empty-layer", "no-layers"])("holds for a layout made from a docker-archive of %s", async (name) => {
    await copyByName(`oci:${source}:${name}`, `docker-archive:${at(`spec-${name}.tar`)}`);
    const layout = at(`spec-${name}`);
    await copyByName(`docker-archive:${at(`spec-${name}.tar`)}`, `oci:${layout}:v1`, { compression: "zstd" });
    const json = (path: string) => JSON.parse(readFileSync(join(layout, path), "utf8"));
    expect(json("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
    const index = json("index.json");
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex });
    const blob = ({ digest, size }: Descriptor): Buffer => {
      const bytes = readFileSync(join(layout, "blobs/sha256", hexOf(digest)));
      expect([digestOf(bytes), bytes.length]).toEqual([digest, size]);
      return bytes;
    };
    const [root] = index.manifests;
    const manifest = JSON.parse(blob(root).toString());
    expect(manifest).toMatchObject({ schemaVersion: 2, mediaType: root.mediaType });
    const config = JSON.parse(blob(manifest.config).toString());
    expect(config).toMatchObject({
      architecture: expect.stringMatching(/./),
      os: expect.stringMatching(/./),
      rootfs: { type: "layers" },
    });
    expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
    for (const layer of manifest.layers) {
      expect(layer.mediaType).toBe(MEDIA_TYPE.ociLayerZstd);
      blob(layer);
    }
  });
});
