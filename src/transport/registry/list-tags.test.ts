import { afterEach, beforeEach, expect, test } from "vitest";
import { faultOn, type RegistryServer, startRegistryServer } from "../../../test/support/registry-server.ts";
import { digestOf, parseReference } from "../../oci/index.ts";
import { listReferrers } from "./list-referrers.ts";
import { listTags } from "./list-tags.ts";
import type { RegistryOptions } from "./registry-options.ts";

const HASTY: RegistryOptions = { retries: 0, sleep: async () => {}, timeouts: { headers: 1000, body: 1000 } };
const NAMES = Array.from({ length: 25 }, (_, i) => `v${String(i).padStart(2, "0")}`);

let server: RegistryServer;
beforeEach(async () => {
  server = await startRegistryServer({ pageSize: 10 });
  const digest = server.addManifest("app", { schemaVersion: 2, layers: [] });
  for (const name of NAMES) server.repository("app").tags.set(name, digest);
});
afterEach(() => server[Symbol.asyncDispose]());

const reference = (name = "app") => parseReference(`${server.host}/${name}`);
const failure = (code: string): unknown => expect.objectContaining({ code });

test("all tags are listed, over several pages", async () => {
  expect(await listTags(reference(), HASTY)).toEqual(NAMES);
  expect(server.requests.filter(({ path }) => path.endsWith("/tags/list"))).toHaveLength(3);
});

test("tags can be asked for after one, a few at once, and up to a number", async () => {
  expect(await listTags(reference(), { ...HASTY, last: "v20", pageSize: 2 })).toEqual(NAMES.slice(21));
  expect(await listTags(reference(), { ...HASTY, limit: 12 })).toEqual(NAMES.slice(0, 12));
});

test("a repository that is not there is not empty, and one without tags is", async () => {
  await expect(listTags(reference("nothing"), HASTY)).rejects.toThrow(failure("repository-not-found"));
  server.addBlob("empty", Buffer.from("x"));
  expect(await listTags(reference("empty"), HASTY)).toEqual([]);
  server.fault = faultOn(/tags/, { kind: "body", body: '{"name":"empty","tags":null}' });
  expect(await listTags(reference("empty"), HASTY)).toEqual([]);
});

test("a list that leads back to itself, or never ends, is given up", async () => {
  server.fault = faultOn(/tags/, { kind: "headers", headers: { link: '</v2/app/tags/list?n=1&last=x>; rel="next"' } });
  await expect(listTags(reference(), HASTY)).rejects.toThrow(failure("registry-endless-list"));
  server.fault = faultOn(/tags/, { kind: "endless" });
  await expect(listTags(reference(), HASTY)).rejects.toThrow(failure("document-too-large"));
});

test("a list that leads to another host ends there", async () => {
  server.fault = faultOn(/tags/, { kind: "headers", headers: { link: '<https://elsewhere.example/x>; rel="next"' } });
  expect(await listTags(reference(), HASTY)).toEqual(NAMES.slice(0, 10));
});

test("a list that is no list is refused", async () => {
  server.fault = faultOn(/tags/, { kind: "body", body: "<html>" });
  await expect(listTags(reference(), HASTY)).rejects.toThrow(failure("invalid-json"));
  server.fault = faultOn(/tags/, { kind: "body", body: '{"tags":[1]}' });
  await expect(listTags(reference(), HASTY)).rejects.toThrow(failure("invalid-tag-list"));
});

test("referrers of something without any are none, also where a web page answers instead of the API", async () => {
  const digest = digestOf(Buffer.from("nobody"));
  expect(await listReferrers({ ...reference(), digest }, HASTY)).toEqual([]);
  server.fault = faultOn(/referrers/, {
    kind: "status",
    status: 200,
    headers: { "content-type": "text/html" },
    body: "<html>",
  });
  expect(await listReferrers({ ...reference(), digest }, HASTY)).toEqual([]);
});
