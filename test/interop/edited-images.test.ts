import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLayer, draftImage, type ImageDraft, openImage } from "../../src/index.ts";
import { treeText } from "../../src/testing/index.ts";
import { diskText } from "../support/disk-tree.ts";
import { describeWith, oraclePath } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";
import { changeBase } from "./create-peers.ts";
import { exportedFiles, run } from "./oracle-trees.ts";

/** A base with a shell, and what is built on it. */
const BASE = `
umask 022; mkdir -p bin etc gone/below tmp
for name in sh cat ls rm mkdir; do ln -s busybox bin/$name; done
echo hello > etc/motd; echo secret > etc/secret; echo x > gone/below/file; ln etc/motd etc/motd.link
chmod 1777 tmp; setfattr -n user.note -v n etc/motd; echo x > etc/capable; setcap cap_net_raw+ep etc/capable
`;
const NEW_BASE = `${BASE}
echo fixed > etc/motd; rm -r gone; echo new > etc/release
`;
const CHANGE =
  "umask 022; mkdir -p app; echo 1 > app/version; rm -r gone; mkdir gone; echo 2 > gone/file; chown 7:8 app/version";
const settle = "find . -newermt 2025-01-01 -exec touch -h -d '2020-01-01 00:00:00.5Z' {} +";

const needs = ["podman", "umoci", "runc", "busybox", "tar", "getfattr", "setfattr", "root", "mount"] as const;
describeWith(needs, "an edited image", () => {
  let scratch: ScratchMount;
  let podman: (...args: readonly string[]) => string;
  const at = (name: string): string => join(scratch.directory, name);
  beforeAll(async () => {
    scratch = makeScratchMount();
    const places = ["--root", "--runroot", "--tmpdir"].flatMap((flag) => [flag, at(flag.slice(2))]);
    const flags = ["--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    podman = (...args) => run("podman", [...places, ...flags, "--runtime", "runc", ...args]);
    for (const [name, script] of [
      ["base", BASE],
      ["newbase", NEW_BASE],
    ] as const) {
      mkdirSync(join(at(name), "bin"), { recursive: true });
      copyFileSync(oraclePath("busybox") as string, join(at(name), "bin/busybox"));
      run("sh", ["-ec", `${script}\n${settle}`], { cwd: at(name) });
      await (await createLayer("", at(name))).writeTo(at(`${name}.tar`));
      mkdirSync(at(`${name}-home`));
      changeBase(at(`${name}-home`), at(`${name}.tar`));
    }
    run("cp", ["-a", at("base"), at("app")]);
    run("sh", ["-ec", `${CHANGE}\n${settle}`], { cwd: at("app") });
    await (await createLayer(at("base"), at("app"))).writeTo(at("app.tar"));
    await using draft = await draftImage(`oci:${at("base-home")}/layout:latest`);
    await (await draft.append(at("app.tar"))).copyTo(`oci:${at("app-layout")}:v1`);
  });
  afterAll(() => {
    scratch?.[Symbol.dispose]();
  });

  const EDITS: Readonly<Record<string, (draft: ImageDraft) => Promise<ImageDraft>>> = {
    edit: async (draft) =>
      await draft.edit(async (fs) => {
        await fs.rm("/gone", { recursive: true });
        await fs.rename("/app", "/srv");
        await fs.writeFile("/etc/motd", "edited\n");
        await fs.link("/etc/secret", "/etc/secret.link");
      }),
    append: async (draft) => await draft.append(at("app.tar")),
    squash: async (draft) => await draft.squash(),
    rebase: async (draft) =>
      await draft.rebase(`oci:${at("newbase-home")}/layout:latest`, {
        oldBase: `oci:${at("base-home")}/layout:latest`,
      }),
    purge: async (draft) => await draft.removePath("/etc/secret"),
    drop: async (draft) => await draft.dropLayer(1),
    normalise: async (draft) => await draft.normaliseTimes({ seconds: 1_500_000_000, nanoseconds: 0 }),
  };

  it.each(Object.keys(EDITS))("(%s) runs in podman, and unpacks to the tree that we show", async (name) => {
    await using draft = await draftImage(`oci:${at("app-layout")}:v1`);
    const edited = await (EDITS[name] as (draft: ImageDraft) => Promise<ImageDraft>)(draft);
    const runnable = await edited.configure({ entrypoint: ["/bin/cat"], cmd: ["/etc/motd"], env: { PATH: "/bin" } });
    await runnable.copyTo(`oci:${at(name)}:v1`);
    await runnable.copyTo(`oci-archive:${at(`${name}.tar`)}:example.com/${name}:v1`);
    const ours = treeText(await exportedFiles(`oci:${at(name)}:v1`, at(`${name}-export`)), { withoutRoot: true });

    run("umoci", ["unpack", "--image", `${at(name)}:v1`, at(`${name}-bundle`)]);
    expect(diskText(join(at(`${name}-bundle`), "rootfs"), { withoutRoot: true })).toBe(ours);

    podman("load", "--quiet", "-i", at(`${name}.tar`));
    const root = podman("image", "mount", `example.com/${name}:v1`);
    expect(diskText(root, { withoutRoot: true })).toBe(ours);
    podman("image", "unmount", `example.com/${name}:v1`);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const output = podman("run", "--rm", "--network", "none", ...limits, `example.com/${name}:v1`);
    await using image = await openImage(`oci:${at(name)}:v1`);
    expect(output).toBe((await image.fs.readFile("/etc/motd", "utf8")).trim());
  });
});
