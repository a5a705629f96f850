/**
 * Maps in parallel, at most `limit` calls at once; results in the order of the items.
 * After the first failure the signal that each call gets fires and no further call is started; when those under way
 * have ended, the whole rejects with that first failure.
 */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  limit: number,
  transform: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const stop = new AbortController();
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (failures.length === 0 && next < items.length) {
      const index = next++;
      try {
        results[index] = await transform(items[index] as T, index, stop.signal);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
