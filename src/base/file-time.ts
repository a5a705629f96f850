/** A point in time: whole seconds since the epoch (a safe integer, may be negative) and 0–999,999,999 nanoseconds after them. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const NANOSECONDS = 1_000_000_000n;

/** The point in time so many nanoseconds after the epoch, or before it. */
export function timeOfNanoseconds(nanoseconds: bigint): FileTime {
  const rest = ((nanoseconds % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return { seconds: Number((nanoseconds - rest) / NANOSECONDS), nanoseconds: Number(rest) };
}

/** Whether `a` comes after `b`. */
export function isLater(a: FileTime, b: FileTime): boolean {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanoseconds > b.nanoseconds);
}

/** Whether both are one point in time. */
export function isSameTime(a: FileTime, b: FileTime): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
}
