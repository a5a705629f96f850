import assert from "node:assert/strict";
import { snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { chmod, chown, editDirectory, remove, rename } from "../adapters/edit-directory.ts";
import { dir, file, hardlink, symlink } from "../tar-script.ts";
import { assertShows, assertTree, layer, mounted, viewed } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const mount = "mount" as const;

/** What is written into snapshots is in those that build on them (TRAPS 70–73, by their names in containerd). */
export const contentsCases: readonly SnapshotterCase[] = [
  {
    name: "what was written is there after the commit, and what is on top adds to it (basic, extended)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("etc"), file("etc/motd", "one"), file("run", "#!", { mode: 0o755 }));
      await layer(scene, "B", "A", file("etc/motd", "two and more"), dir("etc/d"), symlink("etc/d/link", "../motd"));
      await layer(scene, "C", "B", remove("run"), hardlink("motd", "etc/motd"), file("etc/d/new", "new"));
      await assertShows(scene, "A", dir("etc"), file("etc/motd", "one"), file("run", "#!", { mode: 0o755 }));
      await assertShows(
        scene,
        "C",
        dir("etc"),
        file("etc/motd", "two and more"),
        dir("etc/d"),
        symlink("etc/d/link", "../motd"),
        hardlink("motd", "etc/motd"),
        file("etc/d/new", "new"),
      );
    },
  },
  {
    name: "an active snapshot can be mounted again and again, and keeps what was written",
    needs: mount,
    async run(snapshots, place) {
      const key = snapshotKey("a");
      await place.withMounted(await snapshots.prepare(key, undefined), (at) => editDirectory(at, file("1", "one")));
      await place.withMounted(await snapshots.mounts(key), (at) => editDirectory(at, file("2", "two"), remove("1")));
      assertTree(await mounted({ snapshots, place }, await snapshots.mounts(key)), file("2", "two"));
    },
  },
  {
    name: "brothers do not see each other, and their parent sees none of them",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("d"), file("d/f", "old"));
      const [left, right] = [snapshotKey("left"), snapshotKey("right")];
      await place.withMounted(await snapshots.prepare(left, snapshotName("A")), async (at) => {
        editDirectory(at, file("d/f", "left"), file("d/left", ""));
        await place.withMounted(await snapshots.prepare(right, snapshotName("A")), (beside) =>
          editDirectory(beside, remove("d/f"), file("d/right", "")),
        );
      });
      assertTree(await mounted(scene, await snapshots.mounts(left)), dir("d"), file("d/f", "left"), file("d/left"));
      assertTree(await mounted(scene, await snapshots.mounts(right)), dir("d"), file("d/right"));
      await assertShows(scene, "A", dir("d"), file("d/f", "old"));
    },
  },
  {
    name: "a change of owner alone is kept, and the file's bytes with it (Chown)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      const owned = { uid: 1, gid: 2 };
      await layer(scene, "A", undefined, dir("opt"), dir("opt/d"), file("opt/f", "bytes"), symlink("opt/l", "f"));
      await layer(scene, "B", "A", ...["opt", "opt/d", "opt/f", "opt/l"].map((path) => chown(path, 1, 2)));
      await assertShows(
        scene,
        "B",
        dir("opt", owned),
        dir("opt/d", owned),
        file("opt/f", "bytes", owned),
        symlink("opt/l", "f", owned),
      );
      await assertShows(scene, "A", dir("opt"), dir("opt/d"), file("opt/f", "bytes"), symlink("opt/l", "f"));
    },
  },
  {
    name: "setuid, sticky and capabilities survive the commit",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      const steps = [
        dir("tmp", { mode: 0o1777 }),
        file("su", "x", { mode: 0o4755 }),
        file("ping", "y", { xattrs: { "security.capability": "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0" } }),
      ];
      await layer(scene, "A", undefined, ...steps);
      await layer(scene, "B", "A", file("other"));
      await assertShows(scene, "B", ...steps, file("other"));
    },
  },
  {
    name: "modes of directories are those of the last layer that set them (DirectoryPermissionOnCommit)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      const tree = [
        dir("1", { mode: 0o700 }),
        dir("2", { mode: 0o751, uid: 1, gid: 2 }),
        dir("3", { mode: 0o1777 }),
        dir("3/below", { mode: 0o711 }),
      ];
      await layer(scene, "A", undefined, ...["1", "2", "3", "3/below"].map((name) => dir(name)));
      await layer(scene, "B", "A", chmod("1", 0o700), chmod("2", 0o751), chown("2", 1, 2), chmod("3/below", 0o711));
      await layer(scene, "C", "B", chmod("3", 0o1777), file("1/f"));
      await assertShows(scene, "C", ...tree, file("1/f"));
    },
  },
  {
    name: "the root directory is open to all, and its own mode and owner are kept (RootPermission)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      const [first] = await mounted(scene, await snapshots.prepare(snapshotKey("a"), undefined));
      assert.equal(first?.node.mode, 0o755);
      await layer(scene, "A", undefined, chmod("", 0o711), chown("", 3, 4), file("f"));
      await layer(scene, "B", "A", file("g"));
      const root = dir("", { mode: 0o711, uid: 3, gid: 4 });
      await assertShows(scene, "B", root, file("f"), file("g"));
      assertTree(
        await mounted(scene, await snapshots.prepare(snapshotKey("b"), snapshotName("B"))),
        root,
        file("f"),
        file("g"),
      );
    },
  },
  {
    name: "a file is changed in every layer (LayerFileupdate)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "0", undefined, dir("etc"), file("etc/f", "0"), file("etc/kept", "kept"));
      for (let i = 1; i < 5; i++) await layer(scene, `${i}`, `${i - 1}`, file("etc/f", `${i}`.repeat(i)));
      for (let i = 1; i < 5; i++) {
        await assertShows(scene, `${i}`, dir("etc"), file("etc/f", `${i}`.repeat(i)), file("etc/kept", "kept"));
      }
    },
  },
  {
    name: "a directory of a lower layer is removed, and made anew without what it held (RemoveDirectoryInLowerLayer)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("lib"), dir("lib/d"), file("lib/d/f", "f"), file("lib/g"));
      await layer(scene, "B", "A", remove("lib"));
      await layer(scene, "C", "B", dir("lib"), file("lib/new"));
      await layer(scene, "D", "A", remove("lib"), dir("lib"), file("lib/new"));
      assertTree(await viewed(scene, "B"));
      for (const name of ["C", "D"]) await assertShows(scene, name, dir("lib"), file("lib/new"));
    },
  },
  {
    name: "a file of a lower layer is moved (MoveFileFromLower)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("dir1"), dir("dir2"), file("dir1/f", "moved", { mode: 0o640 }));
      await layer(scene, "B", "A", rename("dir1/f", "dir2/g"));
      await assertShows(scene, "B", dir("dir1"), dir("dir2"), file("dir2/g", "moved", { mode: 0o640 }));
    },
  },
  {
    name: "directories are renamed, those of lower layers too where the kernel lets them (Rename)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("d"), file("d/f", "f"), dir("e"), file("e/g"));
      const key = snapshotKey("b");
      await place.withMounted(await snapshots.prepare(key, snapshotName("A")), (at) => {
        editDirectory(at, dir("own"), file("own/f", "1"), rename("own", "renamed"), rename("e/g", "h"));
        renameOrMove(at, "d", "moved");
      });
      await snapshots.commit(snapshotName("B"), key);
      const moved = [dir("moved"), file("moved/f", "f")];
      await assertShows(scene, "B", ...moved, dir("e"), file("h"), dir("renamed"), file("renamed/f", "1"));
    },
  },
  {
    name: "files that a child deleted are in its parent and not in its children (DeletedFilesInChildSnapshot)",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, file("foo", "foo"), file("bar", "bar"));
      await layer(scene, "B", "A", remove("foo"), file("bar", "changed"));
      await layer(scene, "C", "B", file("baz"));
      await assertShows(scene, "A", file("foo", "foo"), file("bar", "bar"));
      await assertShows(scene, "C", file("bar", "changed"), file("baz"));
      await layer(scene, "D", "C", file("foo", "again"));
      await assertShows(scene, "D", file("bar", "changed"), file("baz"), file("foo", "again"));
    },
  },
  {
    name: "a file takes the place of a directory, and a directory that of a file",
    needs: mount,
    async run(snapshots, place) {
      const scene = { snapshots, place };
      await layer(scene, "A", undefined, dir("d"), file("d/f"), file("f", "1"));
      await layer(scene, "B", "A", remove("d"), file("d", "file"), remove("f"), dir("f"), file("f/in", "in"));
      await layer(scene, "C", "B", remove("d"), dir("d"));
      await assertShows(scene, "B", file("d", "file"), dir("f"), file("f/in", "in"));
      await assertShows(scene, "C", dir("d"), dir("f"), file("f/in", "in"));
    },
  },
];

/** Overlay refuses to rename what lies in lower layers, and programs then do what mv(1) does. */
function renameOrMove(directory: string, from: string, to: string): void {
  try {
    editDirectory(directory, rename(from, to));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EXDEV");
    editDirectory(directory, dir(to), rename(`${from}/f`, `${to}/f`), remove(from));
  }
}
