import type { Command } from "commander";
import type { SplitArguments } from "./find/split-arguments.ts";
import type { Terminal } from "./terminal.ts";

/** Declares a verb's arguments, options, examples and action on its command. `rest`: words that are not for commander. */
export type ConfigureVerb = (command: Command, terminal: Terminal, rest: readonly string[]) => void;

export interface Verb {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  readonly isHidden?: boolean;
  /** The verb speaks of the other verbs' options, so all of them have to be configured. */
  readonly needsAll?: boolean;
  /** Which of the words after the verb commander gets; the rest goes to the verb. Default: all. */
  readonly split?: (args: readonly string[]) => Promise<SplitArguments>;
  /** Imports the verb's file: each costs time that no other verb should pay. */
  readonly load: () => Promise<ConfigureVerb>;
}

/** The image options that take a value in a word of its own. */
const VALUED_OPTIONS: ReadonlySet<string> = new Set([
  "--layer",
  "--platform",
  "--cache-dir",
  "--max-layer-bytes",
  "--max-expansion",
  "--max-entries",
  "--color",
  "--root",
  "--authfile",
  "--cert-dir",
  "--mirror",
  "--retries",
  "--snapshotter",
]);

/** All verbs, in the order in which the help shows them. */
export const VERBS: readonly Verb[] = [
  {
    name: "tour",
    summary: "show what an image is made of, layer by layer, and explain it",
    load: async () => (await import("./commands/tour.ts")).configureTour,
  },
  {
    name: "inspect",
    summary: "show an image's identity, platform and configuration",
    load: async () => (await import("./commands/inspect.ts")).configureInspect,
  },
  {
    name: "history",
    summary: "show the steps that built an image",
    load: async () => (await import("./commands/history.ts")).configureHistory,
  },
  {
    name: "layers",
    summary: "list the layers with their identities, sizes and shares",
    load: async () => (await import("./commands/layers.ts")).configureLayers,
  },
  {
    name: "ls",
    summary: "list files",
    load: async () => (await import("./commands/ls.ts")).configureLs,
  },
  {
    name: "tree",
    summary: "show files as a tree with the layer of each",
    load: async () => (await import("./commands/tree.ts")).configureTree,
  },
  {
    name: "cat",
    summary: "print the content of files",
    load: async () => (await import("./commands/cat.ts")).configureCat,
  },
  {
    name: "stat",
    summary: "show everything about files",
    load: async () => (await import("./commands/stat.ts")).configureStat,
  },
  {
    name: "find",
    summary: "search for files",
    load: async () => (await import("./commands/find.ts")).configureFind,
    split: async (args) => (await import("./find/split-arguments.ts")).splitArguments(args, VALUED_OPTIONS),
  },
  {
    name: "du",
    summary: "show how much space files take, and in which layer",
    load: async () => (await import("./commands/du.ts")).configureDu,
  },
  {
    name: "blame",
    summary: "show what each layer did to a path",
    load: async () => (await import("./commands/blame.ts")).configureBlame,
  },
  {
    name: "cp",
    summary: "copy files and trees out of an image",
    load: async () => (await import("./commands/cp.ts")).configureCp,
  },
  {
    name: "export",
    summary: "write the merged file system as one tar archive",
    load: async () => (await import("./commands/export.ts")).configureExport,
  },
  {
    name: "diff",
    summary: "show what differs between two directories or images",
    load: async () => (await import("./commands/diff.ts")).configureDiff,
  },
  {
    name: "edit",
    summary: "change files and configuration of an image",
    load: async () => (await import("./commands/edit.ts")).configureEdit,
  },
  {
    name: "append",
    summary: "put layers on top of an image",
    load: async () => (await import("./commands/append.ts")).configureAppend,
  },
  {
    name: "config",
    summary: "change how containers of an image run",
    load: async () => (await import("./commands/config.ts")).configureConfig,
  },
  {
    name: "rebase",
    summary: "put the upper layers of an image on another base",
    load: async () => (await import("./commands/rebase.ts")).configureRebase,
  },
  {
    name: "squash",
    summary: "make one layer of many",
    load: async () => (await import("./commands/squash.ts")).configureSquash,
  },
  {
    name: "drop",
    summary: "take a layer out of an image",
    load: async () => (await import("./commands/drop.ts")).configureDrop,
  },
  {
    name: "purge",
    summary: "remove a path from every layer of an image",
    load: async () => (await import("./commands/purge.ts")).configurePurge,
  },
  {
    name: "normalise",
    summary: "make images that were built at different times the same",
    load: async () => (await import("./commands/normalise.ts")).configureNormalise,
  },
  {
    name: "changeset",
    summary: "make, apply and show single layers",
    load: async () => (await import("./commands/changeset.ts")).configureChangeset,
  },
  {
    name: "images",
    summary: "list the images of the local store",
    load: async () => (await import("./commands/images.ts")).configureImages,
  },
  {
    name: "pull",
    summary: "copy images from registries into the local store",
    load: async () => (await import("./commands/pull.ts")).configurePull,
  },
  {
    name: "push",
    summary: "copy an image of the local store to a registry",
    load: async () => (await import("./commands/push.ts")).configurePush,
  },
  {
    name: "copy",
    summary: "copy an image between any two places",
    load: async () => (await import("./commands/copy.ts")).configureCopy,
  },
  {
    name: "load",
    summary: "copy all images of an archive into the local store",
    load: async () => (await import("./commands/load.ts")).configureLoad,
  },
  {
    name: "save",
    summary: "write images of the local store into one archive",
    load: async () => (await import("./commands/save.ts")).configureSave,
  },
  {
    name: "tag",
    summary: "give an image of the local store one more name",
    load: async () => (await import("./commands/tag.ts")).configureTag,
  },
  {
    name: "rmi",
    summary: "remove images from the local store",
    load: async () => (await import("./commands/rmi.ts")).configureRmi,
  },
  {
    name: "prune",
    summary: "free what nobody needs in the local store",
    load: async () => (await import("./commands/prune.ts")).configurePrune,
  },
  {
    name: "df",
    summary: "show what the local store uses the disk for",
    load: async () => (await import("./commands/df.ts")).configureDf,
  },
  {
    name: "fsck",
    summary: "verify the local store, and repair it",
    load: async () => (await import("./commands/fsck.ts")).configureFsck,
  },
  {
    name: "mount",
    summary: "mount an image at a directory",
    load: async () => (await import("./commands/mount.ts")).configureMount,
  },
  {
    name: "umount",
    summary: "unmount what mount mounted",
    load: async () => (await import("./commands/umount.ts")).configureUmount,
  },
  {
    name: "unpack",
    summary: "write an image's file system into a directory",
    load: async () => (await import("./commands/unpack.ts")).configureUnpack,
  },
  {
    name: "snapshots",
    summary: "list what the local store has unpacked",
    load: async () => (await import("./commands/snapshots.ts")).configureSnapshots,
  },
  {
    name: "unshare",
    summary: "run a command where mounting needs no root",
    load: async () => (await import("./commands/unshare.ts")).configureUnshare,
  },
  {
    name: "info",
    summary: "show what this machine can do, and how snapshots are kept",
    load: async () => (await import("./commands/info.ts")).configureInfo,
  },
  {
    name: "login",
    summary: "log in to a registry",
    load: async () => (await import("./commands/login.ts")).configureLogin,
  },
  {
    name: "logout",
    summary: "forget the login of a registry",
    load: async () => (await import("./commands/logout.ts")).configureLogout,
  },
  {
    name: "tags",
    summary: "list the tags of a repository",
    load: async () => (await import("./commands/tags.ts")).configureTags,
  },
  {
    name: "delete",
    summary: "delete an image from a registry",
    load: async () => (await import("./commands/delete.ts")).configureDelete,
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    load: async () => (await import("./commands/completion.ts")).configureCompletion,
    needsAll: true,
  },
  {
    name: "__complete",
    summary: "list completions, for the completion scripts",
    isHidden: true,
    load: async () => (await import("./commands/complete.ts")).configureComplete,
  },
];
