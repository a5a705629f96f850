import { assertNotAborted } from "../../../base/index.ts";

/** The promise's outcome, or `aborted` as soon as the signal fires. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let leave = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
  });
  signal.addEventListener("abort", leave, { once: true });
  // Whoever has left does not look at how it ends.
  promise.catch(() => {});
  try {
    assertNotAborted(signal);
    return await Promise.race([promise, aborted]);
  } catch (error) {
    assertNotAborted(signal);
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
