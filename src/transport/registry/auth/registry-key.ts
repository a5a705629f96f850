/** A key of `auths` or `credHelpers`, as it is meant. */
export interface RegistryKey {
  /** As in references: `docker.io`. */
  readonly host: string;
  /** The repositories it is for, all that begin like that; empty: all. Podman's `host/namespace`. */
  readonly path: string;
}

const DOCKER_HUB = new Set(["index.docker.io", "registry-1.docker.io"]);

/** Reads a key in any of its spellings: `host`, `host/namespace`, `https://host`, `https://host/v1/`. */
export function parseRegistryKey(key: string): RegistryKey {
  const bare = key.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/+$/, "");
  // Docker's keys were URLs of an API: their path means no repository.
  const isUrl = bare !== key || /^v[12]$/.test(path);
  return { host: DOCKER_HUB.has(host) ? "docker.io" : host, path: isUrl ? "" : path };
}

/** The entry for a repository of a host: of several the one with the longest path. */
export function findByKey<T>(
  entries: Iterable<readonly [string, T]>,
  host: string,
  repository = "",
): readonly [string, T] | undefined {
  let best: { readonly length: number; readonly entry: readonly [string, T] } | undefined;
  for (const entry of entries) {
    const key = parseRegistryKey(entry[0]);
    const isMeant = key.path === "" || `${repository}/`.startsWith(`${key.path}/`);
    if (key.host !== host || !isMeant || (best !== undefined && best.length >= key.path.length)) continue;
    best = { length: key.path.length, entry };
  }
  return best?.entry;
}

/** How docker spells a host as a key, and names it to helpers. */
export function dockerKey(host: string): string {
  return host === "docker.io" ? "https://index.docker.io/v1/" : host;
}
