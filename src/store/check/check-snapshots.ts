import { join, relative } from "node:path";
import { assertNotAborted } from "../../base/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { RecordedSnapshot } from "../../snapshot/index.ts";
import type { Fault } from "../fault.ts";
import { blobPath } from "../store-layout.ts";
import type { CheckContext } from "./check-context.ts";

/**
 * Holds what is unpacked against its records: each record makes sense, what a snapshot stands on is there, and so are the
 * tars that it needs, and what was derived of them is what was written. The bytes of the tars are checked as blobs.
 */
export async function* checkSnapshots(context: CheckContext): AsyncGenerator<Fault> {
  const { parts, options, unpacked, users } = context;
  const { snapshots, damaged } = unpacked;
  for (const path of damaged) yield recordDamaged(join("snapshots", path));
  const names = new Set(snapshots.map(({ driver, name }) => `${driver} ${name}`));
  for (const snapshot of snapshots) {
    assertNotAborted(options.signal);
    const { driver, parent } = snapshot;
    if (parent !== undefined && !names.has(`${driver} ${parent}`)) yield parentMissing(snapshot);
    for (const tar of snapshot.content) {
      if ((await parts.content.stat(tar)) === undefined) yield tarMissing(snapshot, tar, users.get(tar) ?? []);
    }
    for (const path of await damagedImages(parts, snapshot)) yield imageDamaged(snapshot, path);
  }
}

/** Paths below the root of the store. */
async function damagedImages(
  { layout }: CheckContext["parts"],
  { driver, id }: RecordedSnapshot,
): Promise<readonly string[]> {
  if (driver !== "erofs") return [];
  const { findDamagedImages } = await import("../../snapshot/index.ts");
  const damaged = await findDamagedImages(join(layout.snapshots, driver, "data", id));
  return damaged.map((path) => relative(layout.root, path));
}

function imageDamaged({ driver, name }: RecordedSnapshot, path: string): Fault {
  return {
    code: "snapshot-image-damaged",
    severity: "warning",
    what: `The metadata image ${path} of the snapshot ${name} of the driver ${driver} is not what was written`,
    path,
    images: [],
    remedy: "repair the store: it is removed, and made again when it is next needed",
  };
}

function recordDamaged(path: string): Fault {
  return {
    code: "snapshot-record-damaged",
    severity: "error",
    what: `The record ${path} of a snapshot makes no sense; as long as it is there no blob is freed`,
    path,
    images: [],
    remedy: "repair the store: it is moved to quarantine, and pulling unpacks what is missing",
  };
}

function parentMissing({ driver, name, parent }: RecordedSnapshot): Fault {
  return {
    code: "snapshot-parent-missing",
    severity: "error",
    what: `The snapshot ${name} of the driver ${driver} stands on ${parent}, which is gone`,
    path: join("snapshots", driver),
    images: [],
    remedy: "pull the image again, which unpacks what is missing, or remove the snapshot",
  };
}

function tarMissing({ driver, name }: RecordedSnapshot, tar: Digest, images: readonly string[]): Fault {
  return {
    code: "snapshot-tar-missing",
    severity: "error",
    what: `The uncompressed tar ${tar} that the snapshot ${name} of the driver ${driver} needs is missing`,
    digest: tar,
    path: blobPath(tar),
    images,
    remedy: "pull the image again, which unpacks the layer again",
  };
}
