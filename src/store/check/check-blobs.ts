import { assertNotAborted, StrataError } from "../../base/index.ts";
import type { BlobInfo } from "../../content/index.ts";
import type { DiffId, Digest } from "../../oci/index.ts";
import type { Fault } from "../fault.ts";
import { identifyBlob } from "../identify-blob.ts";
import { blobPath } from "../store-layout.ts";
import type { CheckContext } from "./check-context.ts";

/** Reads every blob once: its digest, its size, and the diffID of what is a layer. */
export async function* checkBlobs(context: CheckContext): AsyncGenerator<Fault> {
  const { parts, options, users, tables } = context;
  const blobs: BlobInfo[] = [];
  for await (const blob of parts.content.list()) blobs.push(blob);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const blob of blobs) {
    assertNotAborted(options.signal);
    const tell = (read: number): void => options.onProgress?.({ kind: "blob", done: done + read, total });
    const fault = await checkBlob(context, blob, tell);
    if (fault !== undefined) context.damaged.add(blob.digest);
    if (fault !== undefined) yield fault;
    else if (tables !== undefined && !users.has(blob.digest)) yield unreferenced(blob);
    done += blob.size;
    tell(0);
  }
}

async function checkBlob(
  context: CheckContext,
  { digest }: BlobInfo,
  onBytes: (read: number) => void,
): Promise<Fault | undefined> {
  const { parts, users, sizes, claims, options } = context;
  const common = { digest, path: blobPath(digest), images: users.get(digest) ?? [] };
  try {
    await using source = await parts.content.open(digest);
    const claimed = [...(claims.get(digest) ?? [])];
    const found = await identifyBlob(source, { digest, claimed, signal: options.signal, onBytes });
    if (found.digest !== digest) return { ...common, ...corrupt(digest, found.digest) };
    const wrong = [...(sizes.get(digest) ?? [])].find((size) => size !== source.size);
    if (wrong !== undefined) return { ...common, ...sizeDiffers(digest, source.size, wrong) };
    if (found.trouble !== undefined) return { ...common, ...layerUnreadable(digest, found.trouble) };
    const missed = claimed.find((diffId) => !found.diffIds.includes(diffId));
    if (missed !== undefined) return { ...common, ...diffIdDiffers(digest, missed) };
    return undefined;
  } catch (error) {
    if (!(error instanceof StrataError) || error.kind === "aborted") throw error;
    // Removed meanwhile by somebody who may: what images need is leased.
    if (error.code === "blob-not-found") return undefined;
    return { ...common, ...unreadable(digest, error) };
  }
}

type Finding = Pick<Fault, "code" | "severity" | "what" | "remedy">;

function corrupt(digest: Digest, actual: Digest): Finding {
  const what = `The blob ${digest} has other bytes, of the digest ${actual}`;
  return { code: "blob-corrupt", severity: "error", what, remedy: "repair the store, then pull the images again" };
}

function unreadable(digest: Digest, { message }: StrataError): Finding {
  const what = `The blob ${digest} cannot be read: ${message}`;
  return { code: "blob-unreadable", severity: "error", what, remedy: "repair the store, then pull the images again" };
}

function sizeDiffers(digest: Digest, actual: number, said: number): Finding {
  const what = `The blob ${digest} has ${actual} bytes, as its digest proves, but a document says ${said}`;
  return { code: "blob-size-differs", severity: "error", what, remedy: "tell whoever published it" };
}

function layerUnreadable(digest: Digest, { message }: StrataError): Finding {
  const what = `The layer ${digest} was published like this, but cannot be decompressed: ${message}`;
  return { code: "layer-unreadable", severity: "error", what, remedy: "tell whoever published it" };
}

function diffIdDiffers(digest: Digest, diffId: DiffId): Finding {
  const what = `The layer ${digest} does not have the diffID ${diffId} that a configuration says`;
  return { code: "diffid-mismatch", severity: "error", what, remedy: "tell whoever published it" };
}

function unreferenced({ digest }: BlobInfo): Fault {
  return {
    code: "unreferenced-blob",
    severity: "info",
    what: `No image needs the blob ${digest}`,
    digest,
    path: blobPath(digest),
    images: [],
    remedy: "prune the store",
  };
}
