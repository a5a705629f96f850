import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { chown, lchown, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureBuilt, ROOT } from "../../scripts/setup.mjs";
import { type DiffId, digestOf, MEDIA_TYPE } from "../../src/oci/index.ts";
import { dir, file, symlink, tarScript, whiteout } from "../../src/testing/index.ts";
import { FixtureLayout, named, writeFiles } from "../support/image-fixtures.ts";
import { describeWith } from "../support/oracles.ts";

/** A user whom only this test's mount namespace knows, and the subordinate ids. */
const USER = 54_321;
const FIRST_SUBORDINATE = 300_000;
/** Where an id of the image is on this machine: 0 is the user, 1 the first subordinate id. */
const outside = (id: number): number => (id === 0 ? USER : FIRST_SUBORDINATE + id - 1);

let home: string;
beforeAll(async () => {
  ensureBuilt();
  home = mkdtempSync(join(tmpdir(), "strata-rootless-"));
  const layers = [
    [dir("etc"), file("etc/motd", "old"), file("etc/shadow", "secret", { mode: 0o640, gid: 42 }), file("etc/gone")],
    [whiteout("etc/gone"), file("etc/motd", "new", { uid: 1000, gid: 1000 }), symlink("link", "etc/motd", { uid: 7 })],
  ].map((steps) => {
    const tar = Buffer.from(tarScript(...steps));
    return { tar, stored: tar, mediaType: MEDIA_TYPE.ociLayer, diffId: digestOf(tar) as string as DiffId };
  });
  const layout = new FixtureLayout();
  await writeFiles(join(home, "image"), layout.finish([named(layout.image(layers), "it")]));
  mkdirSync(join(home, "mnt"));
  for (const name of await readdir(home, { recursive: true })) await lchown(join(home, name), USER, USER);
  await chown(home, USER, USER);
  await giveIds();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What takes the place of the machine's own tables of users, in a mount namespace that ends with the command. */
async function giveIds(): Promise<void> {
  copyFileSync("/etc/passwd", join(home, "passwd"));
  appendFileSync(join(home, "passwd"), `strata-test:x:${USER}:${USER}::${home}:/bin/sh\n`);
  for (const name of ["subuid", "subgid"]) {
    writeFileSync(join(home, name), `strata-test:${FIRST_SUBORDINATE}:65536\n`);
  }
}

/** Runs a script as root of the user's namespace, with `strata` as a command. Everything mounted ends with it. */
function unshared(script: string): {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
} {
  const strata = `"${process.execPath}" "${join(ROOT, "dist/cli/main.js")}"`;
  const inner = join(home, "inner.sh");
  writeFileSync(inner, `set -e\nstrata() { ${strata} "$@"; }\ncd "${home}"\n${script}\n`);
  const outer = `set -e
    for name in passwd subuid subgid; do
      [ -e /etc/$name ] || touch /etc/$name
      mount --bind "${home}/$name" /etc/$name
    done
    exec setpriv --reuid ${USER} --regid ${USER} --clear-groups ${strata} unshare sh "${inner}"`;
  const { stdout, stderr, status } = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", outer], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: home, STRATA_ROOT: join(home, "store") },
  });
  return { stdout, stderr, status };
}

const SHOW = `find . -mindepth 1 -printf '%P %U:%G %m %l\\n' | LC_ALL=C sort`;
const TREE = `etc 0:0 755 
etc/motd 1000:1000 644 
etc/shadow 0:42 640 
link 7:0 777 etc/motd
`;

describeWith(["mount", "unshare", "setpriv", "newuidmap", "newgidmap"], "a user with subordinate ids", () => {
  it("mounts an image in a namespace, with the owners that it says", () => {
    const run = unshared(
      `strata mount --quiet oci:image:it mnt >&2; cd mnt; ${SHOW}; cat etc/motd; stat -f -c " on %T" .; cd ..; strata umount mnt >&2`,
    );
    expect(run).toEqual({ stdout: `${TREE}new on overlayfs\n`, stderr: expect.any(String), status: 0 });
  });

  it("unpacks an image, its owners mapped to the subordinate ids", () => {
    expect(unshared(`strata unpack --quiet oci:image:it rootfs >&2; cd rootfs; ${SHOW}`)).toMatchObject({
      stdout: TREE,
      status: 0,
    });
    const owners = ["etc", "etc/motd", "etc/shadow", "link"].map((name) => {
      const { uid, gid } = lstatSync(join(home, "rootfs", name));
      return [uid, gid];
    });
    expect(owners).toEqual([
      [outside(0), outside(0)],
      [outside(1000), outside(1000)],
      [outside(0), outside(42)],
      [outside(7), outside(0)],
    ]);
  });

  it("is told what is missing without them", () => {
    writeFileSync(join(home, "subuid"), "somebody-else:300000:65536\n");
    const { status, stderr } = unshared("true");
    expect(status).not.toBe(0);
    expect(stderr).toContain("usermod --add-subuids");
  });
});
