import { StrataError } from "../base/index.ts";

/** The machine an image is for (image-spec image-index.md#image-index-property-descriptions). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

const PART = /^[A-Za-z0-9_.-]+$/;
const ARCHITECTURES: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  x64: { architecture: "amd64" },
  i386: { architecture: "386" },
  i686: { architecture: "386" },
  ia32: { architecture: "386" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};
/** The variant that everybody means when none is named. */
const DEFAULT_VARIANT: Readonly<Record<string, string>> = { arm: "v7", arm64: "v8", amd64: "v1" };

/**
 * Parses `os/architecture[/variant]`, or an architecture alone for Linux; normalised.
 * @throws StrataError `invalid-platform`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) throw invalidPlatform(text);
  const [first = "", second, variant] = parts;
  if (second === undefined && isOperatingSystem(first)) throw invalidPlatform(text);
  return normalizePlatform({
    os: second === undefined ? "linux" : first,
    architecture: second ?? first,
    ...(variant === undefined ? {} : { variant }),
  });
}

/**
 * The one spelling of a platform, as containerd normalises it: x86_64 → amd64, aarch64 → arm64, arm gets its
 * default variant v7, and a variant that goes without saying (arm64 v8, amd64 v1) is left out.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const alias = Object.hasOwn(ARCHITECTURES, named) ? ARCHITECTURES[named] : undefined;
  const architecture = alias?.architecture ?? named;
  const variant = normalizeVariant(architecture, platform.variant?.toLowerCase() || alias?.variant);
  const { variant: _, ...rest } = platform;
  return { ...rest, os: os === "macos" ? "darwin" : os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** `os/architecture[/variant]` of the normalised platform. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, variant].filter((part) => part !== undefined && part !== "").join("/");
}

/**
 * How well a machine of the platform `wanted` runs an image for `offered`: 0 is exact, larger is an older variant of
 * the same architecture (arm v7 runs v6), undefined is not at all.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const [machine, image] = [normalizePlatform(wanted), normalizePlatform(offered)];
  if (machine.os !== image.os || machine.architecture !== image.architecture) return undefined;
  if (wanted["os.version"] !== undefined && wanted["os.version"] !== offered["os.version"]) return undefined;
  const [have, need] = [variantNumber(machine), variantNumber(image)];
  if (have === undefined || need === undefined) return machine.variant === image.variant ? 0 : undefined;
  return have >= need ? have - need : undefined;
}

/** The candidate that fits best, the first of equals; undefined when none fits. */
export function selectPlatform<Candidate>(
  wanted: Platform,
  candidates: readonly Candidate[],
  platformOf: (candidate: Candidate) => Platform | undefined,
): Candidate | undefined {
  let best: { candidate: Candidate; distance: number } | undefined;
  for (const candidate of candidates) {
    const platform = platformOf(candidate);
    const distance = platform === undefined ? undefined : platformDistance(wanted, platform);
    if (distance !== undefined && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

function normalizeVariant(architecture: string, variant: string | undefined): string | undefined {
  const prefixed = variant !== undefined && /^[0-9]/.test(variant) ? `v${variant}` : variant;
  if (architecture === "arm") return prefixed ?? DEFAULT_VARIANT["arm"];
  return prefixed === DEFAULT_VARIANT[architecture] ? undefined : prefixed;
}

function variantNumber({ architecture, variant }: Platform): number | undefined {
  const match = /^v([0-9]+)$/.exec(variant ?? DEFAULT_VARIANT[architecture] ?? "");
  return match === null ? undefined : Number(match[1]);
}

function isOperatingSystem(text: string): boolean {
  return ["linux", "windows", "darwin", "macos", "freebsd", "netbsd", "openbsd"].includes(text.toLowerCase());
}

function invalidPlatform(text: string): StrataError {
  return new StrataError({
    code: "invalid-platform",
    kind: "invalid-argument",
    message: `${JSON.stringify(text)} is not a platform`,
    hint: "Write OS/ARCHITECTURE[/VARIANT], for example linux/amd64 or linux/arm/v7",
  });
}
