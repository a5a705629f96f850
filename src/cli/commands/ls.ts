import { type Command, Option } from "commander";
import { fromText } from "../../base/index.ts";
import { NO_ACCOUNTS, readAccounts } from "../accounts.ts";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { type ListFilesOptions, listFiles, listFilesAsJson, type SortKey } from "../list-files.ts";
import { listImageAsJson } from "../list-image.ts";
import { resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { viewOf } from "../view.ts";
import { withDocuments } from "../with-image.ts";

type LsOptions = ImageOptions &
  Omit<ListFilesOptions, "accounts"> & { readonly numeric?: boolean; readonly S?: boolean; readonly t?: boolean };

/** `strata ls`: what `ls` does, plus the layer of each file. */
export function configureLs(command: Command, terminal: Terminal): void {
  command
    .description("List files. -l shows what `ls -l` shows, and the layer that each file comes from.")
    .argument("<image>")
    .argument("[path...]")
    .option("-l, --long", "mode, links, owner, group, size, date, layer, name")
    .option("-R, --recursive", "directories with all that is below them")
    .option("-a, --all", "names that begin with a dot too")
    .option("-A, --almost-all", "the same without . and ..")
    .option("-d, --directory", "directories themselves, not what is in them")
    .option("-h, --human-readable", "sizes such as 4.1K and 23M")
    .option("-n, --numeric", "numbers instead of the names of users and groups; implies -l")
    .option("-i, --inode", "a number that is equal for two names of one file")
    .option("-1, --one-line", "one name a line, also on a terminal")
    .option("-r, --reverse", "reverse the order")
    .option("-S", "the largest first: --sort size")
    .option("-t", "the newest first: --sort time")
    .addOption(new Option("--sort <key>", "order").choices(["name", "size", "time", "none"]));
  addImageOptions(command, { json: "print JSON Lines, one object for each file, dot files included" })
    .addHelpText(
      "after",
      examples(
        ["strata ls nginx.tar /etc", "names in /etc"],
        ["strata ls -lR nginx.tar /usr/share/nginx", "all below, with layers"],
        ["strata ls -l --layer 0 nginx.tar /etc/passwd", "as the base layer has it"],
        ["docker save nginx | strata ls -R --json -", "every file, for programs"],
      ),
    )
    .action(async (name: string, paths: string[], options: LsOptions) => {
      await withDocuments(name, { terminal, options }, async (documents) => {
        if (isAllAsJson(paths, options)) return await listImageAsJson(terminal, documents);
        const view = viewOf(await documents.load(), options.layer);
        const long = options.long === true || options.numeric === true;
        const followLast = !(long || options.directory === true);
        const wanted = paths.length === 0 ? ["/"] : paths;
        const found = await resolvePaths(view, wanted, { terminal, json: options.json, followLast });
        const roots = found.map(({ path, slot }) => ({ slot, label: fromText(path) }));
        if (options.json === true) return await listFilesAsJson(terminal, view.tree, roots, options);
        const accounts = long && options.numeric !== true ? await readAccounts(view) : NO_ACCOUNTS;
        await listFiles(terminal, view.tree, roots, { ...options, long, accounts, sort: sortKey(options) });
      });
    });
}

function sortKey({ S, t, sort }: LsOptions): SortKey {
  if (sort !== undefined) return sort;
  if (S === true) return "size";
  return t === true ? "time" : "name";
}

/** Whether every file of the whole image is wanted, for programs: nothing has to be looked up first. */
function isAllAsJson(paths: readonly string[], { json, recursive, directory, layer }: LsOptions): boolean {
  const isAll = recursive === true && directory !== true && layer === undefined && paths.every((path) => path === "/");
  return json === true && isAll && paths.length <= 1;
}
