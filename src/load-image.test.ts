import { expect, it } from "vitest";
import { openImage } from "./index.ts";

const SAMPLE = "examples/layers/image.tar";

it("merges layers with their history at once for who will ask for it, else when somebody does", async () => {
  await using told = await openImage(SAMPLE, { history: true });
  await using plain = await openImage(SAMPLE);
  expect(told.provenance).toBe(told.tree);
  expect(plain.provenance).not.toBe(plain.tree);
  expect(await plain.blame("/app/deploy.key")).toEqual(await told.blame("/app/deploy.key"));
  expect([...plain.tree.walk()].map(({ path }) => path)).toEqual([...told.tree.walk()].map(({ path }) => path));
});

it("shows the files after a layer with or without their history alike", async () => {
  await using image = await openImage(SAMPLE);
  const { tree, provenance, fs } = image.at(3);
  expect([...tree.walk()].map(({ path }) => path)).toEqual([...provenance.walk()].map(({ path }) => path));
  expect(await fs.readFile("/app/deploy.key", "utf8")).toMatch(/^This was a secret/);
  expect(image.at(3).provenance).toBe(provenance);
});
