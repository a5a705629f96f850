import { describeSelector } from "../choose-image.ts";
import type { Selector } from "../image-name.ts";
import { severalDrivers } from "./storage-error.ts";

/** A selector, taken apart. */
export interface DriverSelector {
  /** What is left: an image, a container; undefined when nothing is. */
  readonly wanted: string | undefined;
  readonly driver: string | undefined;
}

/** Splits `DRIVER@REF` where the root has that driver; what else stands before an `@` belongs to the reference. */
export function splitDriver(selector: Selector | undefined, drivers: readonly string[]): DriverSelector {
  if (selector === undefined) return { wanted: undefined, driver: undefined };
  const text = describeSelector(selector);
  const driver = drivers.find((name) => text.startsWith(`${name}@`));
  const wanted = driver === undefined ? text : text.slice(driver.length + 1);
  return { wanted: wanted === "" ? undefined : wanted, driver };
}

/**
 * The driver that has images; the only one where none has.
 * @throws StrataError `several-drivers`
 */
export function onlyDriver(root: string, drivers: readonly string[], used: readonly string[]): string {
  const candidates = used.length > 0 ? used : drivers;
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only;
  throw severalDrivers(root, candidates);
}
