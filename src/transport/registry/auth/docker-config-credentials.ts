import { join } from "node:path";
import { type CredentialHelper, createCredentialHelper, type HelperOptions } from "./credential-helper.ts";
import { type Credential, type CredentialStore, type StoredLogin, usernameOf } from "./credential-store.ts";
import {
  type DockerConfig,
  entryOf,
  hasEntry,
  helperFor,
  helpersOf,
  readDockerConfig,
  storedCredential,
  storedCredentials,
  writeEntry,
} from "./docker-config.ts";
import { dockerKey, parseRegistryKey } from "./registry-key.ts";

/** Where docker's and podman's logins lie. */
export interface DockerConfigOptions extends HelperOptions {
  readonly homeDirectory: string;
  /** Files to read in this order; new logins go to the first. Those of docker and podman unless given. */
  readonly configPaths?: readonly string[];
}

/**
 * The files that docker and podman keep logins in: `$REGISTRY_AUTH_FILE` where it is set; docker's `config.json`, in
 * `$DOCKER_CONFIG` or `~/.docker`; podman's `auth.json`, in `$XDG_RUNTIME_DIR/containers` and `~/.config/containers`.
 */
export function dockerConfigPaths(
  options: Pick<DockerConfigOptions, "environment" | "homeDirectory">,
): readonly string[] {
  const { environment, homeDirectory } = options;
  const { REGISTRY_AUTH_FILE: chosen, XDG_RUNTIME_DIR: runtime } = environment;
  return [
    ...(chosen ? [chosen] : []),
    join(environment["DOCKER_CONFIG"] || join(homeDirectory, ".docker"), "config.json"),
    ...(runtime ? [join(runtime, "containers/auth.json")] : []),
    join(environment["XDG_CONFIG_HOME"] || join(homeDirectory, ".config"), "containers/auth.json"),
  ];
}

/**
 * The logins that docker and podman share with us: in their files, or in the helpers that the files name. Files are read
 * anew for each question, and written whole or not at all.
 * @throws StrataError `invalid-docker-config`, `credential-helper-missing`, `credential-helper-failed`
 */
export function createDockerConfigCredentials(options: DockerConfigOptions): CredentialStore {
  const paths = options.configPaths ?? dockerConfigPaths(options);
  const helper = (name: string): CredentialHelper => createCredentialHelper(name, options);
  const helperOf = (config: DockerConfig, host: string, repository?: string): CredentialHelper | undefined => {
    const name = helperFor(config, host, repository);
    return name === undefined ? undefined : helper(name);
  };
  return {
    get: async (host, repository) => {
      for (const path of paths) {
        const config = await readDockerConfig(path);
        const found =
          (await helperOf(config, host, repository)?.get(dockerKey(host))) ??
          storedCredential(config, host, repository);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    set: async (host, credential) => {
      const path = paths[0] ?? join(options.homeDirectory, ".docker/config.json");
      return setIn(await readDockerConfig(path), { host, credential, helperOf });
    },
    remove: async (host) => {
      let wasThere = false;
      for (const path of paths) {
        const config = await readDockerConfig(path);
        wasThere = (await removeFrom(config, host, helperOf(config, host))) || wasThere;
      }
      return wasThere;
    },
    list: async () => {
      const logins = new Map<string, StoredLogin>();
      for (const path of paths) {
        for (const login of await loginsOf(await readDockerConfig(path), helper)) {
          if (!logins.has(login.host)) logins.set(login.host, login);
        }
      }
      return [...logins.values()].sort((one, other) => (one.host < other.host ? -1 : 1));
    },
  };
}

interface Setting {
  readonly host: string;
  readonly credential: Credential;
  readonly helperOf: (config: DockerConfig, host: string) => CredentialHelper | undefined;
}

/** Helpers know users with passwords and identity tokens; any other secret can only stand in the file. */
async function setIn(config: DockerConfig, { host, credential, helperOf }: Setting) {
  const helper = credential.kind === "registry-token" ? undefined : helperOf(config, host);
  if (helper === undefined || credential.kind === "registry-token") {
    await writeEntry(config, host, entryOf(credential));
    return { place: config.path, isPlain: true };
  }
  await helper.store(dockerKey(host), credential);
  // Docker, too, leaves an empty entry: so it knows whom to ask the helper for.
  await writeEntry(config, host, {});
  return { place: helper.name, isPlain: false };
}

async function removeFrom(config: DockerConfig, host: string, helper: CredentialHelper | undefined): Promise<boolean> {
  const isKept = (await helper?.get(dockerKey(host))) !== undefined;
  if (isKept) await helper?.erase(dockerKey(host));
  const isWritten = hasEntry(config, host);
  if (isWritten) await writeEntry(config, host, undefined);
  return isKept || isWritten;
}

async function loginsOf(
  config: DockerConfig,
  helper: (name: string) => CredentialHelper,
): Promise<readonly StoredLogin[]> {
  const logins: StoredLogin[] = [];
  for (const suffix of helpersOf(config)) {
    const { name, list } = helper(suffix);
    for (const [server, username] of await list()) {
      logins.push({ host: parseRegistryKey(server).host, username, place: name });
    }
  }
  for (const [host, credential] of storedCredentials(config)) {
    logins.push({ host, username: usernameOf(credential), place: config.path });
  }
  return logins;
}
