import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import type { Removed, Store } from "../../index.ts";
import { examples } from "../examples.ts";
import { exitCodeOf } from "../exit-code.ts";
import { printError } from "../print-error.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { familiarName } from "../stored-images.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

type RmiOptions = StoreVerbOptions & { readonly force?: boolean };

/** `strata rmi`: removes names, and images with their last name. */
export function configureRmi(command: Command, terminal: Terminal): void {
  command
    .description(
      "Remove names from the local store, an image with its last name, and the space that no other image needs.",
    )
    .argument("<image...>", "name, digest or the beginning of one")
    .option("-f, --force", "an image with all its names; no error for one that is not there");
  addStoreOptions(command, { json: "print JSON Lines, one object for each image" })
    .addHelpText(
      "after",
      examples(
        ["strata rmi debian:bookworm", "by name"],
        ["strata rmi -f 3d5b9c", "by the beginning of its digest, with all names"],
        ["strata rmi $(strata images -q --dangling)", "all that lost their name"],
      ),
    )
    .action(async (images: string[], options: RmiOptions) => {
      await withStore({ terminal, options, mustExist: true }, async (store) => {
        for (const image of images) await removeOne(store, image, { terminal, options });
      });
    });
}

/** One image that cannot be removed does not keep the others. */
async function removeOne(
  store: Store,
  image: string,
  { terminal, options }: { readonly terminal: Terminal; readonly options: RmiOptions },
): Promise<void> {
  const { force = false, json = false } = options;
  try {
    const removed = await store.remove(image, { force });
    terminal.stdout.text(json ? `${JSON.stringify(removed)}\n` : removalLines(removed));
    for (const key of removed.heldBy) await terminal.note(`the snapshot ${key} still stands on layers of ${image}`);
  } catch (error) {
    if (force && error instanceof StrataError && error.code === "image-not-found") return;
    await printError(error, json, terminal);
    terminal.exitWith(exitCodeOf(error));
  }
}

function removalLines({ untagged, deleted }: Removed): string {
  const names = untagged.map((name) => `untagged ${familiarName(name)}\n`);
  return [...names, ...(deleted === undefined ? [] : [`deleted ${deleted}\n`])].join("");
}
