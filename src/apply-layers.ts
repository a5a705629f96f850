import { StrataError } from "./base/index.ts";
import { type ApplyLimits, applyChangesets, type ChangesetInput } from "./changeset/index.ts";
import { createLocalScratch, openFile } from "./content/index.ts";
import type { ExtractReport } from "./directory/index.ts";

/** How layers are applied to a directory. */
export interface ApplyLayersOptions {
  /** `apply` owners, devices and all attributes, which needs root; or `record` them. Default: `apply` for root. */
  readonly owners?: "apply" | "record" | undefined;
  readonly limits?: Partial<ApplyLimits> | undefined;
  /** What `-` stands for. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  /** For layers that are compressed or come from a stream. Default: the system's. */
  readonly temporaryDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does what layers do, the lowest first, to a directory, which is made when it is absent. Layers are files, compressed or
 * not; one of them may be `-`. Everything is decided before the first file is touched, and nothing outside of the
 * directory ever is; see `applyChangesets` of `stratafs/changeset`.
 *
 * @throws StrataError with the `layer` that is to blame, counted from 0, its `entry` and `offset`
 */
export async function applyLayers(
  layers: readonly string[],
  directory: string,
  { stdin, temporaryDirectory, ...options }: ApplyLayersOptions = {},
): Promise<ExtractReport> {
  if (layers.filter((layer) => layer === "-").length > 1) throw stdinTwice();
  await using scratch = createLocalScratch({ directory: temporaryDirectory });
  const inputs = layers.map((layer): ChangesetInput => {
    if (layer !== "-") return () => openFile(layer);
    if (stdin === undefined) throw new TypeError("A layer is -, and no stdin is given");
    return () => stdin;
  });
  return await applyChangesets(directory, inputs, { ...options, scratch });
}

function stdinTwice(): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: "Standard input can be only one of the layers",
  });
}
