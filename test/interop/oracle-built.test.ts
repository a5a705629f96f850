import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readDirectory, type TreeFile, treeScript, treeText } from "../../src/testing/index.ts";
import { type DockerDaemon, startDocker } from "../support/docker-daemon.ts";
import { describeWith, oraclePath } from "../support/oracles.ts";
import { CHAPTERS, FIRST_TREE, USER_XATTRS } from "./image-story.ts";
import { exportedFiles, run, withDirectory, writeDirectory } from "./oracle-trees.ts";

/** The root directory belongs to whoever unpacks. */
const TEXT = { withoutRoot: true };

/** Trees whose tools write whole seconds into their archives. */
function inSeconds(files: readonly TreeFile[]): string {
  const cut = files.map((file) => ({
    ...file,
    node: { ...file.node, mtime: { seconds: file.node.mtime.seconds, nanoseconds: 0 } },
  }));
  return treeText(cut, TEXT);
}

describeWith(["umoci", "tar", "getfattr", "root"], "images made by umoci", () => {
  it("export to the tree that was packed, and to the one that umoci unpacks, extended attributes included", async () => {
    await withDirectory(async (directory) => {
      const [layout, bundle] = [join(directory, "layout"), join(directory, "bundle")];
      run("umoci", ["init", "--layout", layout]);
      run("umoci", ["new", "--image", `${layout}:v`]);
      run("umoci", ["unpack", "--image", `${layout}:v`, bundle]);
      writeDirectory(join(bundle, "rootfs"), treeScript(...FIRST_TREE, ...USER_XATTRS));
      for (const chapter of ["true", ...CHAPTERS]) {
        run("sh", ["-e", "-c", chapter], { cwd: join(bundle, "rootfs") });
        run("umoci", ["repack", "--refresh-bundle", "--image", `${layout}:v`, bundle]);
      }
      run("umoci", ["raw", "unpack", "--image", `${layout}:v`, join(directory, "unpacked")]);
      const files = await exportedFiles(`oci:${layout}:v`, join(directory, "exported"));
      const exported = treeText(files, TEXT);
      expect(exported).toBe(treeText(readDirectory(join(directory, "unpacked")), TEXT));
      // It rounds times to whole seconds when it packs.
      const plain = { ...TEXT, withoutTimes: true };
      expect(treeText(files, plain)).toBe(treeText(readDirectory(join(bundle, "rootfs")), plain));
      expect(exported).toContain("user.tag=0x626c7565");
      expect(exported).toContain("security.capability=0x");
    });
  });
});

describeWith(["buildah", "skopeo", "tar", "getfattr", "mount", "root"], "images made by buildah", () => {
  it("export to the tree that buildah mounts, from an OCI layout and from a docker archive", async () => {
    await withDirectory(async (directory) => {
      const buildah = (...args: readonly string[]): string =>
        run("buildah", [
          "--root",
          join(directory, "root"),
          "--runroot",
          join(directory, "run"),
          "--storage-driver",
          "overlay",
          ...args,
        ]);
      let image = "scratch";
      for (const [i, chapter] of ["true", ...CHAPTERS].entries()) {
        const container = buildah("from", "--pull-never", image);
        const mounted = buildah("mount", container);
        if (i === 0) writeDirectory(mounted, treeScript(...FIRST_TREE));
        run("sh", ["-e", "-c", chapter], { cwd: mounted });
        image = `localhost/story:${i}`;
        buildah("commit", "--quiet", container, image);
        buildah("rm", container);
      }
      const container = buildah("from", "--pull-never", image);
      const expected = inSeconds(readDirectory(buildah("mount", container)));
      buildah("push", "--quiet", image, `oci:${directory}/layout:v`);
      buildah("push", "--quiet", image, `docker-archive:${directory}/image.tar:localhost/story:v`);
      const names = [`oci:${directory}/layout:v`, `docker-archive:${directory}/image.tar`];
      for (const [i, name] of names.entries()) {
        expect(inSeconds(await exportedFiles(name, join(directory, `exported-${i}`))), name).toBe(expected);
      }
      expect(expected).toContain("security.capability=0x");
      expect(expected).toContain("/usr/share/man/man1");
      expect(expected).not.toContain("/usr/share/doc");
    });
  });
});

describeWith(["dockerd", "docker", "busybox", "tar", "getfattr", "mount", "root"], "images made by docker", () => {
  it("export to the tree that docker's own layers show: built from a Dockerfile, and committed from a container", async () => {
    await withDirectory(async (directory) => {
      await using docker = await startDocker(directory);
      writeContext(join(directory, "context"));
      docker.run("build", "--quiet", "--network=none", "-t", "story:built", join(directory, "context"));
      docker.run(
        "run",
        "--network=none",
        "--name",
        "chapter",
        "story:built",
        "/busybox",
        "sh",
        "-e",
        "-c",
        CHAPTERS[2]!,
      );
      docker.run("commit", "chapter", "story:committed");
      for (const [i, image] of ["story:built", "story:committed"].entries()) {
        docker.run("save", "-o", join(directory, `${i}.tar`), image);
        const exported = await exportedFiles(`docker-archive:${directory}/${i}.tar`, join(directory, `exported-${i}`));
        expect(inSeconds(exported), image).toBe(inSeconds(mountedTree(docker, image, join(directory, `mounted-${i}`))));
        expect(inSeconds(exported)).toContain("security.capability=0x");
      }
    });
  });
});

/** A build context whose Dockerfile tells the story. */
function writeContext(context: string): void {
  mkdirSync(join(context, "tree"), { recursive: true });
  copyFileSync(oraclePath("busybox")!, join(context, "busybox"));
  writeDirectory(join(context, "tree"), treeScript(...FIRST_TREE));
  run("tar", ["-cpf", "tree.tar", "--format=pax", "--xattrs", "--xattrs-include=*", "-C", "tree", "."], {
    cwd: context,
  });
  rmSync(join(context, "tree"), { recursive: true });
  const runs = CHAPTERS.slice(0, 2).map((chapter) => `RUN ["/busybox", "sh", "-e", "-c", ${JSON.stringify(chapter)}]`);
  const links = 'RUN ["/busybox", "--install", "-s", "/bin"]';
  const lines = ["FROM scratch", "COPY busybox /busybox", "ADD tree.tar /", links, "ENV PATH=/bin", ...runs];
  writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
}

/** The tree that docker's own layer directories show when the kernel merges them. */
function mountedTree(docker: DockerDaemon, image: string, at: string): TreeFile[] {
  const answer = docker.run("image", "inspect", "-f", "{{json .GraphDriver.Data}}", image);
  const { UpperDir, LowerDir } = JSON.parse(answer) as { UpperDir: string; LowerDir: string };
  mkdirSync(at);
  run("mount", ["-t", "overlay", "none", "-o", `ro,lowerdir=${UpperDir}:${LowerDir}`, at]);
  return readDirectory(at);
}
