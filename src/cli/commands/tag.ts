import type { Command } from "commander";
import { examples } from "../examples.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

/** `strata tag`: one more name for an image. */
export function configureTag(command: Command, terminal: Terminal): void {
  command
    .description("Give an image of the local store one more name. A name that another image has moves to this one.")
    .argument("<image>", "name, digest or the beginning of one")
    .argument("<name>", "new name; the tag is latest unless given");
  addStoreOptions(command, { json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata tag debian:bookworm registry.example/base:1", "before a push"],
        ["strata tag 3d5b9c app", "app:latest, by the beginning of its digest"],
      ),
    )
    .action(async (image: string, name: string, options: StoreVerbOptions) => {
      await withStore({ terminal, options, mustExist: true }, async (store) => await store.tag(image, name));
    });
}
