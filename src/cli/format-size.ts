const UNITS = ["", "K", "M", "G", "T", "P", "E"] as const;

/** A size in powers of 1024 as `ls -h` and `du -h` write it: rounded up, one decimal below ten (`4.1K`, `23M`). */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return String(value);
  const tenths = Math.ceil(value * 10) / 10;
  if (tenths < 10) return `${tenths.toFixed(1)}${UNITS[unit]}`;
  const whole = Math.ceil(value);
  return whole === 1024 && unit < UNITS.length - 1 ? `1.0${UNITS[unit + 1]}` : `${whole}${UNITS[unit]}`;
}

/** A size in a sentence: `370 bytes`, `4.1K`. */
export function formatBytes(bytes: number): string {
  return bytes < 1024 ? `${bytes} ${bytes === 1 ? "byte" : "bytes"}` : formatSize(bytes);
}

/** A part of a whole in percent: `12.5 %`; a dash when the whole is nothing. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((part / whole) * 100).toFixed(1)} %`;
}
