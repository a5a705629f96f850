import { wrongType } from "./argument-error.ts";

/** A time as `utimes` takes it: seconds since the epoch, as number or text of one, or a date. */
export type TimeArgument = number | string | Date;

const NS_PER_SECOND = 1_000_000_000n;

/**
 * Nanoseconds since the epoch. Numbers hold about a quarter of a microsecond nowadays.
 * @throws TypeError `ERR_INVALID_ARG_TYPE` when it is none
 */
export function nanosecondsOf(time: TimeArgument, name: string): bigint {
  const seconds = secondsOf(time);
  if (!Number.isFinite(seconds)) throw wrongType(name, "of type number or string or an instance of Date", time);
  const whole = Math.floor(seconds);
  return BigInt(whole) * NS_PER_SECOND + BigInt(Math.round((seconds - whole) * 1e9));
}

/** As a number, for functions that take nothing finer. */
export function toSeconds(ns: bigint): number {
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return Number((ns - rest) / NS_PER_SECOND) + Number(rest) / 1e9;
}

function secondsOf(time: unknown): number {
  if (time instanceof Date) return time.getTime() / 1e3;
  if (typeof time === "number") return time;
  return typeof time === "string" && time.trim() !== "" ? Number(time) : Number.NaN;
}
