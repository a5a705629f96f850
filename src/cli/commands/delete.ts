import type { Command } from "commander";
import { deleteManifest, deleteTag } from "../../transport/index.ts";
import { examples } from "../examples.ts";
import { addRegistryOptions, type RegistryVerbOptions, registryOptions } from "../registry-options.ts";
import { registryReference } from "../registry-reference.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import type { Terminal } from "../terminal.ts";

type DeleteVerbOptions = RegistryVerbOptions & OutputOptions & { readonly tagOnly?: boolean };

/** `strata delete`: takes an image out of a registry. */
export function configureDelete(command: Command, terminal: Terminal): void {
  command
    .description(
      "Delete an image from a registry, with all tags that lead to it; or a tag alone, where the registry can do that.",
    )
    .argument("<reference>", "[HOST[:PORT]/]REPOSITORY:TAG or @DIGEST")
    .option("--tag-only", "the tag; the image stays");
  addRegistryOptions(command);
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata delete localhost:5000/app:1", "the image behind the tag"],
        ["strata delete --tag-only localhost:5000/app:1", "the tag"],
      ),
    )
    .action(async (text: string, options: DeleteVerbOptions) => {
      const reference = registryReference(text);
      const http = { ...registryOptions(options, terminal.env), signal: terminal.signal };
      if (options.tagOnly === true) await deleteTag(reference, http);
      else terminal.stdout.text(`deleted ${await deleteManifest(reference, http)}\n`);
    });
}
