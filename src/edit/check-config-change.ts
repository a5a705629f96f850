import { StrataError } from "../base/index.ts";
import type { ConfigChange, NamedValues } from "./config-change.ts";

/** The error for a value that a configuration cannot have. */
export function invalidChange(field: string, value: unknown, reason: string, hint?: string): StrataError {
  const shown = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return new StrataError({
    code: "invalid-config-change",
    kind: "invalid-argument",
    message: `Cannot change ${field} to ${JSON.stringify(shown)}: ${reason}`,
    details: { field, value: shown },
    ...(hint !== undefined && { hint }),
  });
}

/** Refuses a change that no container engine could read, or not as it was meant. @throws StrataError `invalid-config-change` */
export function assertConfigChange(change: ConfigChange, os: string): void {
  for (const [name, value] of Object.entries(change.env ?? {})) {
    if (name === "" || name.includes("="))
      throw invalidChange("env", name, "a name is not empty and has no equals sign");
    assertText("env", name, value);
  }
  for (const field of ["labels", "annotations"] as const) assertNamed(field, change[field]);
  for (const field of ["entrypoint", "cmd", "shell"] as const) assertWords(field, change[field]);
  for (const field of ["user", "workingDir", "author"] as const) assertText(field, change[field]);
  assertPath("workingDir", change.workingDir, os);
  for (const path of change.volumes?.add ?? []) assertPath("volumes", path, os);
  assertSignal(change.stopSignal);
  assertPlatform(change);
}

function assertNamed(field: string, values: NamedValues = {}): void {
  for (const [name, value] of Object.entries(values)) {
    if (name === "") throw invalidChange(field, name, "a name is not empty");
    assertText(field, name, value);
  }
}

/** Text that survives JSON, the arguments of a process and its environment. */
function assertText(field: string, ...texts: readonly (string | null | undefined)[]): void {
  for (const text of texts) {
    if (text === null || text === undefined) continue;
    if (text.includes("\0")) throw invalidChange(field, text, "it has a byte 0");
    if (Buffer.from(text).toString() !== text) throw invalidChange(field, text, "it cannot be written as UTF-8");
  }
}

function assertWords(field: string, words: readonly string[] | null | undefined): void {
  if (words === null || words === undefined) return;
  assertText(field, ...words);
  if (words[0] === "") throw invalidChange(field, words, "the command has no name");
}

function assertPath(field: string, path: string | null | undefined, os: string): void {
  if (path === null || path === undefined) return;
  assertText(field, path);
  if (os === "windows" ? path !== "" : path.startsWith("/")) return;
  throw invalidChange(field, path, "the path must be absolute");
}

function assertSignal(signal: string | null | undefined): void {
  if (signal === null || signal === undefined) return;
  const number = /^\d{1,2}$/.test(signal) ? Number(signal) : undefined;
  if (number === undefined ? /^SIG[A-Z][A-Z0-9]*(?:[+-]\d{1,2})?$/.test(signal) : number >= 1 && number <= 64) return;
  throw invalidChange("stopSignal", signal, "a signal is a name such as SIGTERM, or a number from 1 to 64");
}

function assertPlatform({ platform }: ConfigChange): void {
  if (platform === undefined) return;
  const { os, architecture, variant } = platform;
  assertText("platform", os, architecture, variant);
  if (os === "" || architecture === "") throw invalidChange("platform", platform, "it names no os or no architecture");
}
