import * as fc from "fast-check";
import { artifactOf, type FixtureArtifact } from "../support/store-fixtures.ts";

/** One thing that is done to a store. */
export type StoreStep =
  | { readonly kind: "put"; readonly name: string; readonly artifact: number }
  | { readonly kind: "tag"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "prune" }
  | { readonly kind: "unpack"; readonly name: string }
  | { readonly kind: "discard"; readonly name: string }
  | { readonly kind: "repair" };

/** What a process does to a store, and when it dies. */
export interface StoreTask {
  readonly root: string;
  readonly steps: readonly StoreStep[];
  readonly dieBefore?: number | undefined;
  readonly dieBeforeSync?: number | undefined;
}

const NAMES = ["a:1", "b:1", "c:1"];

/** An image that shares its base layer with the others. */
export async function artifactNumber(number: number): Promise<FixtureArtifact> {
  return await artifactOf(["base", `layer of ${number}`], { created: `2024-01-0${(number % 9) + 1}T00:00:00Z` });
}

/** Any step but a repair. */
export const arbitraryStep: fc.Arbitrary<StoreStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("put" as const), name: fc.constantFrom(...NAMES), artifact: fc.nat(4) }),
  },
  fc.record({ kind: fc.constant("tag" as const), from: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom(...NAMES) }) },
  fc.constant({ kind: "prune" as const }),
);

/** The number of the image behind each name. */
export type Named = ReadonlyMap<string, number>;

/** What a step does to the names. */
export function afterStep(names: Named, step: StoreStep): Named {
  const after = new Map(names);
  if (step.kind === "put") after.set(step.name, step.artifact);
  if (step.kind === "remove") after.delete(step.name);
  const from = step.kind === "tag" ? names.get(step.from) : undefined;
  if (step.kind === "tag" && from !== undefined) after.set(step.to, from);
  return after;
}
