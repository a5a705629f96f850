import type { FileTime } from "../tree/index.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Half a Gregorian year, as GNU ls has it. */
const HALF_YEAR = 31_556_952 / 2;

/**
 * The time as `ls -l` writes it in the C locale and the local time zone: `Nov 14 22:13`, or `Nov 14  2023` when it is
 * not within the last six months. `now` is in seconds since the epoch.
 */
export function formatListTime(time: FileTime, now: number): string {
  const date = new Date(time.seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(time.seconds).padStart(12);
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}`;
  const isRecent = time.seconds <= now && time.seconds > now - HALF_YEAR;
  if (!isRecent) return `${day} ${String(date.getFullYear()).padStart(5)}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** `2023-11-14 22:13:20.000000000 +0000`, local time, as `stat` writes it. */
export function formatFullTime(time: FileTime): string {
  const date = new Date(time.seconds * 1000);
  if (Number.isNaN(date.getTime())) return `@${time.seconds}.${nanoseconds(time)}`;
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${nanoseconds(time)}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`;
  return `${day} ${clock} ${zone}`;
}

let lastSeconds = Number.NaN;
let lastText = "";

/** `2023-11-14T22:13:20.000000000Z`; `@SECONDS.NANOSECONDS` for times beyond what a calendar in JavaScript can say. */
export function isoTime(time: FileTime): string {
  if (time.seconds !== lastSeconds) {
    const date = new Date(time.seconds * 1000);
    lastText = Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, -4);
    lastSeconds = time.seconds;
  }
  return lastText === "" ? `@${time.seconds}.${nanoseconds(time)}` : `${lastText}${nanoseconds(time)}Z`;
}

function nanoseconds(time: FileTime): string {
  return time.nanoseconds === 0 ? "000000000" : String(time.nanoseconds).padStart(9, "0");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
