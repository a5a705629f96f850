import { afterEach, beforeEach, expect, test } from "vitest";
import { faultOn, type RegistryServer, startRegistryServer } from "../../../test/support/registry-server.ts";
import { MEDIA_TYPE, parseReference } from "../../oci/index.ts";
import { deleteManifest, deleteTag } from "./delete-manifest.ts";
import { listReferrers } from "./list-referrers.ts";
import type { RegistryOptions } from "./registry-options.ts";

const HASTY: RegistryOptions = { retries: 0, sleep: async () => {}, timeouts: { headers: 1000, body: 1000 } };
const MANIFEST = { schemaVersion: 2, config: { mediaType: MEDIA_TYPE.ociConfig, digest: "", size: 1 }, layers: [] };

let server: RegistryServer;
beforeEach(async () => {
  server = await startRegistryServer({ referrers: false });
});
afterEach(() => server[Symbol.asyncDispose]());

const reference = (name: string) => parseReference(`${server.host}/${name}`);
const failure = (code: string): unknown => expect.objectContaining({ code });
function add(tag: string | undefined, more: object = {}): string {
  const config = { ...MANIFEST.config, digest: server.addBlob("app", Buffer.from("{")) };
  return server.addManifest("app", { ...MANIFEST, config, ...more }, tag === undefined ? {} : { tag });
}

test("a tag takes its manifest and all tags of it along", async () => {
  const digest = add("v1");
  server.repository("app").tags.set("also", digest);
  expect(await deleteManifest(reference("app:v1"), HASTY)).toBe(digest);
  expect([server.repository("app").manifests.size, server.repository("app").tags.size]).toEqual([0, 0]);
  await expect(deleteManifest(reference("app:v1"), HASTY)).rejects.toThrow(failure("image-not-found"));
});

test("a tag can go alone", async () => {
  add("v1");
  await deleteTag(reference("app:v1"), HASTY);
  expect([server.repository("app").manifests.size, server.repository("app").tags.size]).toEqual([1, 0]);
  await expect(deleteTag(reference("app:v1"), HASTY)).rejects.toThrow(failure("image-not-found"));
  await expect(deleteTag(reference("app"), HASTY)).rejects.toThrow(failure("invalid-reference"));
});

test("a registry that deletes nothing says so", async () => {
  add("v1");
  server.fault = faultOn(/^DELETE/, { kind: "status", status: 405 });
  await expect(deleteManifest(reference("app:v1"), HASTY)).rejects.toThrow(failure("registry-deletes-nothing"));
  server.fault = faultOn(/^DELETE/, { kind: "status", status: 400 });
  await expect(deleteTag(reference("app:v1"), HASTY)).rejects.toThrow(failure("registry-deletes-nothing"));
});

test("what referred to something is taken off its list", async () => {
  const subject = { mediaType: MEDIA_TYPE.ociManifest, digest: add("v1"), size: 1 };
  const [one, two] = ["one", "two"].map((a) => {
    const digest = add(undefined, { subject, annotations: { a } });
    return { mediaType: MEDIA_TYPE.ociManifest, digest, size: 2 };
  });
  const list = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [one, two] };
  server.addManifest("app", list, { tag: `sha256-${subject.digest.slice(7)}` });
  await deleteManifest(reference(`app@${one?.digest}`), HASTY);
  const left = await listReferrers(parseReference(`${server.host}/app@${subject.digest}`) as never, HASTY);
  expect(left.map(({ digest }) => digest)).toEqual([two?.digest]);
});
