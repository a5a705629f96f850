import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { RegistryOptions } from "../index.ts";
import { createDockerConfigCredentials, type DockerConfigOptions } from "../transport/index.ts";
import { parseCount } from "./parse-numbers.ts";
import type { Terminal } from "./terminal.ts";
import { homeDirectory } from "./user-directories.ts";

/** The options of every verb that may speak to a registry. */
export interface RegistryVerbOptions {
  readonly insecure?: boolean;
  readonly authfile?: string;
  /** Added to the places in which docker and podman look. */
  readonly certDir?: string;
  readonly mirror?: Readonly<Record<string, readonly string[]>>;
  readonly retries?: number;
}

/** Declares {@link RegistryVerbOptions}, in a group of their own in the help. */
export function addRegistryOptions(command: Command): Command {
  return command
    .optionsGroup("Registry:")
    .option("--insecure", "plain HTTP, and certificates that are not valid")
    .option("--authfile <file>", "logins (default: those of docker and podman)")
    .option("--cert-dir <dir>", "certificates in the layout of /etc/docker/certs.d: DIR/HOST/*.crt, *.cert, *.key")
    .option("--mirror <host=url>", "ask there first for what is read from a host; repeatable", addMirror)
    .option("--retries <n>", "how often a request is repeated that failed for the moment (default: 4)", parseCount);
}

/** How registries are spoken to, from the options and the environment. */
export function registryOptions(options: RegistryVerbOptions, env: Terminal["env"]): RegistryOptions {
  const { insecure = false, certDir, mirror, retries } = options;
  const home = homeDirectory(env);
  const certificates = ["/etc/docker/certs.d", join(home, ".docker/certs.d"), "/etc/containers/certs.d"];
  return {
    credentials: createDockerConfigCredentials(loginFiles(options, env)),
    certificates: certDir === undefined ? certificates : [certDir, ...certificates],
    environment: env,
    ...(insecure ? { insecureHosts: true as const } : {}),
    ...(mirror === undefined ? {} : { mirrors: mirror }),
    ...(retries === undefined ? {} : { retries }),
  };
}

/** Where logins are kept. */
export function loginFiles({ authfile }: RegistryVerbOptions, env: Terminal["env"]): DockerConfigOptions {
  const common = { environment: env, homeDirectory: homeDirectory(env) };
  return authfile === undefined ? common : { ...common, configPaths: [authfile] };
}

function addMirror(text: string, known: RegistryVerbOptions["mirror"] = {}): RegistryVerbOptions["mirror"] {
  const [, host = "", url = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (host === "") throw new InvalidArgumentError("Write HOST=URL, such as docker.io=https://mirror.example.");
  return { ...known, [host]: [...(known[host] ?? []), url] };
}
