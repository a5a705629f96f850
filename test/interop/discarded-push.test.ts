import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { copyImage, mountImage, openImage, pullImage, unmountImage } from "../../src/index.ts";
import { digestOf, hexOf } from "../../src/oci/index.ts";
import { dir, file, type TarStep, tarScript, whiteout } from "../../src/testing/index.ts";
import { type FixtureLayer, FixtureLayout, writeFiles } from "../support/image-fixtures.ts";
import { describeWith } from "../support/oracles.ts";
import { type RegistryServer, startRegistryServer } from "../support/registry-server.ts";

let home: string;
let server: RegistryServer;
const at = (name: string): string => join(home, name);
const there = (name: string): string => `docker://${server.host}/${name}`;

/** Compressed by somebody who writes the time down, so that our compressor does not make the same bytes again. */
function foreignLayer(...steps: readonly TarStep[]): FixtureLayer {
  const tar = Buffer.from(tarScript(...steps));
  const diffId = digestOf(tar) as string as FixtureLayer["diffId"];
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const stored = gzipSync(tar);
  stored.writeUInt32LE(1_700_000_000, 4);
  return { tar, stored, mediaType, diffId };
}

const LAYERS = [
  foreignLayer(dir("etc"), file("etc/motd", "old\n"), file("etc/issue", "x".repeat(100_000), { uid: 7 })),
  foreignLayer(whiteout("etc/issue"), file("etc/motd", "new\n", { mode: 0o640 })),
];
const DIFF_IDS = LAYERS.map(({ diffId }) => diffId);

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "discarded-push-"));
  server = await startRegistryServer();
  const layout = new FixtureLayout();
  await writeFiles(at("source"), layout.finish([layout.image(LAYERS)]));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const registry = () => ({ insecureHosts: [server.host] });

/** What a repository has under a tag, taken apart by nobody but this test. */
function servedLayers(repository: string, tag: string): { stored: Buffer; diffIds: readonly string[] }[] {
  const { blobs, manifests, tags } = server.repository(repository);
  const manifest = JSON.parse(Buffer.from(manifests.get(tags.get(tag) as string)?.bytes as Uint8Array).toString());
  const config = JSON.parse(Buffer.from(blobs.get(manifest.config.digest) as Uint8Array).toString());
  return manifest.layers.map(({ digest, size }: { digest: string; size: number }) => {
    const stored = Buffer.from(blobs.get(digest) as Uint8Array);
    expect([digestOf(stored), stored.length]).toEqual([digest, size]);
    return { stored, diffIds: config.rootfs.diff_ids };
  });
}

describeWith(["mount"], "an image whose compressed layers were discarded", () => {
  const pullDiscarding = async (from: string, store: string): Promise<void> => {
    await pullImage(from, "app", { store, unpack: true, discardCompressed: true, registry: registry() });
  };

  it("is pushed compressed anew: the same layers, pulled and mounted as before", async () => {
    await pullDiscarding(`oci:${at("source")}`, at("store"));
    const options = { store: at("store"), registry: registry() };
    const kept = readdirSync(at("store/blobs/sha256"));
    for (const { stored } of LAYERS) expect(kept).not.toContain(hexOf(digestOf(stored)));
    await expect(copyImage("store:app", there("app:v1"), options)).rejects.toMatchObject({
      code: "compressed-blob-discarded",
    });
    await copyImage("store:app", there("app:v1"), { ...options, compression: "gzip" });
    const served = servedLayers("app", "v1");
    expect(served.map(({ stored }) => digestOf(gunzipSync(stored)))).toEqual(DIFF_IDS);
    expect(served[0]?.diffIds).toEqual(DIFF_IDS);

    await pullDiscarding(there("app:v1"), at("other"));
    const target = at("mounted");
    mkdirSync(target);
    await mountImage("app", target, { store: at("other") });
    try {
      expect(readFileSync(join(target, "etc/motd"), "utf8")).toBe("new\n");
      expect(() => readFileSync(join(target, "etc/issue"))).toThrow("ENOENT");
    } finally {
      await unmountImage(target, { store: at("other") });
    }
    // What we compressed ourselves can be made again byte for byte.
    const again = await copyImage("store:app", there("again:v1"), { ...options, store: at("other") });
    expect(again.blobs.present + again.blobs.mounted + again.blobs.transferred).toBe(3);
    expect(servedLayers("again", "v1").map(({ stored }) => digestOf(stored))).toEqual(
      served.map(({ stored }) => digestOf(stored)),
    );
  });

  it("is pushed without a byte of its layers where the registry has them", async () => {
    await copyImage(`oci:${at("source")}`, there("app:v1"), { registry: registry() });
    await pullDiscarding(there("app:v1"), at("store"));
    const pushed = await copyImage("store:app", there("team/app:v2"), { store: at("store"), registry: registry() });
    expect(pushed.blobs).toMatchObject({ mounted: 3, transferred: 0 });
    expect(servedLayers("team/app", "v2").map(({ stored }) => digestOf(gunzipSync(stored)))).toEqual(DIFF_IDS);
    await using image = await openImage(there("team/app:v2"), { registry: registry() });
    expect(await image.fs.readFile("/etc/motd", "utf8")).toBe("new\n");
  });
});

it.each([true, false])(
  "an image of the store is mounted into another repository of its registry (unpacked: %s)",
  async (unpack) => {
    await copyImage(`oci:${at("source")}`, there("app:v1"), { registry: registry() });
    await pullImage(there("app:v1"), "app", { store: at("store"), unpack, registry: registry() });
    const pushed = await copyImage("store:app", there("team/app:v2"), { store: at("store"), registry: registry() });
    expect(pushed.blobs).toMatchObject({ mounted: 3, transferred: 0 });
  },
);
