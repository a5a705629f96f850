/**
 * changeset: what makes one tree out of another, created from directories and applied to them.
 *
 * {@link applyChangesets} makes a directory what it is after the changesets: whiteouts carried out, names and links resolved
 * inside, everything decided before the first file is written.
 *
 * @example
 * await using scratch = createLocalScratch();
 * await applyChangesets("rootfs", [() => openFile("layer.tar.gz")], { scratch });
 *
 * @module
 */
export { applyChangesets } from "./apply/apply-changesets.ts";
export type { ApplyLimits, ApplyOptions, ChangesetInput } from "./apply/apply-options.ts";
