import { StrataError } from "../../base/index.ts";
import { formatPlatform, type Platform, platformDistance } from "../../oci/index.ts";

/** The error for an image that is not there for the platform. */
export function platformNotFound(wanted: Platform, offered: readonly Platform[]): StrataError {
  const list = [...new Set(offered.map(formatPlatform))];
  return new StrataError({
    code: "platform-not-found",
    kind: "not-found",
    message: `The image is not for ${formatPlatform(wanted)} but for ${list.join(", ")}`,
    details: { platforms: list },
    hint: `Choose one with --platform, for example --platform ${list[0] ?? "linux/amd64"}`,
  });
}

/** Refuses an image that says it is for another platform than the one asked for; says nothing about one that does not. */
export function assertPlatform(wanted: Platform | undefined, offered: Platform | undefined): void {
  if (wanted === undefined || offered === undefined) return;
  if (platformDistance(wanted, offered) === undefined) throw platformNotFound(wanted, [offered]);
}
