import type { IndexCache } from "../../index-cache.ts";

/** A cache for the life of this object, at most `maxBytes` of values, least recently used out first. */
export function createMemoryIndexCache({
  maxBytes = Number.POSITIVE_INFINITY,
}: {
  maxBytes?: number;
} = {}): IndexCache {
  /** In order of use, oldest first. */
  const entries = new Map<string, Uint8Array>();
  let total = 0;
  const drop = (key: string): void => {
    total -= entries.get(key)?.length ?? 0;
    entries.delete(key);
  };
  return {
    async get(key) {
      const bytes = entries.get(key);
      if (bytes === undefined) return undefined;
      entries.delete(key);
      entries.set(key, bytes);
      return Uint8Array.from(bytes);
    },
    async set(key, bytes) {
      drop(key);
      if (bytes.length > maxBytes) return;
      entries.set(key, Uint8Array.from(bytes));
      total += bytes.length;
      for (const oldest of entries.keys()) {
        if (total <= maxBytes) break;
        drop(oldest);
      }
    },
  };
}
