import { createHash } from "node:crypto";
import * as v from "valibot";
import { type Digest, isDigest } from "../oci/index.ts";
import { damagedRecord } from "./snapshot-errors.ts";
import type { SnapshotInfo, SnapshotKey, SnapshotName, SnapshotUsage } from "./snapshotter.ts";

/** What is kept of a snapshot. */
export interface SnapshotRecord {
  /** Names its directory below `data`, and its lock. Of characters that no mount option minds: `[a-z0-9]`. */
  readonly id: string;
  readonly info: SnapshotInfo;
  /** Of committed snapshots. */
  readonly usage?: SnapshotUsage | undefined;
  /** Of views: see `ViewOptions`. */
  readonly isTransient?: boolean | undefined;
}

const DIGEST = v.pipe(
  v.string(),
  v.check(isDigest),
  v.transform((text) => text as Digest),
);

const FACE = v.object({
  name: v.string(),
  kind: v.picklist(["active", "view", "committed"]),
  labels: v.record(v.string(), v.string()),
  updatedAt: v.number(),
  content: v.array(DIGEST),
  usage: v.optional(v.object({ bytes: v.number(), inodes: v.number() })),
});

/**
 * A record as it lies on disk. Of its faces that one is in force whose name the file has, so that renaming the file makes
 * an active snapshot a committed one: there is no moment in which it is both or neither.
 */
const RECORD_FILE = v.object({
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[a-z0-9]+$/)),
  parent: v.nullable(v.string()),
  createdAt: v.number(),
  isTransient: v.optional(v.literal(true)),
  faces: v.array(FACE),
});

/** The name of the file that keeps the record of that snapshot. */
export function recordFileName(name: string): string {
  return `${createHash("sha256").update(name).digest("hex")}.json`;
}

/** A record as text. With `pending`, the same snapshot as it will be once the file has that one's name. */
export function encodeRecord(record: SnapshotRecord, pending?: SnapshotRecord): string {
  const { id, info, isTransient = false } = record;
  const faces = [record, ...(pending === undefined ? [] : [pending])].map(faceOf);
  const file = { version: 1, id, parent: info.parent ?? null, createdAt: info.createdAt };
  return `${JSON.stringify({ ...file, ...(isTransient && { isTransient }), faces })}\n`;
}

/** The record in the file at `path`, whose name is `fileName`. @throws StrataError `snapshot-record-damaged` */
export function decodeRecord(text: string, { path, fileName }: { path: string; fileName: string }): SnapshotRecord {
  const { id, parent, createdAt, isTransient, faces } = parseFile(text, path);
  const face = faces.find(({ name }) => recordFileName(name) === fileName);
  if (face === undefined) throw damagedRecord(path);
  const { kind, labels, updatedAt, content, usage } = face;
  const name = face.name as SnapshotKey | SnapshotName;
  const info = { name, kind, parent: (parent ?? undefined) as SnapshotName | undefined };
  return { id, info: { ...info, labels, createdAt, updatedAt, content }, usage, isTransient };
}

function parseFile(text: string, path: string): v.InferOutput<typeof RECORD_FILE> {
  try {
    return v.parse(RECORD_FILE, JSON.parse(text));
  } catch (error) {
    throw damagedRecord(path, error);
  }
}

function faceOf({ info, usage }: SnapshotRecord): v.InferInput<typeof FACE> {
  const { name, kind, labels, updatedAt, content } = info;
  return { name, kind, labels, updatedAt, content: [...content], ...(usage === undefined ? {} : { usage }) };
}
