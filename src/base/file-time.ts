/** A point in time: whole seconds since the epoch (a safe integer, may be negative) and 0–999,999,999 nanoseconds after them. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}
