import type { ExecFileException } from "node:child_process";
import { StrataError } from "../../../base/index.ts";
import type { Credential } from "./credential-store.ts";

/** A program that keeps logins, docker/docker-credential-helpers: JSON on standard input and output. */
export interface CredentialHelper {
  /** `docker-credential-pass`. */
  readonly name: string;
  get(server: string): Promise<Credential | undefined>;
  store(server: string, credential: Exclude<Credential, { readonly kind: "registry-token" }>): Promise<void>;
  erase(server: string): Promise<void>;
  /** Servers with their users. */
  list(): Promise<readonly (readonly [string, string])[]>;
}

/** How helpers are run. */
export interface HelperOptions {
  /** The helper's environment; `PATH` finds it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds; a helper may ask a human. 60 s unless given. */
  readonly timeout?: number;
}

const MAX_OUTPUT = 1024 * 1024;
const DEFAULT_TIMEOUT = 60_000;
/** What stands for the user where the secret is an identity token. */
const TOKEN_USER = "<token>";

/**
 * The helper `docker-credential-SUFFIX`. Nothing is run before a method is called.
 * @throws StrataError `invalid-docker-config` for a suffix that could be a path
 */
export function createCredentialHelper(suffix: string, options: HelperOptions): CredentialHelper {
  if (!/^[\w][\w.+-]*$/.test(suffix)) {
    throw new StrataError({
      code: "invalid-docker-config",
      kind: "malformed",
      message: `${JSON.stringify(suffix.slice(0, 100))} is not the name of a credential helper`,
    });
  }
  const name = `docker-credential-${suffix}`;
  const run = (verb: string, input: string) => runHelper({ name, verb, input }, options);
  return {
    name,
    get: async (server) => {
      const output = await run("get", server);
      return output === undefined ? undefined : parseAnswer(name, output);
    },
    store: async (server, credential) => {
      const isToken = credential.kind === "identity-token";
      const [Username, Secret] = isToken ? [TOKEN_USER, credential.token] : [credential.username, credential.password];
      await run("store", JSON.stringify({ ServerURL: server, Username, Secret }));
    },
    erase: async (server) => void (await run("erase", server)),
    list: async () => {
      const servers = parseObject(name, (await run("list", "")) ?? "{}");
      return Object.entries(servers).map(([server, user]) => [server, typeof user === "string" ? user : ""] as const);
    },
  };
}

interface HelperCall {
  readonly name: string;
  readonly verb: string;
  readonly input: string;
}

/** The helper's output; undefined when it has no such credential. */
async function runHelper(call: HelperCall, options: HelperOptions): Promise<string | undefined> {
  const { environment, timeout = DEFAULT_TIMEOUT } = options;
  const limits = { env: { ...environment }, timeout, maxBuffer: MAX_OUTPUT, windowsHide: true };
  // Loaded only here: it takes Node some milliseconds, and most commands ask no helper.
  const { execFile } = await import("node:child_process");
  return await new Promise((resolve, reject) => {
    const child = execFile(call.name, [call.verb], limits, (error, stdout) => {
      if (error === null) resolve(stdout);
      else if (/credentials not found/i.test(stdout)) resolve(undefined);
      else reject(helperError(call, error, stdout));
    });
    // A helper that ends without reading is judged by how it ends.
    child.stdin?.on("error", () => {});
    child.stdin?.end(call.input);
  });
}

/** The error of the platform is no cause of ours: it repeats what the helper wrote. */
function helperError(call: HelperCall, error: ExecFileException, stdout: string): StrataError {
  const { name, verb, input } = call;
  const details = { helper: name, verb };
  if (error.code === "ENOENT") {
    return new StrataError({
      code: "credential-helper-missing",
      kind: "failed-precondition",
      message: `The credential helper ${name} is not installed`,
      details,
      hint: "Install it, or take it out of credsStore and credHelpers of docker's config.json",
    });
  }
  const said = verb === "store" || stdout.includes("{") ? "" : spoken(stdout, input);
  const reason = error.killed === true ? "it did not answer in time" : said || "it gives no reason";
  return new StrataError({
    code: "credential-helper-failed",
    kind: "unavailable",
    message: `The credential helper ${name} failed to ${verb}: ${reason}`,
    details,
  });
}

function spoken(stdout: string, input: string): string {
  const line = stdout
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, 200);
  return input === "" ? line : line.replaceAll(input, "…");
}

function parseAnswer(name: string, output: string): Credential {
  const { Username: username, Secret: secret } = parseObject(name, output);
  if (typeof username !== "string" || typeof secret !== "string") throw badAnswer(name);
  if (username === TOKEN_USER) return { kind: "identity-token", token: secret };
  return { kind: "password", username, password: secret };
}

function parseObject(name: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse quotes what it cannot read: that may be the secret.
    value = undefined;
  }
  if (typeof value !== "object" || value === null) throw badAnswer(name);
  return value as Readonly<Record<string, unknown>>;
}

function badAnswer(name: string): StrataError {
  return new StrataError({
    code: "credential-helper-failed",
    kind: "unavailable",
    message: `The credential helper ${name} does not answer in its protocol`,
    details: { helper: name },
  });
}
