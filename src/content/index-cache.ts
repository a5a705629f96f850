/**
 * Remembers derived bytes (tables of contents) under a key that names their input and their format.
 *
 * It may forget anything at any time and never fails: `get` of what is missing, damaged or unreadable is undefined,
 * `set` that does not succeed does nothing. What `get` returns is what some `set` of exactly this key was given.
 * Any number of processes may use one place at once.
 */
export interface IndexCache {
  /** The bytes belong to the caller. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keeps a copy; a later `set` of the same key replaces it. */
  set(key: string, bytes: Uint8Array): Promise<void>;
}
