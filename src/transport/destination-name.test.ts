import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseDestinationName } from "./destination-name.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "destination-"));
  await writeFile(join(directory, "with:colon.tar"), "");
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

test.each([
  ["oci:no/such/dir", "oci", "no/such/dir", undefined],
  ["oci:no/such/dir:v1", "oci", "no/such/dir", "v1"],
  ["docker-archive:new.tar:host:5000/app:v1", "docker-archive", "new.tar", "host:5000/app:v1"],
  ["oci-archive:new.tar:docker.io/library/app:v1", "oci-archive", "new.tar", "docker.io/library/app:v1"],
  ["docker://host:5000/app:v1", "docker", "//host:5000/app:v1", undefined],
])("%s is taken apart", (text, transport, path, name) => {
  expect(parseDestinationName(text)).toEqual({ text, transport, path, name });
});

test("a path that exists wins over a colon in it", () => {
  const path = join(directory, "with:colon.tar");
  expect(parseDestinationName(`oci-archive:${path}`)).toMatchObject({ path, name: undefined });
  expect(parseDestinationName(`oci-archive:${path}:v1`)).toMatchObject({ path, name: "v1" });
});

test.each(["oci:", "oci:dir:", "oci:dir:a b", "oci:dir:@0", "oci:dir:/x", "oci::v1"])("%s is refused", (text) => {
  expect(() => parseDestinationName(text)).toThrow(expect.objectContaining({ code: "invalid-image-name" }));
});

test.each(["plain.tar", "tar:x.tar", "dir:rootfs", "docker-daemon:x", ""])("%j cannot be written to", (text) => {
  expect(() => parseDestinationName(text)).toThrow(expect.objectContaining({ code: "unsupported-transport" }));
});
