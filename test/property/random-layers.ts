import fc from "fast-check";
import {
  dir,
  fifo,
  file,
  hardlink,
  opaque,
  type StepAttributes,
  symlink,
  type TarStep,
  whiteout,
} from "../../src/testing/index.ts";
import { NaiveModel, Refused, readMarker, split } from "./naive-model.ts";

/** Few names, so that layers meet at the same paths all the time. */
const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const target = fc.constantFrom("a", "b", "c", "a/b", "/a", "/b/c", "/c/a/b", "..", "../a", "../../b", "b/../c", ".");
const attributes: fc.Arbitrary<StepAttributes> = fc.record({
  mode: fc.constantFrom(0o755, 0o700, 0o644, 0o4711),
  uid: fc.constantFrom(0, 1, 1000),
  gid: fc.constantFrom(0, 5),
  mtime: fc.constantFrom(1, 1_500_000_000, { seconds: 1_600_000_000, nanoseconds: 123_456_789 }),
});
const withXattrs: fc.Arbitrary<StepAttributes> = fc
  .tuple(
    attributes,
    fc.constantFrom<Readonly<Record<string, string>>>(
      {},
      {},
      { "user.k": "1" },
      { "user.k": "2", "user.l": "\x00\xff" },
    ),
  )
  .map(([rest, xattrs]) => ({ ...rest, xattrs }));
const content = fc.constantFrom("", "1", "two", "x".repeat(600));

const step: fc.Arbitrary<TarStep> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(path, withXattrs).map(([at, rest]) => dir(at, rest)) },
  { weight: 5, arbitrary: fc.tuple(path, content, withXattrs).map(([at, bytes, rest]) => file(at, bytes, rest)) },
  {
    weight: 3,
    arbitrary: fc.tuple(path, target, attributes).map(([at, to, rest]) => symlink(at, to, { ...rest, mode: 0o777 })),
  },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([at, to]) => hardlink(at, to)) },
  { weight: 1, arbitrary: fc.tuple(path, attributes).map(([at, rest]) => fifo(at, rest)) },
  { weight: 4, arbitrary: path.map(whiteout) },
  { weight: 2, arbitrary: fc.oneof(path, fc.constant("")).map(opaque) },
);

/** Anything: entries through symlinks, links to nothing, markers anywhere. */
export const wildLayers: fc.Arbitrary<readonly (readonly TarStep[])[]> = fc.array(fc.array(step, { maxLength: 8 }), {
  minLength: 1,
  maxLength: 5,
});

/** What to leave out of wild layers, so that an oracle has one right answer. */
export interface Taming {
  /** Put an entry for every parent directory before the first entry below it, as tools that make layers do. */
  readonly parents: boolean;
  /** Keep hardlinks to files of lower layers. */
  readonly linksToLower: boolean;
  /** Put markers before all other entries, and only into directories that literally exist below. */
  readonly markersFirst: boolean;
}

/**
 * Wild layers without what no tool writes and oracles judge differently: entries below files, links to what is not there, two entries
 * of one name in one layer.
 */
export function tameLayers(taming: Taming): fc.Arbitrary<readonly (readonly TarStep[])[]> {
  return fc.tuple(wildLayers, attributes).map(([layers, parent]) => {
    const model = new NaiveModel();
    return layers.map((steps) => {
      const tame = tameLayer(steps, parent, model, taming);
      model.apply(tame);
      return tame;
    });
  });
}

function tameLayer(steps: readonly TarStep[], parent: StepAttributes, below: NaiveModel, taming: Taming): TarStep[] {
  const ordered = taming.markersFirst ? [...steps].sort((a, b) => Number(isEntry(a)) - Number(isEntry(b))) : steps;
  const kept: TarStep[] = [];
  for (const step of ordered) {
    const needsParents = taming.parents && (isEntry(step) || !taming.markersFirst);
    const candidates = needsParents ? [...parentEntries(step, kept, parent), step] : [step];
    if (isTame([...kept, ...candidates], below, taming)) kept.push(...candidates);
  }
  return kept;
}

function parentEntries(step: TarStep, kept: readonly TarStep[], attributes: StepAttributes): TarStep[] {
  const parts = split(step.name).slice(0, -1);
  return parts
    .map((_, i) => dir(parts.slice(0, i + 1).join("/"), attributes))
    .filter(({ name }) => !kept.some((other) => other.type === "directory" && other.name === name));
}

function isEntry(step: TarStep): boolean {
  return readMarker(step) === undefined;
}

/** Whether the last of the steps may follow the others, in a layer on top of `below`. */
function isTame(steps: readonly TarStep[], below: NaiveModel, taming: Taming): boolean {
  const places = steps.map(({ name }) => split(name).join("/"));
  if (new Set(places).size < places.length) return false;
  const last = steps.at(-1) as TarStep;
  const marker = readMarker(last);
  if (marker !== undefined && taming.markersFirst) return below.isLiteralDirectory(marker.directory);
  const trial = below.copy();
  try {
    trial.apply(steps);
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
  if (trial.wasOdd || marker !== undefined) return !trial.wasOdd;
  return last.type !== "hardlink" || isLinkTame(steps, last, taming);
}

function isLinkTame(steps: readonly TarStep[], { linkName }: TarStep, { linksToLower }: Taming): boolean {
  return linksToLower || steps.some(({ name, type }) => name === linkName && type !== "hardlink");
}
