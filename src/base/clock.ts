import { randomBytes } from "node:crypto";

/** Milliseconds since the epoch. For ages and expiry only: nothing that is hashed or written may depend on it. */
export function now(): number {
  return Date.now();
}

/** 16 hex digits that no other process picks: for names of temporary files. */
export function randomName(): string {
  return randomBytes(8).toString("hex");
}
