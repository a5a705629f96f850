import type { Command } from "commander";
import { now, StrataError } from "../../base/index.ts";
import { readAccounts } from "../accounts.ts";
import { examples } from "../examples.ts";
import type { Candidate, FindContext } from "../find/candidate.ts";
import { compileExpression } from "../find/compile-expression.ts";
import { parseExpression } from "../find/expression.ts";
import { type FindPrinters, findFiles } from "../find/find-files.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { jsonEntryLine } from "../json-entry.ts";
import { lonelyLine } from "../long-listing.ts";
import { resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { findPath, viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";

/** `strata find`: find(1) with tests for layers. `expression` is what was taken out of the command line. */
export function configureFind(command: Command, terminal: Terminal, expression: readonly string[]): void {
  command
    .description(
      "Search for files with the language of find(1), in which -layer N, +N and -N ask where a file comes from.",
    )
    .usage("[options] <image> [path...] [expression]")
    .argument("<image>")
    .argument("[path...]");
  addImageOptions(command, { json: "print JSON Lines instead of paths, one object for each file found" })
    .addHelpText("after", EXPRESSION_HELP)
    .addHelpText(
      "after",
      examples(
        ["strata find nginx.tar /etc -name '*.conf'", "by name"],
        ["strata find app.tar / -type f -perm -4000 -ls", "setuid programs"],
        ["strata find app.tar / -layer +3 -size +1M", "large files above layer 3"],
        ["strata find app.tar / ! -newer /etc/passwd -print0", "for xargs -0"],
      ),
    )
    .action(async (name: string, paths: string[], options: ImageOptions) => {
      const parsed = parseExpression(expression);
      await withImage(name, { terminal, options }, async (image) => {
        const view = viewOf(image, options.layer);
        const { tree } = view;
        const resolve = (path: string): number => findPath(view, path, { followLast: false });
        const context: FindContext = { tree, accounts: await readAccounts(view), now: now() / 1000, resolve };
        const compiled = compileExpression(parsed, context);
        const wanted = paths.length === 0 ? ["/"] : paths;
        const found = await resolvePaths(view, wanted, { terminal, json: options.json, followLast: false });
        const starts = found.map(({ slot }) => slot);
        const printers = printersFor(terminal, context, options.json === true);
        for (const _ of findFiles(tree, starts, compiled, printers)) {
          if (terminal.stdout.isFull) await terminal.stdout.flush();
        }
      });
    });
}

function printersFor(terminal: Terminal, { accounts, now }: FindContext, json: boolean): FindPrinters {
  const { stdout } = terminal;
  const asJson = ({ path, node }: Candidate): void => stdout.write(`${jsonEntryLine(path, node)}\n`);
  if (json) return { print: asJson, print0: asJson, list: asJson, write: () => refuseFormat() };
  return {
    print: ({ path }) => stdout.write(`${terminal.name(`/${path}`)}\n`),
    print0: ({ path }) => stdout.write(`/${path}\0`),
    list: ({ path, node }) => {
      const line = lonelyLine({ label: `/${path}`, node }, { terminal, accounts, withInode: true, now });
      stdout.write(`${line}\n`);
    },
    write: (bytes) => stdout.write(bytes),
  };
}

function refuseFormat(): never {
  throw new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "--json and -printf exclude each other",
  });
}

const EXPRESSION_HELP = `
Expression:
  -name -iname -path -ipath -lname -ilname PATTERN   * and ? also match / and a leading dot
  -regex -iregex REGEX                               JavaScript's, over the whole path
  -type -xtype f,d,l,c,b,p    -size [+-]N[bcwkMGT]    -empty    -links [+-]N    -samefile PATH
  -perm MODE|-MODE|/MODE    -user -group NAME|N    -uid -gid [+-]N    -nouser    -nogroup
  -newer PATH    -newermt DATE    -mtime -mmin [+-]N    -xattr PATTERN    -layer [+-]N
  -depth    -mindepth N    -maxdepth N    -prune    -quit    -true    -false
  ( )    ! -not    -a -and    -o -or    ,
  -print (the default)    -print0    -ls    -printf FORMAT (%p %f %h %P %s %m %M %u %g %y %l %T@ …, %L is the layer)
`;
