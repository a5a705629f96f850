import { containerdApply } from "./cases/containerd-apply.ts";
import { containerdCreate } from "./cases/containerd-create.ts";
import { continuityCreate } from "./cases/continuity-create.ts";
import { umociAndDockerApply } from "./cases/umoci-apply.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import type { CreateCase } from "./create-case.ts";

/** What other tools' own suites apply, as far as `whiteoutCases` does not have it, by their names. */
export const applyCases: ReadonlyMap<string, readonly ConformanceCase[]> = new Map([
  ["containerd", containerdApply],
  ["umoci and docker", umociAndDockerApply],
]);

/** What other tools' own suites make changesets of. */
export const createCases: ReadonlyMap<string, readonly CreateCase[]> = new Map([
  ["containerd", containerdCreate],
  ["continuity and docker", continuityCreate],
]);
