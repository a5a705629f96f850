import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FixtureLayout, layerOf } from "../../../test/support/image-fixtures.ts";
import {
  type Fault,
  faultOn,
  type RegistryServer,
  startRegistryServer,
} from "../../../test/support/registry-server.ts";
import { serveFixture } from "../../../test/support/serve-fixture.ts";
import type { Descriptor } from "../../oci/index.ts";
import { copyArtifact } from "../copy/copy-artifact.ts";
import { openArtifact } from "../open-artifact.ts";
import { openDestination } from "../open-destination.ts";
import type { RegistryOptions } from "./registry-options.ts";

const HASTY: RegistryOptions = {
  retries: 0,
  sleep: async () => {},
  timeouts: { headers: 1000, body: 1000 },
  transfer: { attempts: 2 },
};

let directory: string;
let server: RegistryServer;
let image: Descriptor;
let layer: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "liar-"));
  server = await startRegistryServer();
  const layout = new FixtureLayout();
  const stored = await layerOf({ data: "0123456789".repeat(3000) }, { compress: false });
  image = layout.image([stored]);
  layer = stored.diffId;
  serveFixture(server, { repository: "app", layout, root: image, tag: "v1" });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function copy(): Promise<void> {
  await using source = await openArtifact(`docker://${server.host}/app:v1`, { registry: HASTY });
  await using destination = await openDestination(`oci:${join(directory, "layout")}:v1`);
  await copyArtifact(source, destination);
}

async function visible(): Promise<string[]> {
  const blobs = join(directory, "layout/blobs/sha256");
  return existsSync(blobs) ? await readdir(blobs) : [];
}

test.each<[string, Fault, string]>([
  ["changes a bit", { kind: "corrupt" }, "digest-mismatch"],
  ["sends too little", { kind: "body", body: (honest) => honest.subarray(1) }, "blob-too-short"],
  ["sends too much", { kind: "body", body: (honest) => Buffer.concat([honest, honest]) }, "blob-too-long"],
  ["never stops", { kind: "endless" }, "digest-mismatch"],
  ["breaks off", { kind: "truncate", bytes: 500 }, "registry-connection-lost"],
  ["hangs", { kind: "hang", at: "body", after: 500 }, "registry-timeout"],
  ["fails", { kind: "status", status: 500 }, "registry-failed"],
  ["has nothing there", { kind: "status", status: 404 }, "missing-blob"],
])(
  "a registry that %s leaves nothing of it in the layout, and a second, honest copy succeeds",
  async (_, fault, code) => {
    server.fault = faultOn(new RegExp(layer), fault);
    await expect(copy()).rejects.toMatchObject({ code });
    expect(await visible()).not.toContain(layer.slice("sha256:".length));
    expect(await visible()).not.toContain(image.digest.slice("sha256:".length));
    expect(existsSync(join(directory, "layout/index.json"))).toBe(false);
    server.fault = undefined;
    await copy();
    expect((await visible()).sort((one, other) => (one < other ? -1 : 1))).toHaveLength(3);
  },
);
