import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import type { MountedSnapshot } from "../../index.ts";
import { examples } from "../examples.ts";
import { createUnpackProgress } from "../progress.ts";
import { storeRoot } from "../store-root.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { addUnpackOptions, type UnpackVerbOptions, unpackOptions } from "../unpack-options.ts";

type MountOptions = UnpackVerbOptions & { readonly rw?: boolean; readonly snapshot?: string };

/** `strata mount`: an image as a directory. */
export function configureMount(command: Command, terminal: Terminal): void {
  command
    .description(
      "Mount an image at a directory, as the container would see it; needs root. Without arguments: list what is mounted.\n" +
        "An image that is not unpacked yet is unpacked first. The mount stays until `strata umount`.",
    )
    .argument("[image]", "any image; left out to mount a snapshot that was kept")
    .argument("[dir]", "an existing directory")
    .option("--rw", "let files be changed in the mount; `strata umount` throws the changes away")
    .option(
      "--snapshot <name>",
      "keep the changes under this name, to be mounted again by it (with an image: implies --rw)",
    );
  addUnpackOptions(command, { json: "print one JSON object, or JSON Lines when listing" })
    .addHelpText(
      "after",
      examples(
        ["strata mount debian:bookworm /mnt", "an image of the local store, or of a registry"],
        ["strata mount docker-archive:app.tar /mnt", "straight from an archive"],
        ["strata mount --snapshot work debian /mnt", "changes go to the snapshot `work` …"],
        ["strata mount --snapshot work /mnt", "… which can be mounted again later"],
        ["strata mount", "what is mounted"],
      ),
    )
    .action(async (image: string | undefined, directory: string | undefined, options: MountOptions) => {
      if (image === undefined && options.snapshot === undefined) return await listMounts(terminal, options);
      const mounted = await mountAsAsked({ image, directory, options }, terminal);
      tellMounted(terminal, mounted, options);
    });
}

interface Asked {
  readonly image: string | undefined;
  readonly directory: string | undefined;
  readonly options: MountOptions;
}

async function mountAsAsked({ image, directory, options }: Asked, terminal: Terminal): Promise<MountedSnapshot> {
  const { mountImage, mountSnapshotAgain } = await import("../../index.ts");
  const { snapshot, rw = false } = options;
  if (image !== undefined && directory !== undefined) {
    const progress = createUnpackProgress(terminal);
    try {
      return await mountImage(image, directory, {
        ...unpackOptions(options, terminal),
        isWritable: rw || snapshot !== undefined,
        snapshot,
        onUnpack: (event) => progress.report(event),
      });
    } finally {
      await progress.clear();
    }
  }
  if (image === undefined || snapshot === undefined) throw directoryMissing();
  return await mountSnapshotAgain(snapshot, image, {
    store: storeRoot(options, terminal.env),
    signal: terminal.signal,
  });
}

function tellMounted(terminal: Terminal, mounted: MountedSnapshot, { json, quiet }: MountOptions): void {
  if (json === true) terminal.stdout.text(`${JSON.stringify(mounted)}\n`);
  else if (quiet !== true) terminal.stdout.text(`${mounted.target}\n`);
}

async function listMounts(terminal: Terminal, options: MountOptions): Promise<void> {
  const { listImageMounts } = await import("../../index.ts");
  const mounts = await listImageMounts({ store: storeRoot(options, terminal.env), signal: terminal.signal });
  if (options.json === true) {
    for (const mounted of mounts) terminal.stdout.text(`${JSON.stringify(mounted)}\n`);
    return;
  }
  const rows = mounts.map(({ target, image, key, driver, isWritable, isMounted, isCovered }) => [
    target,
    image ?? key,
    driver,
    `${isWritable ? "rw" : "ro"}${isMounted ? "" : ", gone"}${isCovered ? ", covered" : ""}`,
  ]);
  terminal.stdout.text(formatTable([["TARGET", "IMAGE", "DRIVER", "STATE"], ...rows], "<<<<"));
}

function directoryMissing(): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "An image and a directory are needed",
    hint: "strata mount IMAGE DIR, or strata mount --snapshot NAME DIR",
  });
}
