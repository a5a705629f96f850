import type { Command } from "commander";
import { toText } from "../../base/index.ts";
import { type Accounts, readAccounts } from "../accounts.ts";
import { describeChange, entryName } from "../describe-change.ts";
import { examples } from "../examples.ts";
import { formatMode, octalMode } from "../format-mode.ts";
import { formatFullTime } from "../format-time.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { instructionOf, truncate } from "../instruction.ts";
import { jsonEntryFields } from "../json-entry.ts";
import { printableText } from "../printable.ts";
import { type ResolvedPath, resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { type View, viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

type StatOptions = ImageOptions & { readonly dereference?: boolean };

/** `strata stat`: everything that is known of a file, and which layer it comes from. */
export function configureStat(command: Command, terminal: Terminal): void {
  command
    .description("Show everything about files: what `stat` shows, extended attributes, and where they come from.")
    .argument("<image>")
    .argument("<path...>")
    .option("-L, --dereference", "follow symlinks");
  addImageOptions(command, { json: "print JSON Lines, one object for each path" })
    .addHelpText(
      "after",
      examples(
        ["strata stat nginx.tar /etc/passwd", "one file"],
        ["strata stat --json nginx.tar /bin /usr/bin | jq .type", "for programs"],
      ),
    )
    .action(async (name: string, paths: string[], options: StatOptions) => {
      await withImage(name, { terminal, options, history: true }, async (image) => {
        const view = viewOf(image, options.layer);
        const followLast = options.dereference === true;
        const accounts = options.json === true ? undefined : await readAccounts(view);
        for (const found of await resolvePaths(view, paths, { terminal, json: options.json, followLast })) {
          if (accounts === undefined) printJson(terminal, view, found);
          else await printText(terminal, view, { ...found, accounts });
        }
      });
    });
}

function printJson({ stdout }: Terminal, { image, tree }: View, { slot }: ResolvedPath): void {
  const node = tree.node(slot);
  const layer = image.layers[node.layer];
  stdout.write(`{${jsonEntryFields(tree.pathOf(slot), node)}`);
  const origin = {
    layerDiffID: layer?.diffId ?? null,
    createdBy: layer?.createdBy ?? null,
    headerOffset: node.isImplied ? null : (layer?.index.columns.headerOffset[node.entry] ?? null),
  };
  stdout.text(`,${JSON.stringify(origin).slice(1)}\n`);
}

async function printText(
  terminal: Terminal,
  { image, tree, layer: top }: View,
  { slot, accounts }: ResolvedPath & { readonly accounts: Accounts },
): Promise<void> {
  const { stdout, style } = terminal;
  const node = tree.node(slot);
  const path = `/${tree.pathOf(slot)}`;
  const named = (names: ReadonlyMap<number, string>, id: number): string => {
    const name = names.get(id);
    return name === undefined ? String(id) : `${id} (${printableText(toText(name))})`;
  };
  stdout.write(`   File: ${terminal.name(path)}`);
  stdout.write(node.type === "symlink" ? ` -> ${terminal.name(node.linkTarget)}\n` : "\n");
  stdout.text(`   Type: ${node.type}\n`);
  if (node.type === "char" || node.type === "block") {
    stdout.text(` Device: ${node.device.major}, ${node.device.minor}\n`);
  } else {
    stdout.text(`   Size: ${node.size}\n`);
  }
  stdout.text(`   Mode: ${octalMode(node.mode)} (${formatMode(node)})\n`);
  stdout.text(`  Owner: ${named(accounts.users, node.uid)}\n`);
  stdout.text(`  Group: ${named(accounts.groups, node.gid)}\n`);
  stdout.text(` Modify: ${formatFullTime(node.mtime)}\n`);
  stdout.text(`  Links: ${node.nlink}\n  Inode: ${node.inode}\n`);
  for (const [name, value] of node.xattrs) {
    stdout.text(`  Xattr: ${printableText(toText(name))}=${xattrText(value)}\n`);
  }
  const createdBy = image.layers[node.layer]?.createdBy;
  const instruction = createdBy === undefined ? "" : `  ${printableText(truncate(instructionOf(createdBy), 80))}`;
  stdout.text(`  Layer: ${style.layer(node.layer, String(node.layer))}${instruction}\n`);
  stdout.text(`  Entry: ${node.isImplied ? "none: only a path implies it" : entryName(image, node)}\n`);
  const blame = await image.blame(toText(path));
  const changes = blame?.changes.filter(({ layer }) => layer <= top) ?? [];
  for (const [i, change] of changes.entries()) {
    const what = `layer ${change.layer} ${describeChange(image, change)}`;
    stdout.text(`${i === 0 ? "History: " : "         "}${style.layer(change.layer, what)}\n`);
  }
}

/** Values are mostly text or a few bytes of a structure. */
function xattrText(value: Uint8Array): string {
  const text = Buffer.from(value).toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? JSON.stringify(text) : `0x${Buffer.from(value).toString("hex")}`;
}
