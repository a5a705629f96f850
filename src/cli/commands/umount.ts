import type { Command } from "commander";
import { examples } from "../examples.ts";
import { addStoreOptions, type StoreVerbOptions } from "../store-options.ts";
import { storeRoot } from "../store-root.ts";
import type { Terminal } from "../terminal.ts";

type UmountOptions = StoreVerbOptions & { readonly all?: boolean; readonly lazy?: boolean };

/** `strata umount`: the end of `strata mount`. */
export function configureUmount(command: Command, terminal: Terminal): void {
  command
    .description(
      "Unmount what `strata mount` mounted. What was written with --rw is gone then, unless its snapshot has a name.",
    )
    .argument("[dir...]", "where it is mounted")
    .option("-a, --all", "everything of this store")
    .option("-l, --lazy", "detach now, although files in it are open");
  addStoreOptions(command, { json: "" })
    .addHelpText("after", examples(["strata umount /mnt", "one"], ["strata umount --all", "all"]))
    .action(async (directories: string[], options: UmountOptions) => {
      const { listImageMounts, unmountImage } = await import("../../index.ts");
      const place = { store: storeRoot(options, terminal.env), signal: terminal.signal };
      const mounted = options.all === true ? (await listImageMounts(place)).filter(({ isMounted }) => isMounted) : [];
      for (const target of [...directories, ...mounted.map((each) => each.target).reverse()]) {
        await unmountImage(target, { ...place, isLazy: options.lazy });
      }
    });
}
