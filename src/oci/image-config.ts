import * as v from "valibot";
import type { DiffId } from "./digest.ts";
import { decodeDocument, diffIdSchema, validateDocument } from "./document.ts";
import type { ParseJsonOptions } from "./json.ts";
import type { Platform } from "./platform.ts";

/** How to run a container of the image. Only what readers show is typed (image-spec config.md#properties). */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
  readonly Healthcheck?: Readonly<Record<string, unknown>>;
}

/** One build step. Steps without `empty_layer` belong to the layers, in order. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** The image configuration (image-spec config.md), names as in the document, nulls left out. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: RunConfig;
  /** Base layer first. */
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[];
}

const strings = v.exactOptional(v.array(v.string()));
/** Docker wrote a lone string here once. */
const stringOrStrings = v.exactOptional(
  v.union([
    v.array(v.string()),
    v.pipe(
      v.string(),
      v.transform((text) => [text]),
    ),
  ]),
);
const text = v.exactOptional(v.string());

const runConfigSchema = v.object({
  User: text,
  ExposedPorts: v.exactOptional(v.record(v.string(), v.unknown())),
  Env: strings,
  Entrypoint: stringOrStrings,
  Cmd: stringOrStrings,
  Volumes: v.exactOptional(v.record(v.string(), v.unknown())),
  WorkingDir: text,
  Labels: v.exactOptional(v.record(v.string(), v.string())),
  StopSignal: text,
  Shell: stringOrStrings,
  OnBuild: strings,
  Healthcheck: v.exactOptional(v.record(v.string(), v.unknown())),
});

const imageConfigSchema = v.object({
  architecture: v.optional(v.string(), ""),
  os: v.optional(v.string(), ""),
  variant: text,
  "os.version": text,
  "os.features": strings,
  created: text,
  author: text,
  config: v.exactOptional(runConfigSchema),
  rootfs: v.object({
    type: v.optional(v.literal("layers"), "layers"),
    diff_ids: v.optional(v.array(diffIdSchema), []),
  }),
  history: v.exactOptional(
    v.array(
      v.object({
        created: text,
        created_by: text,
        author: text,
        comment: text,
        empty_layer: v.exactOptional(v.boolean()),
      }),
    ),
  ),
});

/**
 * Parses an image configuration.
 * @throws StrataError of kind malformed: those of parseJson, or `invalid-image-config`.
 */
export function parseImageConfig(bytes: Uint8Array, options: ParseJsonOptions): ImageConfig {
  const value = decodeDocument(bytes, options);
  return validateDocument(imageConfigSchema, value, { what: options.what, code: "invalid-image-config" });
}

/** The platform that the configuration names; undefined when it leaves os or architecture out. */
export function platformOf(config: ImageConfig): Platform | undefined {
  const { os, architecture, variant } = config;
  if (os === "" || architecture === "") return undefined;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(config["os.version"] === undefined ? {} : { "os.version": config["os.version"] }),
  };
}
