import type { FileTime } from "../base/index.ts";

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

const DAY = 86_400;
/** Files of an image share few days; a hostile one must not fill the memory. */
const KNOWN_DAYS = 4096;
const knownDays = new Map<number, string>();
const TWO_DIGITS = Array.from({ length: 60 }, (_, i) => pad(i));

/** `2023-11-14T22:13:20.000000000Z`; `@SECONDS.NANOSECONDS` for times beyond what a calendar in JavaScript can say. */
export function isoTime(time: FileTime): string {
  const day = Math.floor(time.seconds / DAY);
  const date = dayText(day);
  if (date === "") return `@${time.seconds}.${nanoseconds(time)}`;
  const rest = time.seconds - day * DAY;
  const minutes = Math.floor(rest / 60);
  const clock = `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[rest % 60]}`;
  return `${date}T${clock}.${nanoseconds(time)}Z`;
}

function dayText(day: number): string {
  let text = knownDays.get(day);
  if (text === undefined) {
    const date = new Date(day * DAY * 1000);
    text = Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, -"T00:00:00.000Z".length);
    if (knownDays.size >= KNOWN_DAYS) knownDays.clear();
    knownDays.set(day, text);
  }
  return text;
}

function nanoseconds(time: FileTime): string {
  return time.nanoseconds === 0 ? "000000000" : String(time.nanoseconds).padStart(9, "0");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
