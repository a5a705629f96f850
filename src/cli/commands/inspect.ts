import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import type { OpenedDocuments } from "../../index.ts";
import { examples } from "../examples.ts";
import { addImageOptions, type ImageOptions } from "../image-options.ts";
import { imageReport, printImageReport } from "../image-report.ts";
import type { Terminal } from "../terminal.ts";
import { loadUnlessRemote, withDocuments } from "../with-image.ts";

type InspectOptions = ImageOptions & { readonly raw?: boolean; readonly config?: boolean };

/** `strata inspect`: what an image says of itself. */
export function configureInspect(command: Command, terminal: Terminal): void {
  command
    .description("Show an image's identity, platform and configuration.")
    .argument("<image>")
    .option("--raw", "the bytes of the manifest, exactly as stored; with --config those of the configuration")
    .option("--config", "the image configuration, as JSON");
  addImageOptions(command, { hasLayer: false, json: "print one JSON object" })
    .addHelpText(
      "after",
      examples(
        ["strata inspect nginx.tar", "the most important"],
        ["strata inspect --json nginx.tar | jq .run.Env", "for programs"],
        ["strata inspect --raw --config nginx.tar | sha256sum", "the image id, by hand"],
      ),
    )
    .action(async (name: string, options: InspectOptions) => {
      await withDocuments(name, { terminal, options }, async (documents) => {
        const { raw = false, config = false, json = false } = options;
        if (raw) return await terminal.stdout.send(rawBytes(documents, config));
        if (config) return terminal.stdout.text(`${JSON.stringify(configOf(documents), null, 2)}\n`);
        const image = await loadUnlessRemote(documents);
        if (json) terminal.stdout.text(`${JSON.stringify(imageReport(image), null, 2)}\n`);
        else printImageReport(terminal, image);
      });
    });
}

/** All that the document says, also what strata does not know of. */
function configOf({ source }: OpenedDocuments): unknown {
  return JSON.parse(Buffer.from(source.config.bytes).toString("utf8"));
}

function rawBytes({ source }: OpenedDocuments, wantsConfig: boolean): Uint8Array {
  if (wantsConfig) return source.config.bytes;
  if (source.manifest !== undefined) return source.manifest.bytes;
  throw new StrataError({
    code: "no-manifest",
    kind: "not-found",
    message: `An image in ${source.transport} has no manifest`,
    details: { image: source.reference },
    hint: "`strata inspect --raw --config` prints its configuration",
  });
}
