import { closeSync, lstatSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fromText, StrataError } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import {
  fileMaker,
  isLinux,
  isMountPoint,
  type NameAt,
  namesIn,
  openDirectory,
  removeTreeAt,
  renameAt,
} from "../linux/index.ts";
import { claimDirectory, hasName, isSameFile } from "./claim-directory.ts";
import { notEmpty } from "./not-empty.ts";

const LONGEST_NAME = 255;

/**
 * Fills a new or empty directory, which appears whole, when `fill` is done: until then it lies beside the target as
 * `.NAME.strata-partial`, locked. What a process left there that died is removed. When `fill` fails, nothing stays.
 *
 * Where another directory cannot take the target's place (a mount, a link, the working directory, one of somebody else) or
 * none can be made beside it, the target itself is filled.
 *
 * @param fill gets an absent or empty directory
 * @throws StrataError `directory-not-empty`, `directory-in-use` while another process fills it; as `fileError`
 */
export async function fillDirectory<T>(target: string, fill: (directory: string) => Promise<T>): Promise<T> {
  const partial = makePartial(target);
  if (partial === undefined) return await fill(target);
  try {
    const result = await fill(join(dirname(target), partialName(target)));
    showAs(target, partial);
    return result;
  } catch (error) {
    takeAway(partial);
    throw error;
  } finally {
    closeSync(partial.fd);
    closeSync(partial.directory);
  }
}

/** A directory that is ours as long as it is open; so is the one that it lies in. */
interface PartialDirectory extends NameAt {
  readonly fd: number;
}

function makePartial(target: string): PartialDirectory | undefined {
  try {
    if (!isLinux() || !mayBeReplaced(target)) return undefined;
    const place = { directory: openDirectory(dirname(target)), name: fromText(partialName(target)) };
    const fd = claimOrClose(place);
    if (typeof fd === "number") return { ...place, fd };
    if (fd === "impossible") return undefined;
  } catch (error) {
    throw fileError(error, target, "write");
  }
  throw inUse(target);
}

function claimOrClose(place: NameAt): ReturnType<typeof claimDirectory> {
  let claim: ReturnType<typeof claimDirectory> = "impossible";
  try {
    claim = claimDirectory(place);
    return claim;
  } finally {
    if (typeof claim !== "number") closeSync(place.directory);
  }
}

function partialName(target: string): string {
  return `.${basename(target)}.strata-partial`;
}

/** @throws StrataError `directory-not-empty` */
function mayBeReplaced(target: string): boolean {
  const isNamed = !["", ".", ".."].includes(basename(target));
  if (!isNamed || fromText(partialName(target)).length > LONGEST_NAME) return false;
  const there = lstatSync(target, { bigint: true, throwIfNoEntry: false });
  if (there === undefined) return true;
  if (!there.isDirectory()) return false;
  assertEmpty(target);
  // Whoever works in it would be left in a directory that is gone; in sticky directories nobody may replace others'.
  const isFree = !isSameFile(there, statSync(".", { bigint: true })) && there.uid === BigInt(fileMaker().uid);
  // Subvolumes are devices of their own.
  const isApart = there.dev !== statSync(dirname(target), { bigint: true }).dev || isMountPoint(fromText(target));
  return isFree && !isApart;
}

function assertEmpty(target: string): void {
  const fd = openDirectory(target);
  try {
    if (namesIn(fd).length > 0) throw notEmpty(target);
  } finally {
    closeSync(fd);
  }
}

/** Over an empty directory, too; every other is refused. */
function showAs(target: string, { directory, name }: PartialDirectory): void {
  try {
    renameAt({ directory, name }, { directory, name: fromText(basename(target)) });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(code)) throw notEmpty(target);
    throw fileError(error, target, "write");
  }
}

/** What cannot be removed stays until the next time, because the first error matters more. */
function takeAway({ fd, ...place }: PartialDirectory): void {
  try {
    if (hasName(fd, place)) removeTreeAt(place.directory, place.name);
  } catch {
    return;
  }
}

function inUse(target: string): StrataError {
  return new StrataError({
    code: "directory-in-use",
    kind: "failed-precondition",
    message: `Another process is writing ${target}`,
    details: { path: target },
    hint: "Wait until it is done, or choose another directory",
  });
}
