import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OUTSIDE } from "../cases/breakouts.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import type { TarStep } from "../tar-script.ts";

/** A directory outside of everything that a tool may write. */
export interface Witness {
  readonly path: string;
  /** All that says whether it was touched; equal texts say that it was not. */
  state(): string;
}

/** Makes a witness below a directory. */
export function makeWitness(directory: string): Witness {
  const path = join(directory, "witness-place");
  mkdirSync(path, { mode: 0o700 });
  const file = join(path, "witness");
  writeFileSync(file, "outside", { mode: 0o600 });
  const factsOf = (at: string): string => {
    const { mode, uid, gid, mtimeNs, nlink } = lstatSync(at, { bigint: true });
    return [mode, uid, gid, mtimeNs, nlink].join(" ");
  };
  return {
    path,
    state: () => [readdirSync(path), readFileSync(file, "latin1"), factsOf(path), factsOf(file)].join("\n"),
  };
}

/** A case that reaches for the witness where it reached for the place outside; so do its variants. */
export function aimedAt(test: ConformanceCase, place: string): ConformanceCase {
  const aim = (text: string): string => text.replaceAll(OUTSIDE, place.slice(1));
  const aimStep = (step: TarStep): TarStep => ({ ...step, name: aim(step.name), linkName: aim(step.linkName) });
  const aimTree = <T extends object>(answer: T): T =>
    "tree" in answer ? { ...answer, tree: (answer.tree as readonly TarStep[]).map(aimStep) } : answer;
  return {
    ...test,
    layers: test.layers.map((steps) => steps.map(aimStep)),
    expected: aimTree(test.expected),
    ...(test.variants && { variants: test.variants.map(aimTree) }),
  };
}
