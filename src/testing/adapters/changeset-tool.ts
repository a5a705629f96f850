import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memorySource } from "../../base/index.ts";
import { applyChangesets, createChangeset, directoryTree } from "../../changeset/index.ts";
import { createMemoryScratch } from "../../content/index.ts";
import { type ConformanceCase, judge, type Outcome, type Verdict } from "../conformance-case.ts";
import type { CreateCase, CreateOutcome } from "../create-case.ts";
import { tarScript } from "../tar-script.ts";
import { editDirectory } from "./edit-directory.ts";
import { readDirectory } from "./read-directory.ts";
import { aimedAt, makeWitness } from "./witness.ts";

/** A black box that applies changesets, creates them, or both. What it throws counts as a refusal. */
export interface ChangesetTool {
  readonly name: string;
  /** Applies an uncompressed changeset tar to a directory that is there. */
  readonly apply?: (tar: Uint8Array, directory: string) => Promise<void>;
  /** The uncompressed tar of what makes `upper` out of `lower`; empty, or an archive without entries, for nothing. */
  readonly create?: (
    lower: string,
    upper: string,
    options: { readonly epoch: number | undefined },
  ) => Promise<Uint8Array>;
}

/** This library. */
export const changesetLibrary: ChangesetTool = {
  name: "stratafs",
  async apply(tar, directory) {
    await using scratch = createMemoryScratch();
    await applyChangesets(directory, [async () => memorySource(tar)], { scratch });
  },
  async create(lower, upper, { epoch }) {
    const changeset = await createChangeset(await directoryTree(lower), await directoryTree(upper));
    const clampTime = epoch === undefined ? undefined : { seconds: epoch, nanoseconds: 0 };
    const chunks: Uint8Array[] = [];
    for await (const chunk of changeset.tar({ clampTime })) chunks.push(chunk);
    return changeset.isEmpty ? new Uint8Array() : Buffer.concat(chunks);
  },
};

/** Shell scripts that apply and create, each run as `sh -e -c`. A status other than 0 is a refusal. */
export interface ChangesetCommands {
  readonly name: string;
  /** Gets the tar on its standard input, and the directory as `$DIR`. @example 'strata changeset apply - "$DIR"' */
  readonly apply?: string;
  /** Gives the tar on its standard output, of `$LOWER` and `$UPPER`. @example 'strata changeset create "$LOWER" "$UPPER"' */
  readonly create?: string;
}

/** A black box that is made of commands. */
export function changesetCommands({ name, apply, create }: ChangesetCommands): ChangesetTool {
  return {
    name,
    ...(apply !== undefined && {
      apply: async (tar, directory) => void run(apply, { DIR: directory }, tar),
    }),
    ...(create !== undefined && {
      create: async (lower, upper, { epoch }) =>
        run(create, { LOWER: lower, UPPER: upper, ...(epoch !== undefined && { SOURCE_DATE_EPOCH: String(epoch) }) }),
    }),
  };
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function run(script: string, variables: Record<string, string>, input: Uint8Array = new Uint8Array()): Uint8Array {
  const work = mkdtempSync(join(tmpdir(), "changeset-"));
  try {
    const { status, stdout, stderr, error } = spawnSync("sh", ["-e", "-c", script], {
      input,
      maxBuffer: 1 << 30,
      env: { PATH, HOME: work, WORK: work, ...variables },
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(stderr.toString().trim());
    return stdout;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a tool made of a case, and whether that is right. */
export interface AppliedVerdict extends Verdict {
  readonly outcome: Outcome;
}

/**
 * Applies the layers of a case one after the other with a tool, to a directory that is empty in the beginning. What leads out of the
 * root leads to a witness that must not change.
 */
export async function judgeApplier(
  plain: ConformanceCase,
  { apply }: Pick<ChangesetTool, "apply">,
  options: { readonly times?: boolean } = {},
): Promise<AppliedVerdict> {
  const home = mkdtempSync(join(tmpdir(), "applied-"));
  try {
    const witness = makeWitness(home);
    const before = witness.state();
    const root = join(home, "root");
    mkdirSync(root, { mode: 0o755 });
    const test = aimedAt(plain, witness.path);
    const outcome = await applyAll(test, root, apply);
    const after = witness.state();
    const message = `outside of the root there is now\n${after}`;
    const whole: Outcome = after === before ? outcome : { kind: "escaped", message };
    return { outcome: whole, ...judge(test, whole, options) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function applyAll(test: ConformanceCase, root: string, apply: ChangesetTool["apply"]): Promise<Outcome> {
  try {
    for (const steps of test.layers) await apply?.(tarScript(...steps), root);
    return { kind: "tree", files: readDirectory(root) };
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return { kind: "refused", message, ...(code !== undefined && { code }) };
  }
}

/** Makes the directories of a case and their changeset with a tool, and applies that with it, or with another. */
export async function runOnCreator(
  test: CreateCase,
  { create }: Pick<ChangesetTool, "create">,
  { apply }: Pick<ChangesetTool, "apply">,
): Promise<CreateOutcome> {
  const home = mkdtempSync(join(tmpdir(), "created-"));
  const [lower, upper, target] = ["lower", "upper", "target"].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  try {
    mkdirSync(lower);
    editDirectory(lower, ...test.lower);
    for (const copy of [upper, target]) copyDirectory(lower, copy);
    editDirectory(upper, ...test.edits);
    return await createAndApply({ test, lower, upper, target }, create, apply);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface CreatePlace {
  readonly test: CreateCase;
  readonly lower: string;
  readonly upper: string;
  readonly target: string;
}

async function createAndApply(
  { test, lower, upper, target }: CreatePlace,
  create: ChangesetTool["create"],
  apply: ChangesetTool["apply"],
): Promise<CreateOutcome> {
  try {
    const make = async (): Promise<Uint8Array> =>
      (await create?.(lower, upper, { epoch: test.epoch })) ?? new Uint8Array();
    const tar = await make();
    const again = await make();
    if (tar.length > 0) await apply?.(tar, target);
    const files = readDirectory(upper);
    const applied = apply === undefined ? undefined : readDirectory(target);
    return { kind: "created", tar, isRepeatable: Buffer.compare(tar, again) === 0, upper: files, applied };
  } catch (error) {
    return { kind: "refused", message: (error as Error).message };
  }
}

/** With times and attributes, hardlinks and all: what Node copies has none of them. */
function copyDirectory(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  if (status !== 0) throw new Error(stderr.toString());
}
