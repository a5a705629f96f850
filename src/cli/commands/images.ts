import type { Command } from "commander";
import { now } from "../../base/index.ts";
import { examples } from "../examples.ts";
import { formatAge } from "../format-age.ts";
import { formatSize } from "../format-size.ts";
import { shortDigest } from "../short-digest.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { familiarName, type ImageRow, imageRows, isNamed } from "../stored-images.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

type ImagesOptions = StoreVerbOptions & { readonly dangling?: boolean; readonly trunc: boolean };

/** `strata images`: what the local store has. */
export function configureImages(command: Command, terminal: Terminal): void {
  command
    .description(
      "List the images of the local store: name, digest, platform, age, size, and the part shared with others.",
    )
    .argument("[name]", "only this name, or all tags of this repository")
    .option("--dangling", "only images that lost their last name")
    .option("--no-trunc", "digests in full");
  addStoreOptions(command, { json: "print JSON Lines, one object for each name", quiet: "digests only" })
    .addHelpText(
      "after",
      examples(
        ["strata images", "everything"],
        ["strata images debian", "all tags of one repository"],
        ["strata images --json | jq -r .name", "for programs"],
        ["strata rmi $(strata images -q --dangling)", "remove what has no name"],
      ),
    )
    .action(async (name: string | undefined, options: ImagesOptions) => {
      const rows = await withStore({ terminal, options, isReadOnly: true }, async (store) =>
        imageRows(await store.images()).filter((row) => isWanted(row, name, options)),
      );
      if (options.json === true) for (const row of rows) terminal.stdout.text(`${JSON.stringify(row)}\n`);
      else if (options.quiet === true) for (const digest of digestsOf(rows)) terminal.stdout.text(`${digest}\n`);
      else terminal.stdout.text(formatTable(imageTable(rows, options.trunc), "<<<<>>"));
    });
}

function isWanted(row: ImageRow, name: string | undefined, { dangling }: ImagesOptions): boolean {
  if (dangling === true && row.name !== null) return false;
  return name === undefined || isNamed(row.name, name);
}

function digestsOf(rows: readonly ImageRow[]): ReadonlySet<string> {
  return new Set(rows.map(({ digest }) => digest));
}

function imageTable(rows: readonly ImageRow[], truncated: boolean): string[][] {
  const lines = rows.map((row) => [
    row.name === null ? "<none>" : familiarName(row.name),
    truncated ? shortDigest(row.digest) : row.digest,
    platformText(row),
    row.created === null ? "-" : formatAge(row.created, now()),
    formatSize(row.size),
    formatSize(row.sharedSize),
  ]);
  return [["NAME", "DIGEST", "PLATFORM", "CREATED", "SIZE", "SHARED"], ...lines];
}

function platformText({ platforms, complete }: ImageRow): string {
  const [first = "-", ...others] = platforms;
  const text = others.length === 0 ? first : `${first} +${others.length}`;
  return complete ? text : `${text} (incomplete)`;
}
