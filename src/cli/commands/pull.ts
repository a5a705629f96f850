import type { Command } from "commander";
import type { PullImageOptions } from "../../index.ts";
import { formatReference, parseReference } from "../../oci/index.ts";
import { examples } from "../examples.ts";
import { addLimitOptions, type LimitOptions, limitsOf } from "../image-options.ts";
import { fullName } from "../registry-reference.ts";
import type { Terminal } from "../terminal.ts";
import { addTransferOptions, type TransferOptions, tellResult, transfer } from "../transfer/transfer-options.ts";
import { addSnapshotterOption, type UnpackVerbOptions } from "../unpack-options.ts";

type PullOptions = TransferOptions &
  LimitOptions & {
    /** False for `--no-unpack`. */
    readonly unpack?: boolean;
    readonly discardCompressed?: boolean;
    readonly snapshotter?: UnpackVerbOptions["snapshotter"];
  };

/** `strata pull`: from a registry into the local store. */
export function configurePull(command: Command, terminal: Terminal): void {
  command
    .description(
      "Pull images from registries into the local store, under their names, and unpack them while they arrive, so that they " +
        "can be mounted at once. What is there already is not pulled again.",
    )
    .argument("<reference...>", "[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]");
  command
    .option("--unpack", "unpack it also where it cannot be mounted")
    .option("--discard-compressed", "drop the compressed layers once they are unpacked; a push compresses them anew")
    .option("--no-unpack", "only keep the image; `strata mount` unpacks it when it is needed");
  addSnapshotterOption(command);
  addLimitOptions(command);
  addTransferOptions(command, { canConvert: false })
    .addHelpText(
      "after",
      examples(
        ["strata pull debian:bookworm", "from Docker Hub"],
        ["strata pull --platform linux/arm64 localhost:5000/app", "for another platform"],
        ["strata pull -a debian@sha256:…", "exactly this index, with all platforms"],
      ),
    )
    .action(async (references: string[], options: PullOptions) => {
      const { pullImage } = await import("../../index.ts");
      for (const text of references) {
        const name = fullName(text);
        const stored = nameInStore(name);
        const result = await transfer({ terminal, options }, (copy) =>
          pullImage(`docker://${name}`, stored, { ...copy, ...unpacking(options) }),
        );
        tellResult(terminal, options, stored, result);
      }
    });
}

function unpacking(options: PullOptions): PullImageOptions {
  const { snapshotter, discardCompressed, unpack = discardCompressed === true ? true : undefined } = options;
  return { unpack, snapshotter, discardCompressed, limits: limitsOf(options) };
}

/** With a digest the tag is only for people: a pull must not move a name that may lead elsewhere by now. */
function nameInStore(name: string): string {
  const { tag: _, ...untagged } = parseReference(name);
  return untagged.digest === undefined ? name : formatReference(untagged);
}
