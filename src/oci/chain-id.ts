import { StrataError } from "../base/index.ts";
import type { ChainId, DiffId } from "./digest.ts";
import { digestOf } from "./hasher.ts";

/** How one chainID comes about, for people who want to check it by hand. */
export interface ChainIdStep {
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  /** The chainID of the layers below; absent for the base layer, whose chainID is its diffID. */
  readonly parent?: ChainId;
  /** The exact text (ASCII, no newline) whose sha256 is the chainID; absent for the base layer. */
  readonly hashed?: string;
  /** One line: the formula with the values in place. */
  readonly formula: string;
}

/** The chainID of each prefix of the stack, lowest layer first (image-spec config.md#layer-chainid). */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  return explainChainIds(diffIds).map((step) => step.chainId);
}

/**
 * The chainID of the whole stack, lowest layer first.
 * @throws StrataError `no-layers`: an empty stack has no chainID.
 */
export function chainIdOf(diffIds: readonly DiffId[]): ChainId {
  const last = chainIds(diffIds).at(-1);
  if (last !== undefined) return last;
  throw new StrataError({
    code: "no-layers",
    kind: "invalid-argument",
    message: "A stack without layers has no chainID",
  });
}

/** The chainID of each prefix of the stack with the way it is computed, lowest layer first. */
export function explainChainIds(diffIds: readonly DiffId[]): ChainIdStep[] {
  const steps: ChainIdStep[] = [];
  for (const diffId of diffIds) steps.push(explainChainId(steps.at(-1)?.chainId, diffId));
  return steps;
}

/** The chainID of a layer on top of the stack `parent`, with the way it is computed. */
export function explainChainId(parent: ChainId | undefined, diffId: DiffId): ChainIdStep {
  if (parent === undefined) {
    const chainId = diffId as string as ChainId;
    return { diffId, chainId, formula: `chainID = diffID = ${diffId}` };
  }
  const hashed = `${parent} ${diffId}`;
  const chainId = digestOf(Buffer.from(hashed, "ascii")) as string as ChainId;
  return { diffId, chainId, parent, hashed, formula: `chainID = sha256("${hashed}") = ${chainId}` };
}
