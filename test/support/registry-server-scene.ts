import { afterEach } from "vitest";
import { StrataError } from "../../src/base/index.ts";
import { type RegistryServer, type RegistryServerOptions, startRegistryServer } from "./registry-server.ts";

/** Things that end with each test. */
export interface Scene {
  /** Disposes of something when the test ends; the last first. */
  keep<T extends AsyncDisposable>(thing: T): T;
  /** A registry for this test. */
  server(options?: RegistryServerOptions): Promise<RegistryServer>;
  /** Back-off that takes no time; it is asked to wait this long, in milliseconds. */
  readonly waits: number[];
  readonly sleep: (ms: number) => Promise<void>;
}

/** A scene for the tests of one file, cleared after each. */
export function createScene(): Scene {
  const kept: AsyncDisposable[] = [];
  const waits: number[] = [];
  afterEach(async () => {
    waits.length = 0;
    for (const thing of kept.splice(0).reverse()) await thing[Symbol.asyncDispose]();
  });
  const keep = <T extends AsyncDisposable>(thing: T): T => {
    kept.push(thing);
    return thing;
  };
  return {
    keep,
    server: async (options) => keep(await startRegistryServer(options)),
    waits,
    sleep: async (ms) => void waits.push(ms),
  };
}

/** The StrataError that an action ends with; anything else fails the test. */
export async function failureOf(action: Promise<unknown>): Promise<StrataError> {
  const outcome = await action.then(
    () => "no error at all",
    (error: unknown) => error,
  );
  if (outcome instanceof StrataError) return outcome;
  throw new Error("a StrataError was expected", { cause: outcome });
}

/** Everything that an error could show to anybody: messages, details, stacks, all causes, as text. */
export function textOf(error: unknown): string {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  for (let one = error; one instanceof Error && !seen.has(one); one = one.cause) {
    seen.add(one);
    parts.push(String(one), one.stack ?? "", JSON.stringify(one), JSON.stringify(Object.entries(one)));
  }
  return parts.join("\n");
}
