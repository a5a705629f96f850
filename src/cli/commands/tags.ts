import type { Command } from "commander";
import { listTags } from "../../transport/index.ts";
import { examples } from "../examples.ts";
import { parseCount } from "../parse-numbers.ts";
import { printableText } from "../printable.ts";
import { addRegistryOptions, type RegistryVerbOptions, registryOptions } from "../registry-options.ts";
import { registryReference } from "../registry-reference.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import type { Terminal } from "../terminal.ts";

type TagsOptions = RegistryVerbOptions &
  OutputOptions & { readonly limit?: number; readonly last?: string; readonly json?: boolean };

/** `strata tags`: what a repository has. */
export function configureTags(command: Command, terminal: Terminal): void {
  command
    .description("List the tags of a repository in a registry, in the registry's order.")
    .argument("<repository>", "[HOST[:PORT]/]REPOSITORY")
    .option("--limit <n>", "at most that many", parseCount)
    .option("--last <tag>", "only those after this one")
    .option("--json", "print one JSON array");
  addRegistryOptions(command);
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(["strata tags debian", "on Docker Hub"], ["strata tags localhost:5000/app", "elsewhere"]),
    )
    .action(async (repository: string, options: TagsOptions) => {
      const { limit, last } = options;
      const tags = await listTags(registryReference(repository), {
        ...registryOptions(options, terminal.env),
        ...(limit === undefined ? {} : { limit }),
        ...(last === undefined ? {} : { last }),
        signal: terminal.signal,
      });
      if (options.json === true) terminal.stdout.text(`${JSON.stringify(tags)}\n`);
      else for (const tag of tags) terminal.stdout.text(`${printableText(tag)}\n`);
    });
}
