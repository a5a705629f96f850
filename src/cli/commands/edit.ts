import type { Command } from "commander";
import { addDetails } from "../../base/index.ts";
import type { FileEdit, ImageDraft } from "../../index.ts";
import { addConfigOptions, type ConfigOptions, configChangeOf } from "../edit/config-options.ts";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { type AskedEdit, addFileEdits, OPTION_OF } from "../edit/file-edits.ts";
import { nothingToDo } from "../edit/nothing-to-do.ts";
import { wordsOf } from "../edit/words-of.ts";
import { examples } from "../examples.ts";
import type { Terminal } from "../terminal.ts";

/** `strata edit`: files and configuration of an image, changed as if it were a folder. */
export function configureEdit(command: Command, terminal: Terminal): void {
  const asked: AskedEdit[] = [];
  command
    .description(
      "Make an image with other files, in one more layer, and with another configuration. Nothing runs, nothing is mounted, and no root is needed; of the image's own files only those are read that the edits touch.",
    )
    .argument("<image>", "any image; it stays as it is");
  addEditOptions(addConfigOptions(addFileEdits(command, asked)))
    .addHelpText(
      "after",
      examples(
        ["strata edit nginx:1 --rm /etc/motd --cp ./site:/usr/share/nginx/html -t site:1", "files"],
        ["strata edit app:1 --cp ./app:/app/app --chmod 0755:/app/app --env MODE=prod -t app:2", "and a variable"],
        ["strata edit docker://ghcr.io/me/app:1 --rm /tmp/x -t docker://ghcr.io/me/app:2", "in a registry"],
      ),
    )
    .action(async (image: string, options: EditVerbOptions & ConfigOptions) => {
      const change = configChangeOf(options);
      if (change === undefined && asked.length === 0) throw nothingToDo("strata edit IMAGE --rm /PATH -t NEW");
      await editImage(image, { terminal, options, words: wordsOf(command) }, async (draft, step) => {
        const edited = asked.length === 0 ? draft : await editFiles(draft, asked, { step, signal: terminal.signal });
        return change === undefined ? edited : await edited.configure(change, step);
      });
    });
}

interface EditingFiles {
  readonly step: Parameters<ImageDraft["edit"]>[1];
  readonly signal: AbortSignal;
}

async function editFiles(
  draft: ImageDraft,
  asked: readonly AskedEdit[],
  { step, signal }: EditingFiles,
): Promise<ImageDraft> {
  const { applyFileEdits, hostFiles } = await import("../../index.ts");
  const from = hostFiles();
  return await draft.edit(async (fs) => {
    for (const edit of asked) {
      const wanted: FileEdit = edit.kind === "copy-in" ? { ...edit, from } : edit;
      try {
        await applyFileEdits(fs, [wanted], { signal });
      } catch (error) {
        throw addDetails(error, { option: OPTION_OF[edit.kind] });
      }
    }
  }, step);
}
