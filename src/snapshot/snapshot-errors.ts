import { StrataError } from "../base/index.ts";

/** A key or name that must be free is taken. */
export function snapshotExists(name: string): StrataError {
  return new StrataError({
    code: "snapshot-exists",
    kind: "already-exists",
    message: `There is a snapshot "${name}" already`,
    details: { snapshot: name },
  });
}

/** No snapshot has that key or name. */
export function snapshotNotFound(name: string): StrataError {
  return new StrataError({
    code: "snapshot-not-found",
    kind: "not-found",
    message: `There is no snapshot "${name}"`,
    details: { snapshot: name },
  });
}

/** What is to be a parent may still change. */
export function snapshotNotCommitted(name: string): StrataError {
  return new StrataError({
    code: "snapshot-not-committed",
    kind: "failed-precondition",
    message: `Cannot build on the snapshot "${name}": it is not committed`,
    details: { snapshot: name },
    hint: "Commit it first",
  });
}

/** `purpose` completes "Cannot … the snapshot". */
export function snapshotNotActive(name: string, purpose: "commit" | "compare" | "mount"): StrataError {
  return new StrataError({
    code: "snapshot-not-active",
    kind: "failed-precondition",
    message: `Cannot ${purpose} the snapshot "${name}": it is not active`,
    details: { snapshot: name },
    ...(purpose === "mount" ? { hint: "Make a view of it, or prepare a snapshot on it, and mount that" } : {}),
  });
}

/** Other snapshots build on it; `child` is one of them. */
export function snapshotHasChildren(name: string, child: string): StrataError {
  return new StrataError({
    code: "snapshot-has-children",
    kind: "failed-precondition",
    message: `Cannot remove the snapshot "${name}": "${child}" builds on it`,
    details: { snapshot: name, child },
    hint: "Remove what builds on it first",
  });
}

/** It is mounted, at `target`. `purpose` completes "Cannot … the snapshot". */
export function snapshotInUse(name: string, target: string, purpose: "commit" | "remove"): StrataError {
  return new StrataError({
    code: "snapshot-in-use",
    kind: "failed-precondition",
    message: `Cannot ${purpose} the snapshot "${name}": it is mounted at ${target}`,
    details: { snapshot: name, target },
    hint: `Unmount it first: strata umount ${target}`,
  });
}

/** A text that names no snapshot. */
export function invalidSnapshotName(name: string): StrataError {
  return new StrataError({
    code: "invalid-snapshot-name",
    kind: "invalid-argument",
    message: `"${name}" cannot name a snapshot: a name is a text that is not empty and has no NUL`,
    details: { snapshot: name },
  });
}

/** The file that describes a snapshot does not say what it must. */
export function damagedRecord(path: string, cause?: unknown): StrataError {
  return new StrataError({
    code: "snapshot-record-damaged",
    kind: "integrity",
    message: `The record of a snapshot, ${path}, is damaged`,
    details: { path },
    hint: "A repair of the store sets it aside; then the image can be unpacked again",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A snapshot that others build on is gone, which nobody but the disk or a stranger can have done. */
export function missingParent(name: string, parent: string): StrataError {
  return new StrataError({
    code: "snapshot-parent-missing",
    kind: "integrity",
    message: `The snapshot "${name}" builds on "${parent}", which is gone`,
    details: { snapshot: name, parent },
    hint: `Remove "${name}" and unpack the image again`,
  });
}
