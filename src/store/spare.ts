import { promises as fs } from "node:fs";
import { StrataError } from "../base/index.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Room for a transaction and a copy of the names of thousands of images. */
const SPARE_BYTES = 1024 * 1024;

/** Keeps some space in reserve: on a full disk nothing could be removed without it, since that is a change too. */
export async function keepSpare({ spare }: StoreLayout): Promise<void> {
  try {
    await fs.writeFile(spare, Buffer.alloc(SPARE_BYTES), { flag: "wx" });
  } catch (error) {
    // Half a spare is none; where there is no space for one, there may be at another time.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") await fs.rm(spare, { force: true }).catch(() => {});
  }
}

/** Does something that will make space; when there is none to do it with, once more with the reserve. */
export async function withSpare<Result>({ spare }: StoreLayout, action: () => Result): Promise<Result> {
  try {
    return action();
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    await fs.rm(spare, { force: true });
    return action();
  }
}

/** Whether something failed only because there is no room to write. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof StrataError && (error.code === "no-space" || error.code === "quota-exceeded");
}
