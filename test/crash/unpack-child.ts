/**
 * A process that unpacks an image of a store, to be killed by itself before its n-th call of the file system. What it was
 * asked comes as JSON in its first argument; each line it prints is JSON too.
 */
import { DEFAULT_LIMITS, DEFAULT_SOURCE_LIMITS } from "../../src/image/index.ts";
import { openStore } from "../../src/store/index.ts";
import { unpackImage } from "../../src/unpack/index.ts";
import { dieBeforeCall } from "./die-before-call.ts";

/** What the child is to do. */
export interface UnpackTask {
  readonly root: string;
  readonly image: string;
  /** Dies before this call of the file system, counted from 1. */
  readonly dieBefore?: number | undefined;
  /** Dies while the second layer is being unpacked. */
  readonly diesUnpacking?: boolean;
}

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const { root, image, dieBefore, diesUnpacking = false } = JSON.parse(process.argv[2] ?? "{}") as UnpackTask;
await using store = await openStore(root);
await using lease = await store.lease();
await using source = await store.openImage(image, {
  platform: undefined,
  hostPlatform: { os: "linux", architecture: "amd64" },
  limits: DEFAULT_SOURCE_LIMITS,
});
await using snapshotter = await store.snapshotter({ driver: "erofs" });
const calls = await dieBeforeCall(dieBefore);
const { chainId, layers } = await unpackImage(source, {
  snapshotter,
  content: store.content,
  indexCache: store.indexCache,
  lease: (...digests) => lease.add(...digests),
  workers: 2,
  limits: DEFAULT_LIMITS,
  onEvent: (event) => {
    if (diesUnpacking && event.type === "layer-progress" && event.layer === 1) process.kill(process.pid, "SIGKILL");
  },
});
say({ chainId, layers, calls: calls() });
