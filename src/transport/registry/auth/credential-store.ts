/** What proves to a registry who asks. Its secrets never appear in messages, details or causes of errors. */
export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token: given to the token server only. */
  | { readonly kind: "identity-token"; readonly username?: string; readonly token: string }
  /** A bearer token for the registry itself: sent as it is, never renewed. */
  | { readonly kind: "registry-token"; readonly token: string };

/** Where a credential went. */
export interface StoredCredential {
  /** A file's path, or a helper's name such as `docker-credential-pass`. */
  readonly place: string;
  /** Whether everybody who can read the place's file can read the secret: worth a warning. */
  readonly isPlain: boolean;
}

/** One login that is known, without its secret. */
export interface StoredLogin {
  readonly host: string;
  readonly username: string | undefined;
  /** As in {@link StoredCredential}. */
  readonly place: string;
}

/**
 * Where logins are kept. Hosts are spelled as in references: `docker.io`, `ghcr.io`, `localhost:5000`; how a place spells
 * them is its own affair.
 */
export interface CredentialStore {
  /** The credential for a host; `repository` picks a more special one where the place has that. */
  get(host: string, repository?: string): Promise<Credential | undefined>;
  /** Keeps a credential in place of what was there. */
  set(host: string, credential: Credential): Promise<StoredCredential>;
  /** Forgets a host's credential everywhere; whether there was one. */
  remove(host: string): Promise<boolean>;
  /** All logins, sorted by host. */
  list(): Promise<readonly StoredLogin[]>;
}

/** Credentials that live as long as the object: for one login that is tried, for tests, and, empty, for anonymous access. */
export function createMemoryCredentials(entries: Iterable<readonly [string, Credential]> = []): CredentialStore {
  const kept = new Map(entries);
  const place = "memory";
  return {
    get: async (host) => kept.get(host),
    set: async (host, credential) => {
      kept.set(host, credential);
      return { place, isPlain: false };
    },
    remove: async (host) => kept.delete(host),
    list: async () =>
      [...kept]
        .map(([host, credential]) => ({ host, username: usernameOf(credential), place }))
        .sort((one, other) => (one.host < other.host ? -1 : 1)),
  };
}

/** The user's name, where the credential has one. */
export function usernameOf(credential: Credential): string | undefined {
  return credential.kind === "registry-token" ? undefined : credential.username;
}

/** The parts of a credential that must never be shown. */
export function secretsOf(credential: Credential): readonly string[] {
  return [credential.kind === "password" ? credential.password : credential.token];
}
