import { arch } from "node:os";
import type { Platform } from "./oci/index.ts";

/** Node's names of architectures where they are not Go's, which images use. */
const GO_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le", mipsel: "mipsle" };

/** The platform whose images a container engine on this machine would run: Linux, whatever the machine itself runs. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: GO_NAMES[arch()] ?? arch() };
}
