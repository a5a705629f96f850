import type { Command } from "commander";
import type { CheckEvent, Fault, Repair, Store } from "../../index.ts";
import { examples } from "../examples.ts";
import { createCheckProgress } from "../progress.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { familiarName } from "../stored-images.ts";
import type { Style } from "../style.ts";
import type { Terminal } from "../terminal.ts";
import { withStore } from "../with-store.ts";

type FsckOptions = StoreVerbOptions & { readonly repair?: boolean; readonly deep?: boolean };

/** What `fsck` ends with: 0 for left-overs, 1 when something is wrong and nothing lost, 4 when something is. */
const EXIT_CODES: Readonly<Record<Fault["severity"], number>> = { info: 0, warning: 1, error: 4 };

/** `strata fsck`: is everything still what was published? */
export function configureFsck(command: Command, terminal: Terminal): void {
  command
    .description(
      "Verify the local store: every blob against its digest, every layer against its diffID, every name and table. Changes nothing unless told to.",
    )
    .option(
      "--repair",
      "set damaged things aside in quarantine/, derive anew what can be derived, tell what to pull again",
    );
  command.option("--deep", "compare the directories of snapshots with their layers too, file by file");
  addStoreOptions(command, { json: "print JSON Lines, one object for each fault" })
    .addHelpText(
      "after",
      `${examples(
        ["strata fsck", "look"],
        ["strata fsck --repair", "mend"],
        ["strata fsck --deep", "look at what overlay, btrfs and vfs unpacked, too"],
        ["strata fsck --json | jq -r .code", "for programs"],
      )}\nExit codes: 0 clean, but for left-overs that \`strata prune\` removes; 1 something is wrong, nothing is lost; 4 damage. After --repair 0 unless something must be pulled again.\n`,
    )
    .action(async (options: FsckOptions) => {
      const isReadOnly = options.repair !== true;
      await withStore(
        { terminal, options, isReadOnly, mustExist: true },
        async (store) => await checkAndTell(store, terminal, options),
      );
    });
}

async function checkAndTell(store: Store, terminal: Terminal, options: FsckOptions): Promise<void> {
  const { json = false, repair = false, deep: isDeep = false } = options;
  const progress = createCheckProgress(terminal);
  const onProgress = (event: CheckEvent): void => progress.report(event);
  const check = { isDeep, signal: terminal.signal, onProgress };
  const codes: number[] = [];
  for await (const finding of repair ? store.repair(check) : asFindings(store.check(check))) {
    await progress.clear();
    codes.push(exitCodeFor(finding, repair));
    terminal.stdout.text(json ? `${JSON.stringify(jsonOf(finding, repair))}\n` : findingText(finding, terminal.style));
    await terminal.stdout.flush();
  }
  await progress.clear();
  const worst = Math.max(0, ...codes);
  if (worst === 0) await terminal.note(`${store.root} is clean`);
  terminal.exitWith(worst);
}

/** A fault in the shape of a repair that did nothing: one way to print both. */
async function* asFindings(faults: AsyncIterable<Fault>): AsyncGenerator<Repair> {
  for await (const fault of faults) yield { fault, action: "none", pullAgain: [] };
}

function exitCodeFor({ fault, action, pullAgain }: Repair, isRepair: boolean): number {
  if (isRepair && action !== "none" && pullAgain.length === 0) return 0;
  return EXIT_CODES[fault.severity];
}

function jsonOf({ fault, action, movedTo, pullAgain }: Repair, isRepair: boolean): object {
  return isRepair ? { ...fault, action, ...(movedTo === undefined ? {} : { movedTo }), pullAgain } : fault;
}

function findingText({ fault, action, movedTo, pullAgain }: Repair, style: Style): string {
  const paint = { error: style.red, warning: style.yellow, info: style.dim }[fault.severity];
  const lines = [`${paint(fault.severity)} ${fault.code}: ${fault.what}`];
  if (fault.images.length > 0) lines.push(`  images: ${fault.images.map(familiarName).join(", ")}`);
  if (action === "none") lines.push(`  ${style.dim("remedy:")} ${fault.remedy}`);
  else lines.push(`  ${style.green(action)}${movedTo === undefined ? "" : ` to ${movedTo}`}`);
  if (pullAgain.length > 0) lines.push(`  ${style.dim("pull again:")} ${pullAgain.map(familiarName).join(", ")}`);
  return lines.map((line) => `${line}\n`).join("");
}
