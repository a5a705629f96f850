import { StrataError } from "../../../base/index.ts";
import { resolveRegistryHost } from "../http/registry-host.ts";
import { openRegistryHttp, type RegistryHttpOptions } from "../http/registry-http.ts";
import {
  type Credential,
  type CredentialStore,
  createMemoryCredentials,
  type StoredCredential,
} from "./credential-store.ts";

/** How a login is tried, and where it is kept. */
export interface LoginOptions extends Omit<RegistryHttpOptions, "credentials" | "mirrors"> {
  readonly store: CredentialStore;
  readonly signal?: AbortSignal;
}

/**
 * Tries a credential at `/v2/` and keeps it only when the registry takes it. Says where it is kept, and whether everybody who
 * reads that file can read it.
 * @throws StrataError `login-refused`; what the registry and the store throw
 */
export async function login(host: string, credential: Credential, options: LoginOptions): Promise<StoredCredential> {
  const { store, signal, ...rest } = options;
  const name = await verify(host, credential, { ...rest, ...(signal === undefined ? {} : { signal }) });
  return store.set(name, credential);
}

/** The registry's name as credentials are kept under it. */
async function verify(host: string, credential: Credential, options: Omit<LoginOptions, "store">): Promise<string> {
  const { signal, ...rest } = options;
  const credentials = createMemoryCredentials([[resolveRegistryHost(host).name, credential]]);
  await using http = openRegistryHttp(host, { ...rest, credentials });
  const request = { method: "GET", path: "/v2/", scopes: [], accept: [200] } as const;
  try {
    const answer = await http.request({ ...request, ...(signal === undefined ? {} : { signal }) });
    await answer.discard();
  } catch (error) {
    if (error instanceof StrataError && error.kind === "unauthenticated") throw refused(http.host, error);
    throw error;
  }
  return http.host;
}

function refused(host: string, cause: StrataError): StrataError {
  return new StrataError({
    code: "login-refused",
    kind: "unauthenticated",
    message: `Registry ${host} does not take this login`,
    details: { registry: host },
    hint: "Check the user and the password; some registries take a token in its place",
    cause,
  });
}
