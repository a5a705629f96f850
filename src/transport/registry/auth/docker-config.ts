import { promises as fs } from "node:fs";
import { basename } from "node:path";
import { StrataError } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";
import type { Credential } from "./credential-store.ts";
import { dockerKey, findByKey, parseRegistryKey } from "./registry-key.ts";
import { writePrivateFile } from "./write-private-file.ts";

type Document = Readonly<Record<string, unknown>>;

/** A `config.json` of docker or an `auth.json` of podman: what it says, and how it is written. */
export interface DockerConfig {
  readonly path: string;
  /** All of it: what we do not know is written back as it was. */
  readonly document: Document;
  /** What one level is indented by. */
  readonly indent: string;
}

/**
 * Reads a configuration; a file that is missing or empty says nothing.
 * @throws StrataError `invalid-docker-config`, `permission-denied`; neither quotes the file
 */
export async function readDockerConfig(path: string): Promise<DockerConfig> {
  const text = await fs.readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
    throw fileError(error, path, "read");
  });
  const document = text.trim() === "" ? {} : parseDocument(text, path);
  return { path, document, indent: /^([\t ]+)"/m.exec(text)?.[1] ?? "\t" };
}

/** The name of the helper that keeps a host's login, by `credHelpers`, else by `credsStore`. */
export function helperFor({ document }: DockerConfig, host: string, repository?: string): string | undefined {
  const [, special] = findByKey(entriesOf(document["credHelpers"]), host, repository) ?? [];
  const general = document["credsStore"];
  return nonEmpty(special) ?? nonEmpty(general);
}

/** All helpers that the configuration names. */
export function helpersOf({ document }: DockerConfig): ReadonlySet<string> {
  const named = [document["credsStore"], ...entriesOf(document["credHelpers"]).map(([, name]) => name)];
  return new Set(named.flatMap((name) => nonEmpty(name) ?? []));
}

/**
 * The login that stands in the file itself.
 * @throws StrataError `invalid-docker-config` when the entry cannot be read
 */
export function storedCredential(config: DockerConfig, host: string, repository?: string): Credential | undefined {
  const found = findByKey(entriesOf(config.document["auths"]), host, repository);
  return found === undefined ? undefined : credentialOf(found[1], found[0], config.path);
}

/** All logins that stand in the file itself, unreadable ones left out. */
export function storedCredentials(config: DockerConfig): readonly (readonly [string, Credential])[] {
  return entriesOf(config.document["auths"]).flatMap(([key, entry]) => {
    try {
      const credential = credentialOf(entry, key, config.path);
      const { host, path } = parseRegistryKey(key);
      return credential === undefined ? [] : [[path === "" ? host : `${host}/${path}`, credential] as const];
    } catch {
      return [];
    }
  });
}

/**
 * Writes the file with another entry for a host, in place of all its spellings; without one when `entry` is undefined. What
 * else stands in the file stays.
 */
export async function writeEntry(config: DockerConfig, host: string, entry: Document | undefined): Promise<void> {
  const { path, document, indent } = config;
  const others = entriesOf(document["auths"]).filter(([key]) => !isWholeHost(key, host));
  const key = basename(path) === "auth.json" ? host : dockerKey(host);
  const auths = Object.fromEntries(entry === undefined ? others : [...others, [key, entry]]);
  await writePrivateFile(path, `${JSON.stringify({ ...document, auths }, undefined, indent)}\n`);
}

/** Whether the file has an entry, be it empty, for a host as a whole. */
export function hasEntry({ document }: DockerConfig, host: string): boolean {
  return entriesOf(document["auths"]).some(([key]) => isWholeHost(key, host));
}

/** A credential as docker writes it into the file. */
export function entryOf(credential: Credential): Document {
  switch (credential.kind) {
    case "password":
      return { auth: Buffer.from(`${credential.username}:${credential.password}`).toString("base64") };
    case "identity-token":
      return {
        ...(credential.username === undefined
          ? {}
          : { auth: Buffer.from(`${credential.username}:`).toString("base64") }),
        identitytoken: credential.token,
      };
    case "registry-token":
      return { registrytoken: credential.token };
  }
}

function isWholeHost(key: string, host: string): boolean {
  const parsed = parseRegistryKey(key);
  return parsed.host === host && parsed.path === "";
}

function credentialOf(entry: unknown, key: string, path: string): Credential | undefined {
  if (typeof entry !== "object" || entry === null) throw invalidConfig(path, `its entry for ${key} is no object`);
  const { auth, username, password, identitytoken, registrytoken } = entry as Record<string, unknown>;
  const [user, secret] =
    nonEmpty(auth) === undefined ? [username, password] : splitAuth(nonEmpty(auth) ?? "", key, path);
  const name = nonEmpty(user);
  const token = nonEmpty(identitytoken) ?? (name === "<token>" ? nonEmpty(secret) : undefined);
  if (token !== undefined) {
    return { kind: "identity-token", token, ...(name === undefined || name === "<token>" ? {} : { username: name }) };
  }
  const ready = nonEmpty(registrytoken);
  if (ready !== undefined) return { kind: "registry-token", token: ready };
  return name === undefined ? undefined : { kind: "password", username: name, password: nonEmpty(secret) ?? "" };
}

function splitAuth(auth: string, key: string, path: string): readonly [string, string] {
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 0) throw invalidConfig(path, `the login for ${key} is not base64 of USER:PASSWORD`);
  // Docker once padded passwords with zeros.
  return [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, "")];
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function parseDocument(text: string, path: string): Document {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // JSON.parse quotes what it cannot read: that may be a password.
    throw invalidConfig(path, "it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidConfig(path, "it is no object");
  return value as Document;
}

function invalidConfig(path: string, problem: string): StrataError {
  return new StrataError({
    code: "invalid-docker-config",
    kind: "malformed",
    message: `Cannot read the logins in ${path}: ${problem}`,
    details: { path },
  });
}
