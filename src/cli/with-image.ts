import { homedir } from "node:os";
import { join } from "node:path";
import { StrataError } from "../base/index.ts";
import type { LoadEvent, OpenedImage } from "../index.ts";
import { containersStorageRoot } from "./containers-storage-root.ts";
import { type ImageOptions, limitsOf } from "./image-options.ts";
import { createLoadProgress } from "./progress.ts";
import { registryOptions } from "./registry-options.ts";
import { storeRoot } from "./store-root.ts";
import type { Terminal } from "./terminal.ts";

export interface WithImageOptions {
  readonly terminal: Terminal;
  readonly options: ImageOptions;
  /** See `OpenImageOptions.spool`: `eager` for verbs that read many files. */
  readonly spool?: "lazy" | "eager";
}

/** Opens an image, says on stderr what was passed over, lets `use` work with it and closes it. */
export async function withImage<T>(
  name: string,
  options: WithImageOptions,
  use: (image: OpenedImage) => Promise<T>,
): Promise<T> {
  assertNoTerminal(name, options.terminal);
  await using image = await open(name, options);
  for (const { what, reason } of image.source.skipped) await options.terminal.note(`skipped ${what}: ${reason}`);
  return await use(image);
}

async function open(name: string, { terminal, options, spool = "lazy" }: WithImageOptions): Promise<OpenedImage> {
  const { openImage } = await import("../index.ts");
  const progress = createLoadProgress(terminal);
  const cache = options.cache ? (options.cacheDir ?? defaultCacheDirectory(terminal.env)) : undefined;
  const opening = openImage(name, {
    platform: options.platform,
    verify: options.verify,
    cache,
    spool,
    limits: limitsOf(options),
    store: storeRoot(options, terminal.env),
    registry: registryOptions(options, terminal.env),
    containersStorage: containersStorageRoot(terminal.env),
    stdin: terminal.stdin,
    signal: terminal.signal,
    onProgress: (event: LoadEvent) => progress.report(event),
  });
  try {
    return await opening;
  } finally {
    await progress.clear();
  }
}

/** Where tables of contents of layers are remembered: small, bounded, and safe to delete. */
function defaultCacheDirectory(env: Terminal["env"]): string {
  const base = env["XDG_CACHE_HOME"];
  return join(base?.startsWith("/") === true ? base : join(env["HOME"] ?? homedir(), ".cache"), "strata");
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
