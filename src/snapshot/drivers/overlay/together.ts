/**
 * Does things at the same time. When one fails the others are told to stop, and only when all have, it throws what failed first:
 * nobody writes any more into what the caller then removes.
 */
export async function together(
  signal: AbortSignal | undefined,
  works: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let first: { readonly error: unknown } | undefined;
  const outcomes = works.map(async (work) => {
    try {
      await work(both);
    } catch (error) {
      first ??= { error };
      stop.abort();
    }
  });
  await Promise.all(outcomes);
  if (first !== undefined) throw first.error;
}
