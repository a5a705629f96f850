/**
 * Maps in parallel, at most `limit` calls at once; results in the order of the items.
 * The first failure rejects the whole at once; no further call is started, those under way are left to end.
 */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  limit: number,
  transform: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await transform(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
