import type { Command } from "commander";
import { type ByteString, fromText, StrataError } from "../../base/index.ts";
import { exportTree } from "../../fs/index.ts";
import type { OpenedImage } from "../../index.ts";
import { createDirectory, destinationKind, type TreeMember, writeTree } from "../../transport/index.ts";
import { joinPath } from "../../tree/index.ts";
import type { MergedTree, Slot } from "../../union/index.ts";
import { type CopyRequest, parseCopyRequest, planCopy } from "../copy-plan.ts";
import { examples } from "../examples.ts";
import { contentsOf } from "../file-content.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { type ResolvedPath, resolvePaths } from "../resolve-paths.ts";
import type { Terminal } from "../terminal.ts";
import { viewOf } from "../view.ts";
import { withImage } from "../with-image.ts";
import { outputIsTerminal } from "./export.ts";

interface CpOptions extends ImageOptions {
  readonly archive?: boolean;
  readonly devices?: boolean;
  readonly followLink?: boolean;
}

/** `strata cp`: `docker cp` out of an image. */
export function configureCp(command: Command, terminal: Terminal): void {
  command
    .description(
      "Copy files and trees out of an image, never to anywhere outside the destination. As with `docker cp`, a directory\n" +
        "that exists receives the copy under its name, or only the contents of PATH/., and - means a tar on stdout.",
    )
    .usage("[options] <image>:/<path>... <destination>\n       strata cp [options] <image> <path>... <destination>")
    .argument("<words...>")
    .option("-a, --archive", "owners, extended attributes and setuid bits too; needs root")
    .option("--devices", "device nodes too; needs root")
    .option("-L, --follow-link", "copy what PATH points to when it is a symlink");
  addImageOptions(command, { json: "" })
    .addHelpText(
      "after",
      examples(
        ["strata cp nginx.tar:/etc/nginx .", "a tree, to ./nginx"],
        ["strata cp nginx.tar /etc/passwd /etc/group out/", "files into a directory that exists"],
        ["strata cp nginx.tar:/usr/share/nginx/. htdocs", "only what is in it"],
        ["strata cp nginx.tar:/etc - | tar -t", "as a tar"],
      ),
    )
    .action(async (words: string[], options: CpOptions) => {
      const request = parseCopyRequest(words);
      if (request.destination === "-" && terminal.stdout.isTerminal) throw outputIsTerminal();
      await withImage(request.image, { terminal, options, spool: "eager" }, async (image) => {
        await copy(image, request, { terminal, options });
      });
    });
}

interface Copying {
  readonly terminal: Terminal;
  readonly options: CpOptions;
}

async function copy(image: OpenedImage, request: CopyRequest, { terminal, options }: Copying): Promise<void> {
  const view = viewOf(image, options.layer);
  const followLast = options.followLink === true;
  const sources = await resolvePaths(view, request.paths, { terminal, followLast });
  if (request.destination === "-") return await sendTar(terminal, image, { tree: view.tree, sources });
  if (request.paths.length > 1) assertDirectory(request.destination);
  for (const { slot, path } of sources) {
    const source = { path, isDirectory: view.tree.isDirectory(slot) };
    const { directory, name, makesDirectory } = planCopy(
      source,
      request.destination,
      destinationKind(request.destination),
    );
    if (makesDirectory) createDirectory(directory);
    const skipped: string[] = [];
    await writeTree(directory, membersOf(image, view.tree, { top: slot, name }), {
      owners: options.archive === true,
      devices: options.devices === true,
      signal: terminal.signal,
      onSkip: (at, reason) => skipped.push(`skipped ${at}: ${reason}`),
    });
    for (const line of skipped) await terminal.note(line);
  }
}

/** The files of a tree under a new name; without one, only what is in it. */
function* membersOf(
  image: OpenedImage,
  tree: MergedTree,
  { top, name }: { readonly top: Slot; readonly name: string | undefined },
): Generator<TreeMember> {
  const contents = contentsOf(image);
  const base = tree.pathOf(top);
  const newBase: ByteString = name === undefined ? "" : fromText(name);
  for (const { slot, path } of tree.walk(top)) {
    const below = path.slice(base.length).replace(/^\//, "");
    const target = below === "" ? newBase : joinPath(newBase, below);
    if (target === "") continue;
    const node = tree.node(slot);
    yield { path: target, node, open: () => contents.open(node.layer, node.entry) };
  }
}

async function sendTar(
  terminal: Terminal,
  image: OpenedImage,
  { tree, sources }: { readonly tree: MergedTree; readonly sources: readonly ResolvedPath[] },
): Promise<void> {
  const [source, ...others] = sources;
  if (others.length > 0) {
    throw new StrataError({
      code: "invalid-usage",
      kind: "invalid-argument",
      message: "Only one path can be copied to stdout",
      hint: "`strata export IMAGE` writes the whole image as one tar",
    });
  }
  if (source === undefined) return;
  const { slot: top, path } = source;
  const relativeTo = /(?:^|\/)\.$/.test(path) ? top : tree.parentOf(top);
  const chunks = exportTree(tree, contentsOf(image), { top, relativeTo, signal: terminal.signal });
  for await (const chunk of chunks) await terminal.stdout.send(chunk);
}

function assertDirectory(destination: string): void {
  if (destinationKind(destination) === "directory") return;
  throw new StrataError({
    code: "copy-refused",
    kind: "failed-precondition",
    message: `Cannot copy several paths to ${destination}: it is not a directory`,
  });
}
