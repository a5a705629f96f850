import type { Command } from "commander";
import { StrataError } from "../../base/index.ts";
import type { ConfigChange, NamedValues } from "../../index.ts";
import { parseCount } from "../parse-numbers.ts";

/** What a verb has that changes how containers run. Values of lists come in the order of the command line. */
export interface ConfigOptions {
  readonly env?: readonly string[];
  readonly unsetEnv?: readonly string[];
  readonly label?: readonly string[];
  readonly unsetLabel?: readonly string[];
  readonly entrypoint?: string;
  readonly cmd?: string;
  readonly user?: string;
  readonly workdir?: string;
  readonly expose?: readonly string[];
  readonly unexpose?: readonly string[];
  readonly volume?: readonly string[];
  readonly unsetVolume?: readonly string[];
  readonly stopSignal?: string;
  readonly healthcheck?: string;
  readonly healthcheckInterval?: string;
  readonly healthcheckTimeout?: string;
  readonly healthcheckStartPeriod?: string;
  readonly healthcheckRetries?: number;
  readonly author?: string;
  readonly annotation?: readonly string[];
}

/** Declares {@link ConfigOptions}. Options that take lists can be given several times. */
export function addConfigOptions(command: Command): Command {
  return command
    .optionsGroup("Configuration:")
    .option("--env <name=value>", "set a variable of the environment", collect)
    .option("--unset-env <name>", "take one out", collect)
    .option("--label <name=value>", "set a label", collect)
    .option("--unset-label <name>", "take one out", collect)
    .option("--entrypoint <command>", 'as ["word", …]; another text of several words runs in a shell; "" takes it out')
    .option("--cmd <command>", "in the same ways")
    .option("--user <user>", "USER, UID, USER:GROUP or UID:GID")
    .option("--workdir <dir>", "the directory in which containers begin")
    .option("--expose <port>", "80, 53/udp or 8000-8010/tcp", collect)
    .option("--unexpose <port>", "take one out", collect)
    .option("--volume <dir>", "declare a volume", collect)
    .option("--unset-volume <dir>", "take one out", collect)
    .option("--stop-signal <signal>", "SIGTERM, or a number")
    .option("--healthcheck <command>", 'how containers are checked; "none" turns off what a base image has')
    .option("--healthcheck-interval <time>", "such as 30s, 1m30s or 500ms; alone, of the check that the image has")
    .option("--healthcheck-timeout <time>", "in the same ways")
    .option("--healthcheck-start-period <time>", "in the same ways")
    .option("--healthcheck-retries <n>", "failures in a row that count", parseCount)
    .option("--author <name>", "who is responsible for the image")
    .option("--annotation <name=value>", "set an annotation of the manifest", collect);
}

/** What the options mean; undefined where none was given. */
export function configChangeOf(options: ConfigOptions): ConfigChange | undefined {
  const change: ConfigChange = {
    env: named(options.env, options.unsetEnv, "--env"),
    labels: named(options.label, options.unsetLabel, "--label"),
    annotations: named(options.annotation, undefined, "--annotation"),
    entrypoint: words(options.entrypoint, "--entrypoint"),
    cmd: words(options.cmd, "--cmd"),
    user: emptied(options.user),
    workingDir: emptied(options.workdir),
    exposedPorts: changedSet(options.expose, options.unexpose),
    volumes: changedSet(options.volume, options.unsetVolume),
    stopSignal: emptied(options.stopSignal),
    healthcheck: healthcheckOf(options),
    author: emptied(options.author),
  };
  return Object.values(change).every((value) => value === undefined) ? undefined : change;
}

/** The options of a list, in their order. */
function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** A command: words as JSON, one word, or a text for the shell; null for none. */
function words(text: string | undefined, option: string): string[] | null | undefined {
  if (text === undefined) return undefined;
  if (text === "") return null;
  if (!text.startsWith("[")) return /\s/.test(text) ? ["/bin/sh", "-c", text] : [text];
  const parsed = parseJson(text);
  if (Array.isArray(parsed) && parsed.every((word) => typeof word === "string")) return parsed;
  throw unusable(option, text, 'It begins like JSON and is no array of texts, such as ["nginx", "-g", "daemon off;"]');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. */
function duration(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  if (!isWhole) throw unusable(option, text, "A time is a number with its unit, such as 30s, 1m30s or 500ms");
  return Math.round(parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit as string] as number), 0));
}

function unusable(option: string, value: string, hint: string): StrataError {
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: `${option} cannot be "${value}"`,
    hint,
  });
}

function named(
  set: readonly string[] | undefined,
  unset: readonly string[] | undefined,
  option: string,
): NamedValues | undefined {
  if (set === undefined && unset === undefined) return undefined;
  const pairs = (set ?? []).map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
    throw unusable(option, text, "It is NAME=VALUE");
  });
  return Object.fromEntries([...(unset ?? []).map((name): [string, null] => [name, null]), ...pairs]);
}

function changedSet(
  add: readonly string[] | undefined,
  remove: readonly string[] | undefined,
): ConfigChange["volumes"] {
  return add === undefined && remove === undefined ? undefined : { add, remove };
}

/** The empty text takes a value out. */
function emptied(text: string | undefined): string | null | undefined {
  return text === "" ? null : text;
}

function healthcheckOf(options: ConfigOptions): ConfigChange["healthcheck"] {
  const { healthcheck: test } = options;
  const times = {
    intervalMs: duration(options.healthcheckInterval, "--healthcheck-interval"),
    timeoutMs: duration(options.healthcheckTimeout, "--healthcheck-timeout"),
    startPeriodMs: duration(options.healthcheckStartPeriod, "--healthcheck-start-period"),
    retries: options.healthcheckRetries,
  };
  const hasTimes = Object.values(times).some((value) => value !== undefined);
  if (test === undefined) return hasTimes ? times : undefined;
  if (test === "" || test.toLowerCase() === "none") {
    if (hasTimes) throw unusable("--healthcheck", test, "It leaves no check, and another option says when it is done");
    return test === "" ? null : "none";
  }
  return { test: test.startsWith("[") ? (words(test, "--healthcheck") ?? []) : test, ...times };
}
