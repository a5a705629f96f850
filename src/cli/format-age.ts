const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** How long ago a time of RFC 3339 was: `3 weeks ago`; the text itself when it is no time. `now` in milliseconds since 1970. */
export function formatAge(time: string, now: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  const seconds = Math.floor((now - at) / 1000);
  if (seconds < 0) return time.slice(0, 10);
  for (const [unit, length] of UNITS) {
    const count = Math.floor(seconds / length);
    if (count >= (unit === "second" ? 0 : 2)) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "0 seconds ago";
}
