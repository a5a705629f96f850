import type { Command } from "commander";
import { addEditOptions, type EditVerbOptions, editImage } from "../edit/edit-options.ts";
import { examples } from "../examples.ts";
import { printableText } from "../printable.ts";
import type { Terminal } from "../terminal.ts";

/** `strata purge`: a path out of every layer. */
export function configurePurge(command: Command, terminal: Terminal): void {
  command
    .description(
      "Make an image in no layer of which a path is left, nor anything below it: for a secret that was put in and deleted again. All else keeps its bytes. The image that it was, and its blobs in registries, still have it.",
    )
    .argument("<image>", "any image; it stays as it is")
    .argument("<path...>", "files or directories, hidden ones too");
  addEditOptions(command, { hasStep: false })
    .addHelpText(
      "after",
      examples(
        ["strata purge app:1 /app/deploy.key -t app:clean", "a key that a later layer only hid"],
        ["strata find --json app:clean / -name deploy.key", "to be sure"],
      ),
    )
    .action(async (image: string, paths: string[], options: EditVerbOptions) => {
      await editImage(image, { terminal, options, words: [] }, async (draft) => {
        const wanted = outermost(paths);
        let edited = draft;
        for (const path of wanted) {
          await tellOtherNames(terminal, await edited.otherNames(path), wanted);
          edited = await edited.removePath(path);
        }
        return edited;
      });
    });
}

/** A hardlink keeps the bytes of a file whose other name goes: whoever wants them gone has to know. */
async function tellOtherNames(terminal: Terminal, names: readonly string[], wanted: readonly string[]): Promise<void> {
  const places = wanted.map(absolute);
  for (const name of names.filter((other) => !places.some((place) => `/${other}/`.startsWith(`${place}/`)))) {
    await terminal.note(
      `/${printableText(name)} is another name of a file that goes, and keeps its bytes: purge it, too`,
    );
  }
}

/** Without those that are named twice, or that go with another, as words: where symlinks lead only the image tells. */
function outermost(paths: readonly string[]): string[] {
  const byName = new Map(paths.map((path) => [absolute(path), path]));
  const isBelow = (name: string): boolean => [...byName.keys()].some((other) => name.startsWith(`${other}/`));
  return [...byName].filter(([name]) => !isBelow(name)).map(([, path]) => path);
}

function absolute(path: string): string {
  return `/${path.split("/").filter(Boolean).join("/")}`;
}
