import { invalidChange } from "./check-config-change.ts";
import type { Healthcheck } from "./config-change.ts";
import { type RawObject, withMembers } from "./document.ts";

/**
 * A health check as docker writes it down: times in nanoseconds.
 * @param before what the image has
 * @throws StrataError `invalid-config-change`
 */
export function healthcheckDocument(check: Healthcheck | "none", before: RawObject): RawObject {
  if (check === "none") return { Test: ["NONE"] };
  const given = Object.entries(timesOf(check)).filter(([, value]) => value !== undefined);
  if (check.test !== undefined) return { Test: wordsOf(check.test), ...Object.fromEntries(given) };
  const [first] = Array.isArray(before["Test"]) ? (before["Test"] as readonly unknown[]) : [];
  if (first === undefined || first === "NONE") {
    const hint = "Give the command that checks it, too";
    throw invalidChange("healthcheck", check, "the image has no check whose times these could be", hint);
  }
  return withMembers(before, Object.fromEntries(given));
}

function wordsOf(test: NonNullable<Healthcheck["test"]>): readonly string[] {
  const words = typeof test === "string" ? ["CMD-SHELL", test] : ["CMD", ...test];
  if (words.length < 2 || words[1] === "") throw invalidChange("healthcheck", test, "the command is empty");
  return words;
}

function timesOf(check: Healthcheck): RawObject {
  const { retries } = check;
  if (retries !== undefined && !(Number.isSafeInteger(retries) && retries >= 0)) {
    throw invalidChange("healthcheck", retries, "the number of retries must be whole and at least 0");
  }
  return {
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: nanoseconds(check.startIntervalMs),
    Retries: retries,
  };
}

/** Docker refuses times below a millisecond, save 0, which means its default. */
function nanoseconds(milliseconds: number | undefined): number | undefined {
  if (milliseconds === undefined) return undefined;
  const time = Math.round(milliseconds * 1e6);
  if (Number.isSafeInteger(time) && (time === 0 || time >= 1e6)) return time;
  throw invalidChange("healthcheck", milliseconds, "a time is 0 or at least 1 millisecond");
}
