import type { Command } from "commander";
import { now } from "../../base/index.ts";
import type { ListedSnapshot } from "../../index.ts";
import { examples } from "../examples.ts";
import { formatAge } from "../format-age.ts";
import { formatSize } from "../format-size.ts";
import { shortDigest } from "../short-digest.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { storeRoot } from "../store-root.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

type SnapshotsOptions = StoreVerbOptions & {
  readonly tree?: boolean;
  readonly usage?: boolean;
  readonly trunc: boolean;
  readonly rm?: readonly string[];
};

/** `strata snapshots`: what the local store has unpacked. */
export function configureSnapshots(command: Command, terminal: Terminal): void {
  command
    .description(
      "List the snapshots of the local store: committed ones are layers of images, by chainID; on top of them are views and " +
        "active ones, which can be written to.",
    )
    .option("-t, --tree", "show what stands on what")
    .option("-u, --usage", "also tell what each takes by itself")
    .option("--rm <name...>", "remove these instead: nothing may stand on them, and they must not be mounted")
    .option("--no-trunc", "names in full");
  addStoreOptions(command, { json: "print JSON Lines", quiet: "names only" })
    .addHelpText(
      "after",
      examples(
        ["strata snapshots --tree --usage", "layers, what stands on them, and sizes"],
        ["strata snapshots --rm work", "throw a kept snapshot away"],
      ),
    )
    .action(async (options: SnapshotsOptions) => {
      const { listSnapshots, removeSnapshot } = await import("../../index.ts");
      const place = { store: storeRoot(options, terminal.env), signal: terminal.signal };
      for (const name of options.rm ?? []) await removeSnapshot(name, place);
      if (options.rm !== undefined) return;
      const snapshots = await listSnapshots({ ...place, withUsage: options.usage === true });
      if (options.json === true) for (const each of snapshots) terminal.stdout.text(`${JSON.stringify(each)}\n`);
      else if (options.quiet === true) for (const { name } of snapshots) terminal.stdout.text(`${name}\n`);
      else terminal.stdout.text(snapshotTable(snapshots, options));
    });
}

function snapshotTable(snapshots: readonly ListedSnapshot[], options: SnapshotsOptions): string {
  const { tree = false, usage = false, trunc } = options;
  const nameOf = (name: string): string => (trunc && name.startsWith("sha") ? shortDigest(name) : name);
  const rows = (tree ? inTreeOrder(snapshots) : snapshots.map((each) => ({ each, depth: 0 }))).map(
    ({ each, depth }) => [
      `${"  ".repeat(depth)}${nameOf(each.name)}`,
      each.kind,
      each.driver,
      ...(tree ? [] : [each.parent === undefined ? "-" : nameOf(each.parent)]),
      formatAge(new Date(each.createdAt).toISOString(), now()),
      ...(usage ? [formatSize(each.usage?.bytes ?? 0), String(each.usage?.inodes ?? 0)] : []),
      each.mountedAt ?? "",
    ],
  );
  const head = [
    "NAME",
    "KIND",
    "DRIVER",
    ...(tree ? [] : ["PARENT"]),
    "CREATED",
    ...(usage ? ["SIZE", "INODES"] : []),
    "MOUNTED AT",
  ];
  return formatTable([head, ...rows], head.map((title) => (["SIZE", "INODES"].includes(title) ? ">" : "<")).join(""));
}

interface Branch {
  readonly each: ListedSnapshot;
  readonly depth: number;
}

/** Parents before what stands on them. A parent that is missing, as in a damaged store, hides nothing. */
function inTreeOrder(snapshots: readonly ListedSnapshot[]): Branch[] {
  const keyOf = (driver: string, name: string | undefined): string => `${driver} ${name}`;
  const known = new Set(snapshots.map(({ driver, name }) => keyOf(driver, name)));
  const below = new Map<string, ListedSnapshot[]>();
  for (const each of snapshots) {
    const parent = keyOf(each.driver, each.parent);
    const key = known.has(parent) ? parent : "";
    below.set(key, [...(below.get(key) ?? []), each]);
  }
  const pending: Branch[] = (below.get("") ?? []).map((each) => ({ each, depth: 0 })).reverse();
  const ordered: Branch[] = [];
  for (let branch = pending.pop(); branch !== undefined; branch = pending.pop()) {
    ordered.push(branch);
    const children = below.get(keyOf(branch.each.driver, branch.each.name)) ?? [];
    for (const each of [...children].reverse()) pending.push({ each, depth: branch.depth + 1 });
  }
  return ordered;
}
