import type { Reference } from "../../oci/index.ts";
import { openRegistryHttp, type RegistryHttp } from "./http/registry-http.ts";
import {
  createBackoff,
  DEFAULT_TRANSFER,
  httpOptionsFor,
  type RegistryOptions,
  type TransferOptions,
} from "./registry-options.ts";

/** One repository of one registry, and how to speak to it. Disposing closes the connections. */
export interface Repository extends AsyncDisposable {
  /** Host with port, as in references. */
  readonly registry: string;
  /** Path of the repository in the registry. */
  readonly name: string;
  /** Names the repository in messages: `localhost:5000/app`. */
  readonly place: string;
  readonly http: RegistryHttp;
  /** What every request may need to do there. */
  readonly scopes: readonly string[];
  readonly transfer: TransferOptions;
  /** Waits before another attempt, longer after each failure. */
  readonly backoff: (failures: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** What a token allows (distribution token scope). */
export type RepositoryActions = "pull" | "pull,push" | "pull,delete" | "pull,push,delete";

/** Opens the repository of a reference, to do these things there. Nothing is sent yet. */
export function openRepository(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
  actions: RepositoryActions,
  options: RegistryOptions,
): Repository {
  // What a mirror has says nothing about what the registry lacks.
  const own = actions === "pull" ? options : { ...options, mirrors: {} };
  const http = openRegistryHttp(registry, httpOptionsFor(registry, own));
  return {
    registry,
    name: repository,
    place: `${registry}/${repository}`,
    http,
    scopes: [scopeOf(repository, actions)],
    transfer: { ...DEFAULT_TRANSFER, ...options.transfer },
    backoff: createBackoff(registry, options),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

/** Path of something in the repository (distribution-spec endpoints): `manifests/latest`. */
export function pathIn({ name }: Repository, rest: string): string {
  return `/v2/${name}/${rest}`;
}

/** The scope that a token for these actions on a repository has. */
export function scopeOf(name: string, actions: RepositoryActions): string {
  return `repository:${name}:${actions}`;
}

/** A signal as an option, for objects in which an absent one must be absent. */
export function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
