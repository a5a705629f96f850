import { type Changeset, type CreateChangesetOptions, createChangeset, type Notice } from "./changeset/index.ts";
import { Held } from "./held.ts";
import { ComparedFiles, type ListedChange } from "./listed-change.ts";
import type { OpenImageOptions } from "./open-documents.ts";
import { openTree } from "./tree-operand.ts";

/** How two trees are compared, and images opened that are among them. */
export interface DiffTreesOptions extends OpenImageOptions, Pick<CreateChangesetOptions, "contents"> {}

/** What differs between two trees. */
export interface TreeDifference {
  readonly isEmpty: boolean;
  /** What could not be compared: sockets, files that vanished, what is mounted inside. */
  readonly notices: readonly Notice[];
  /** In walk order; made one by one. */
  changes(): Generator<ListedChange>;
}

/**
 * What makes the second tree out of the first: two directories, two images, or one of each. Files that two images have from the
 * same layer are not read.
 * @throws StrataError as openImage and of reading directories
 */
export async function diffTrees(
  before: string,
  after: string,
  options: DiffTreesOptions = {},
): Promise<TreeDifference> {
  await using held = new Held();
  const lower = await openTree(before, held, options);
  const upper = await openTree(after, held, options);
  const { contents, signal } = options;
  return differenceOf(await createChangeset(lower, upper, { contents, signal }));
}

function differenceOf({ isEmpty, notices, changes, lower, upper }: Changeset): TreeDifference {
  return {
    isEmpty,
    notices,
    *changes() {
      const [before, after] = [new ComparedFiles(lower), new ComparedFiles(upper)];
      for (const { kind, path, fields, lower: old, upper: young } of changes) {
        yield {
          kind,
          path,
          fields,
          before: old === undefined ? undefined : before.at(old),
          after: young === undefined ? undefined : after.at(young),
        };
      }
    },
  };
}
