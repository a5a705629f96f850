import { DEFAULT_LIMITS, DEFAULT_SOURCE_LIMITS, type PlatformChoice } from "../../src/image/index.ts";
import type { ChainId, Digest } from "../../src/oci/index.ts";
import type { DriverName } from "../../src/snapshot/index.ts";
import type { Store } from "../../src/store/index.ts";
import { DEFAULT_EXPANSION_LIMITS } from "../../src/tar/index.ts";
import { unpackImage } from "../../src/unpack/index.ts";

/** Chooses the image of a fixture. */
export const FIXTURE_CHOICE: PlatformChoice = {
  platform: undefined,
  hostPlatform: { os: "linux", architecture: "amd64" },
  limits: { ...DEFAULT_SOURCE_LIMITS, expansion: DEFAULT_EXPANSION_LIMITS },
};

/** Unpacks an image of the store into snapshots of that driver. */
export async function unpackStored(
  store: Store,
  name: string,
  driver: DriverName = "erofs",
): Promise<{ readonly chainIds: readonly ChainId[]; readonly tars: readonly Digest[] }> {
  await using source = await store.openImage(name, FIXTURE_CHOICE);
  await using lease = await store.lease();
  const { layers } = await unpackImage(source, {
    snapshotter: await store.snapshotter({ driver }),
    content: store.content,
    indexCache: store.indexCache,
    lease: (...digests) => lease.add(...digests),
    workers: 1,
    limits: DEFAULT_LIMITS,
  });
  return {
    chainIds: layers.map(({ chainId }) => chainId),
    tars: layers.map(({ diffId }) => diffId as string as Digest),
  };
}
