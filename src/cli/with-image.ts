import { join } from "node:path";
import { StrataError } from "../base/index.ts";
import type { LoadEvent, OpenedDocuments, OpenedImage, OpenImageOptions } from "../index.ts";
import { containersStorageRoot } from "./containers-storage-root.ts";
import { type ImageOptions, limitsOf } from "./image-options.ts";
import { createLoadProgress, type Progress } from "./progress.ts";
import { registryOptions } from "./registry-options.ts";
import { storeRoot } from "./store-root.ts";
import type { Terminal } from "./terminal.ts";
import { cacheDirectory } from "./user-directories.ts";

export interface WithImageOptions {
  readonly terminal: Terminal;
  readonly options: ImageOptions;
  /** See `OpenImageOptions.spool`: `eager` for verbs that read many files. */
  readonly spool?: "lazy" | "eager";
  /** See `OpenImageOptions.history`: for verbs that tell what became of files. */
  readonly history?: boolean;
}

/** Opens an image, says on stderr what was passed over, lets `use` work with it and closes it. */
export async function withImage<T>(
  name: string,
  options: WithImageOptions,
  use: (image: OpenedImage) => Promise<T>,
): Promise<T> {
  return await withDocuments(name, options, async (documents) => await use(await documents.load()));
}

/** {@link withImage} for verbs that need the documents, and the layers only perhaps. */
export async function withDocuments<T>(
  name: string,
  options: WithImageOptions,
  use: (documents: OpenedDocuments) => Promise<T>,
): Promise<T> {
  const { terminal } = options;
  assertNoTerminal(name, terminal);
  const progress = createLoadProgress(terminal);
  await using documents = await open(name, openOptions(options, progress));
  const load = async (): Promise<OpenedImage> => {
    try {
      return await documents.load();
    } finally {
      await progress.clear();
    }
  };
  for (const { what, reason } of documents.source.skipped) await terminal.note(`skipped ${what}: ${reason}`);
  return await use({ ...documents, load });
}

/** The image with its layers, unless these would have to be downloaded first. */
export async function loadUnlessRemote(documents: OpenedDocuments): Promise<OpenedDocuments | OpenedImage> {
  return documents.source.transport === "docker" ? documents : await documents.load();
}

async function open(name: string, options: OpenImageOptions): Promise<OpenedDocuments> {
  const { openDocuments } = await import("../index.ts");
  return await openDocuments(name, options);
}

function openOptions(
  { terminal, options, spool = "lazy", history = false }: WithImageOptions,
  progress: Progress<LoadEvent>,
): OpenImageOptions {
  return {
    ...placeOptions(options, terminal),
    spool,
    history,
    onProgress: (event: LoadEvent) => progress.report(event),
  };
}

/** What the options of a verb say about the images that it opens. */
export function placeOptions(options: ImageOptions, terminal: Terminal): OpenImageOptions & { readonly store: string } {
  return {
    platform: options.platform,
    verify: options.verify,
    cache: options.cache ? (options.cacheDir ?? defaultCacheDirectory(terminal.env)) : undefined,
    limits: limitsOf(options),
    store: storeRoot(options, terminal.env),
    registry: registryOptions(options, terminal.env),
    containersStorage: containersStorageRoot(terminal.env),
    stdin: terminal.stdin,
    signal: terminal.signal,
  };
}

/** Where tables of contents of layers are remembered: small, bounded, and safe to delete. */
function defaultCacheDirectory(env: Terminal["env"]): string {
  return join(cacheDirectory(env), "strata");
}

function assertNoTerminal(name: string, terminal: Terminal): void {
  if (name !== "-" || terminal.stdin.isTTY !== true) return;
  throw new StrataError({
    code: "stdin-is-terminal",
    kind: "invalid-argument",
    message: "Standard input is a terminal, not an image",
    hint: "Pipe one in: docker save IMAGE | strata ls -",
  });
}
