import { promises as fs } from "node:fs";
import { directoryMembers } from "./directory-members.ts";
import { isSkopeoDirectory } from "./skopeo-dir/skopeo-dir-place.ts";

/**
 * Whether a name without a transport is a directory that holds files and not an image: neither a layout of OCI nor what
 * skopeo writes for `dir:`.
 */
export async function leadsToTree(path: string): Promise<boolean> {
  const stats = await fs.stat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) return false;
  const members = directoryMembers(path);
  return !(await members.has("oci-layout")) && !(await isSkopeoDirectory(members));
}
