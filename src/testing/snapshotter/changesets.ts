import assert from "node:assert/strict";
import { memorySource, toText } from "../../base/index.ts";
import type { Changeset } from "../../changeset/index.ts";
import { snapshotKey, snapshotName } from "../../snapshot/index.ts";
import { readTar } from "../../tar/index.ts";
import { chmod, editDirectory, remove, rename } from "../adapters/edit-directory.ts";
import { assertFails } from "../content-store/expectations.ts";
import { dir, file, hardlink, symlink } from "../tar-script.ts";
import { type Edits, layer } from "./snapshot-steps.ts";
import type { SnapshotterCase } from "./snapshotter-case.ts";

const [a, A] = [snapshotKey("a"), snapshotName("A")];
const mount = "mount" as const;
const BASE: Edits = [
  dir("d"),
  file("d/kept", "kept"),
  file("d/changed", "old"),
  file("d/mode", "mode"),
  dir("gone"),
  dir("gone/deep"),
  file("gone/deep/f", "f"),
  dir("moved"),
  file("moved/f", "f"),
  file("linked", "linked"),
];

/** What a snapshot adds to its parent is the same for all drivers (TRAPS 51–62). */
export const changesetCases: readonly SnapshotterCase[] = [
  {
    name: "a snapshot to which nothing was written has an empty changeset (EmptyDiff)",
    needs: mount,
    async run(snapshots, place) {
      await layer({ snapshots, place }, "A", undefined, ...BASE);
      const mounts = await snapshots.prepare(a, A);
      await place.withMounted(mounts, () => undefined);
      const { isEmpty, changes } = await snapshots.changeset(a);
      assert.deepEqual([isEmpty, changes], [true, []]);
    },
  },
  {
    name: "the changeset of an active snapshot is what was written to it, and stays that when it is committed",
    needs: mount,
    async run(snapshots, place) {
      await layer({ snapshots, place }, "A", undefined, ...BASE);
      const mounts = await snapshots.prepare(a, A);
      await place.withMounted(mounts, (at) =>
        editDirectory(
          at,
          file("d/changed", "new"),
          chmod("d/mode", 0o600),
          file("d/new", "new"),
          symlink("d/link", "new"),
          remove("gone"),
          remove("d/kept"),
          file("d/kept", "kept", { mode: 0o644 }),
          rename("moved/f", "f"),
          hardlink("again", "linked"),
        ),
      );
      const expected = [
        "added again",
        "modified d/changed",
        "added d/link",
        "modified d/mode",
        "added d/new",
        "added f",
        "deleted gone",
        "modified linked",
        "deleted moved/f",
      ];
      assert.deepEqual(linesOf(await snapshots.changeset(a)), expected);
      const names = await namesOf(await snapshots.changeset(a));
      for (const name of [".wh.gone", "moved/.wh.f", "d/", "d/new", "again", "linked"]) {
        assert.ok(names.includes(name), `${name} is in ${names.join(" ")}`);
      }
      assert.ok(!names.includes("d/kept"));
      await snapshots.commit(snapshotName("B"), a);
      assert.deepEqual(linesOf(await snapshots.changeset(snapshotName("B"))), expected);
      assert.equal((await snapshots.changeset(A)).changes.length, BASE.length + 1);
    },
  },
  {
    name: "a directory that was replaced keeps nothing of what was in it (DirectoryReplace)",
    needs: mount,
    async run(snapshots, place) {
      await layer({ snapshots, place }, "A", undefined, ...BASE);
      const mounts = await snapshots.prepare(a, A);
      await place.withMounted(mounts, (at) =>
        editDirectory(at, remove("gone"), dir("gone"), file("gone/other"), remove("moved"), file("moved", "file")),
      );
      const lines = linesOf(await snapshots.changeset(a));
      assert.deepEqual(lines, ["deleted gone/deep", "added gone/other", "modified moved"]);
      const names = await namesOf(await snapshots.changeset(a));
      assert.ok(names.includes("gone/.wh..wh..opq") || names.includes("gone/.wh.deep"), names.join(" "));
      assert.ok(!names.includes(".wh.moved"));
    },
  },
  {
    name: "a snapshot without a parent is all in its changeset, and a view has none",
    needs: mount,
    async run(snapshots, place) {
      const mounts = await snapshots.prepare(a, undefined);
      await place.withMounted(mounts, (at) => editDirectory(at, dir("d"), file("d/f", "f")));
      assert.deepEqual(await namesOf(await snapshots.changeset(a)), ["./", "d/", "d/f"]);
      await snapshots.commit(A, a);
      await snapshots.view(a, A);
      await assertFails(snapshots.changeset(a), "snapshot-not-active");
    },
  },
];

/** Without directories that were there before: what is done in one changes its time, and not on every driver the same ones. */
function linesOf({ changes, upper }: Changeset): string[] {
  return changes
    .filter(({ kind, upper: entry }) => kind !== "modified" || upper.type(entry as number) !== "directory")
    .map(({ kind, path }) => `${kind} ${toText(path)}`);
}

async function namesOf(changeset: Changeset): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of changeset.tar()) chunks.push(chunk);
  const names: string[] = [];
  for await (const { name } of readTar(memorySource(Buffer.concat(chunks)))) names.push(toText(name));
  return names;
}
