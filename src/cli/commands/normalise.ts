import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { examples } from "../examples.ts";
import { parseCount } from "../parse-numbers.ts";
import { sourceDateEpoch } from "../source-date-epoch.ts";
import type { Terminal } from "../terminal.ts";

type NormaliseOptions = EditVerbOptions & { readonly time?: number; readonly all?: boolean };

/** `strata normalise`: the same times in images that were built at different times. */
export function configureNormalise(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image in which no file, step or configuration is younger than a time, so that builds of the same things are the same image. All else keeps its bytes.",
    )
    .argument("<image>", "any image; it stays as it is")
    .option("--time <seconds>", "since 1970 (default: $SOURCE_DATE_EPOCH)", parseCount)
    .option("--all", "set all times to it, older ones too");
  addEditOptions(command, { hasStep: false })
    .addHelpText(
      "after",
      examples(
        ["strata normalise app:1 --time 1700000000 -t app:reproducible", "nothing is younger"],
        ["strata normalise --all app:1 --time 0 -t app:reproducible", "everything is of 1970"],
      ),
    )
    .action(async (image: string, options: NormaliseOptions) => {
      const { time: seconds, all } = options;
      const time = seconds === undefined ? sourceDateEpoch(terminal.env) : { seconds, nanoseconds: 0 };
      if (time === undefined) throw timeMissing();
      const mode = all === true ? "set" : "clamp";
      await editImage(image, { terminal, options, words: [] }, (draft) => draft.normaliseTimes(time, { mode }));
    });
}

function timeMissing(): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "No time is given",
    hint: "--time SECONDS, or set SOURCE_DATE_EPOCH",
  });
}
