import { type Command, Option } from "commander";
import type { EditStep, ImageDraft } from "../../index.ts";
import { hasTransport } from "../../transport/index.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { parseCount } from "../parse-numbers.ts";
import { sourceDateEpoch } from "../source-date-epoch.ts";
import type { Terminal } from "../terminal.ts";
import { createTransferProgress } from "../transfer/transfer-progress.ts";
import { placeOptions } from "../with-image.ts";

/** What every verb has that makes an image of another. */
export interface EditVerbOptions extends ImageOptions {
  /** Where the result goes: a place of {@link copyImage}, or a name of the local store. */
  readonly tag: string;
  readonly message?: string;
  readonly comment?: string;
  readonly compression?: "gzip" | "zstd" | "none";
  readonly compressionLevel?: number;
}

/** Declares {@link EditVerbOptions}; those of new layers only where `hasLayers`, of a step in the history where `hasStep`. */
export function addEditOptions(command: Command, { hasLayers = true, hasStep = true } = {}): Command {
  command
    .optionsGroup("Result:")
    .requiredOption(
      "-t, --tag <to>",
      "a name in the local store, or docker://REF, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]",
    );
  if (hasStep) {
    command
      .option("--message <text>", "what the history says made it (default: this command line)")
      .option("--comment <text>", "a remark in the history");
  }
  if (hasLayers) {
    command
      .addOption(new Option("--compression <how>", "of new layers").choices(["gzip", "zstd", "none"]).default("gzip"))
      .option("--compression-level <n>", "1 to 9 for gzip, 1 to 19 for zstd", parseCount);
  }
  return addImageOptions(command, { hasLayer: false, json: "print one JSON object" });
}

/** One edit of a draft, with what the history is to say of it. */
export type DraftEdit = (draft: ImageDraft, step: EditStep) => Promise<ImageDraft>;

/** How an image is edited from the command line. */
export interface EditRun {
  readonly terminal: Terminal;
  readonly options: EditVerbOptions;
  /** What was asked for, for the history. */
  readonly words: readonly string[];
}

/** Opens an image, has it edited, writes the result where `--tag` says, and tells its name and digest. */
export async function editImage(name: string, { terminal, options, words }: EditRun, edit: DraftEdit): Promise<void> {
  const { tag } = options;
  await using draft = await openDraft(name, terminal, options);
  const edited = await edit(draft, stepOf(options, words));
  const destination = tag.startsWith("store:") || hasTransport(tag) ? tag : `store:${tag}`;
  const progress = createTransferProgress(terminal, { json: false });
  try {
    const { root } = await edited.copyTo(destination, { onEvent: (event) => progress.report(event) });
    await progress.end();
    tellEdited(terminal, { options, digest: root.digest, layers: edited.image.layers.length });
  } finally {
    await progress.end();
  }
}

async function openDraft(name: string, terminal: Terminal, options: EditVerbOptions): Promise<ImageDraft> {
  const { draftImage } = await import("../../index.ts");
  const { compression, compressionLevel } = options;
  const clampTime = sourceDateEpoch(terminal.env);
  return await draftImage(name, {
    ...placeOptions(options, terminal),
    compression,
    compressionLevel,
    clampTime,
    created: clampTime === undefined ? undefined : new Date(clampTime.seconds * 1000).toISOString(),
  });
}

function tellEdited(
  { stdout }: Terminal,
  { options, digest, layers }: { readonly options: EditVerbOptions; readonly digest: string; readonly layers: number },
): void {
  const { json, quiet, tag } = options;
  if (json === true) stdout.text(`${JSON.stringify({ name: tag, digest, layers })}\n`);
  else stdout.text(quiet === true ? `${digest}\n` : `${tag} ${digest}\n`);
}

function stepOf({ message, comment }: EditVerbOptions, words: readonly string[]): EditStep {
  const createdBy = message ?? `strata ${words.map(quoted).join(" ")}`;
  return { createdBy, ...(comment === undefined ? {} : { comment }) };
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
