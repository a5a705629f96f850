import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { chainIdOf, chainIds, explainChainIds } from "./chain-id.ts";
import { parseDiffId } from "./digest.ts";

const NGINX_DIFF_IDS = [
  "764055ebc9a7a290b64d17cf9ea550f1099c202d83795aa967428ebdf335c9f7",
  "ace9ed9bcfafbc909bc3e9451490652f685959db02a4e01e0528a868ee8eab3e",
  "48b4a40de3597ec0a28c2d4508dec64ae685ed0da77b128d0fb5c69cada91882",
  "c553c6ba5f1354e1980871b413e057950e0c02d2d7a66b39de2e03836048fda9",
  "d97733c0a3b64c08bc0dd286926a8eff1b162b4d9fad229eab807c6dc516c172",
  "9d1af766c81806211d5453b711169103e4f5c3c2609e1dfb9ea4dee7e96a7968",
].map((hex) => parseDiffId(`sha256:${hex}`));

const NGINX_CHAIN_IDS = [
  "764055ebc9a7a290b64d17cf9ea550f1099c202d83795aa967428ebdf335c9f7",
  "2c78bcd3187437a7a5d9d8dbf555b3574ba7d143c1852860f9df0a46d5df056a",
  "bdf28aff423adfe7c6cb938eced2f19a32efa9fa3922a3c5ddce584b139dc864",
  "435c6dad68b58885ad437e5f35f53e071213134eb9e4932b445eac7b39170700",
  "b27eb5bbca70862681631b492735bac31d3c1c558c774aca9c0e36f1b50ba915",
  "63d268dd303e176ba45c810247966ff8d1cb9a5bce4a404584087ec01c63de15",
].map((hex) => `sha256:${hex}`);

test("the chainIDs of nginx 1.21.1 are the ones docker stores", () => {
  expect(chainIds(NGINX_DIFF_IDS)).toEqual(NGINX_CHAIN_IDS);
  expect(chainIdOf(NGINX_DIFF_IDS)).toBe(NGINX_CHAIN_IDS.at(-1));
});

test("the explanation shows the very text that is hashed", () => {
  const [base, ...above] = explainChainIds(NGINX_DIFF_IDS);
  expect(base).toMatchObject({ chainId: NGINX_DIFF_IDS[0] });
  expect(base).not.toHaveProperty("hashed");
  for (const step of above) {
    const text = step.hashed ?? "";
    expect(text).toBe(`${step.parent} ${step.diffId}`);
    expect(step.chainId).toBe(`sha256:${createHash("sha256").update(text).digest("hex")}`);
    expect(step.formula).toContain(`sha256("${text}")`);
  }
});

test("a stack without layers has no chainID", () => {
  expect(chainIds([])).toEqual([]);
  expect(() => chainIdOf([])).toThrow(expect.objectContaining({ code: "no-layers" }));
});

test("a chainID over a sha512 diffID is still a sha256", () => {
  const upper = parseDiffId(`sha512:${"a".repeat(128)}`);
  expect(chainIdOf([NGINX_DIFF_IDS[0] ?? upper, upper])).toMatch(/^sha256:[0-9a-f]{64}$/);
});
