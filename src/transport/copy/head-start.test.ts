import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createHeadStart } from "./head-start.ts";

const MIB = 1024 ** 2;

/** Whether a head start is over by now. */
async function isOver({ over }: { readonly over: Promise<void> }): Promise<boolean> {
  const later = setImmediate(false);
  return await Promise.race([over.then(() => true), later]);
}

test("others wait for a large blob until it is through", async () => {
  const headStart = createHeadStart(100 * MIB);
  expect(await isOver(headStart)).toBe(false);
  headStart.end();
  await expect(headStart.over).resolves.toBeUndefined();
});

test("nobody waits for a small blob", async () => {
  expect(await isOver(createHeadStart(31 * MIB))).toBe(true);
});

test("nobody waits for long for a large blob that does not come", async () => {
  const headStart = createHeadStart(100 * MIB);
  headStart.onProgress(MIB);
  await expect(headStart.over).resolves.toBeUndefined();
});
