import { existsSync } from "node:fs";
import { StrataError } from "../../base/index.ts";
import { resolveStoragePath, type StoragePath, storagePath } from "../storage-driver/resolve-storage-path.ts";

/** Where podman keeps its images when root runs it. */
const SYSTEM_ROOT = "/var/lib/containers/storage";
/** containers/image docs/containers-transports.5.md: `[driver@]graph-root[+run-root][:options]`. */
const SPECIFIER = /^\[(?:([a-z0-9-]+)@)?([/.][^\]+:]*)(?:\+[^\]:]*)?(?::[^\]]*)?\](.*)$/s;

/**
 * Reads what follows `containers-storage:`: skopeo's `[DRIVER@ROOT+RUNROOT]REF`, or `ROOT#REF`, or a `REF` in the default
 * root. A run root holds nothing that reading needs. `REF@ID` and `@ID` mean the image of that id.
 *
 * @throws StrataError `invalid-image-name`
 */
export function resolveContainersStorage(rest: string, defaultRoot: string = SYSTEM_ROOT): StoragePath {
  if (rest.startsWith("[")) {
    const [, driver, root, reference] = SPECIFIER.exec(rest) ?? [];
    if (root === undefined || reference === undefined) throw invalidSpecifier(rest);
    return storagePath(root, driver === undefined ? idOf(reference) : `${driver}@${idOf(reference)}`);
  }
  if (rest.includes("#") || rest.startsWith("/") || existsSync(rest)) return resolveStoragePath(rest);
  return storagePath(defaultRoot, idOf(rest));
}

function idOf(reference: string): string {
  return /@([0-9a-f]{64})$/.exec(reference)?.[1] ?? reference;
}

function invalidSpecifier(rest: string): StrataError {
  return new StrataError({
    code: "invalid-image-name",
    kind: "invalid-argument",
    message: `containers-storage:${rest} does not name an image`,
    hint: "Write containers-storage:ROOT#REF, or [DRIVER@ROOT]REF as skopeo does",
  });
}
