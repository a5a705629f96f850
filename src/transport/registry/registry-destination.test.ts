import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixtureLayout, layerOf } from "../../../test/support/image-fixtures.ts";
import {
  type Fault,
  type FaultHook,
  faultOn,
  type RegistryServer,
  startRegistryServer,
} from "../../../test/support/registry-server.ts";
import { type ByteSource, memorySource } from "../../base/index.ts";
import type { ImageDestination, OfferedBlob, RawDocument } from "../../image/index.ts";
import { type Descriptor, digestOf, MEDIA_TYPE, parseReference } from "../../oci/index.ts";
import { listReferrers } from "./list-referrers.ts";
import { openRegistryDestination } from "./registry-destination.ts";
import type { RegistryOptions, RetryEvent } from "./registry-options.ts";

const HASTY: RegistryOptions = {
  retries: 1,
  sleep: async () => {},
  timeouts: { connect: 2000, headers: 1000, body: 1000 },
  transfer: { attempts: 3, chunkBytes: 100_000 },
};
const CHUNKED: RegistryOptions = { ...HASTY, transfer: { ...HASTY.transfer, chunkedFrom: 1 } };

let server: RegistryServer;
beforeEach(async () => {
  server = await startRegistryServer();
});
afterEach(() => server[Symbol.asyncDispose]());

const SMALL = randomBytes(5000);
const LARGE = randomBytes(2_500_000);

function destination(name = "app:v1", registry: RegistryOptions = HASTY): ImageDestination {
  return openRegistryDestination(parseReference(`${server.host}/${name}`), { registry });
}

function offer(bytes: Uint8Array, lie: { bytes?: Uint8Array; from?: string } = {}): OfferedBlob & { opened: number } {
  const descriptor = { mediaType: MEDIA_TYPE.ociLayer, digest: digestOf(bytes), size: bytes.length };
  const origin = lie.from === undefined ? undefined : { registry: server.host, repository: lie.from };
  const offered = {
    descriptor,
    origin,
    opened: 0,
    open: async () => {
      offered.opened++;
      return inPieces(lie.bytes ?? bytes);
    },
  };
  return offered;
}

/** As files are: several chunks. */
function inPieces(bytes: Uint8Array): ByteSource {
  return {
    ...memorySource(bytes),
    async *stream({ start = 0, end = bytes.length } = {}) {
      for (let offset = start; offset < end; offset += 65_536) {
        yield bytes.subarray(offset, Math.min(end, offset + 65_536));
      }
    },
  };
}

const held = (bytes: Uint8Array, repository = "app"): boolean =>
  server.repository(repository).blobs.get(digestOf(bytes))?.equals(bytes) === true;
const asked = (pattern: RegExp): string[] =>
  server.requests.map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line));
const failure = (code: string): unknown => expect.objectContaining({ code });

describe.each<[string, RegistryOptions]>([
  ["in one piece", HASTY],
  ["in chunks", CHUNKED],
])("a blob that is uploaded %s", (_, options) => {
  test.each([
    ["empty", Buffer.alloc(0)],
    ["small", SMALL],
    ["large", LARGE],
  ])("arrives whole when it is %s, and is present then", async (_name, bytes) => {
    await using target = destination("app:v1", options);
    const seen: number[] = [];
    const blob = offer(bytes);
    expect(await target.putBlob(blob, { onProgress: (count) => seen.push(count) })).toBe("transferred");
    expect(held(bytes)).toBe(true);
    expect(seen.at(-1) ?? 0).toBe(bytes.length);
    expect([...seen].sort((one, other) => one - other)).toEqual(seen);
    expect(await target.has(blob.descriptor)).toBe(true);
    expect(await target.putBlob(blob)).toBe("present");
    expect(blob.opened).toBe(1);
  });

  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    [
      "has other bytes",
      (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([1 ^ (bytes.at(-1) ?? 0)])]),
      "digest-mismatch",
    ],
    ["is too short", (bytes) => bytes.subarray(0, -1), "blob-too-short"],
    ["is too long", (bytes) => Buffer.concat([bytes, bytes]), "blob-too-long"],
  ])("from a source that %s is not kept, whatever the registry checks", async (_name, lie, code) => {
    await using target = destination("app:v1", options);
    for (const bytes of [SMALL, LARGE]) {
      await expect(target.putBlob(offer(bytes, { bytes: lie(bytes) }))).rejects.toThrow(failure(code));
    }
    const closed = server.requests.filter(({ method, body }) => method === "PUT" && body.length >= SMALL.length);
    expect(closed).toEqual([]);
    expect(asked(/^PUT/).filter((line) => line.includes("digest"))).toEqual([]);
    const { blobs, uploads } = server.repository("app");
    expect([blobs.size, uploads.size]).toEqual([0, 0]);
  });

  test.each<[string, FaultHook]>([
    ["fails once", faultOn(/^(?:PUT|PATCH)/, { kind: "status", status: 500 }, 1)],
    ["loses the connection once", faultOn(/^(?:PUT|PATCH)/, { kind: "reset" }, 1)],
    ["asks for patience once", faultOn(/^POST/, { kind: "status", status: 429 }, 1)],
  ])("arrives in a registry that %s", async (_name, fault) => {
    server.fault = fault;
    await using target = destination("app:v1", options);
    expect(await target.putBlob(offer(LARGE))).toBe("transferred");
    expect(held(LARGE)).toBe(true);
  });

  test("whose last answer is lost is found to have arrived", async () => {
    let isLost = false;
    server.fault = ({ method, query }) => {
      if (method !== "PUT" || isLost || !query.has("digest")) return undefined;
      isLost = true;
      return { kind: "reset" };
    };
    await using target = destination("app:v1", options);
    expect(await target.putBlob(offer(SMALL))).toBe("transferred");
    expect(asked(/^PUT/)).toHaveLength(1);
  });

  test("is given up when the registry always fails, and the upload is cancelled", async () => {
    server.fault = faultOn(/^(?:PUT|PATCH)/, { kind: "status", status: 500 });
    await using target = destination("app:v1", options);
    await expect(target.putBlob(offer(SMALL))).rejects.toThrow(failure("registry-failed"));
    expect(server.repository("app").uploads.size).toBe(0);
  });

  test("is ended by an abort, and the upload is cancelled", async () => {
    const stop = new AbortController();
    await using target = destination("app:v1", options);
    const blob = offer(LARGE);
    const stopping = {
      ...blob,
      open: async () => {
        stop.abort();
        return await blob.open();
      },
    };
    await expect(target.putBlob(stopping, { signal: stop.signal })).rejects.toThrow(failure("aborted"));
    expect(server.repository("app").blobs.size).toBe(0);
    expect(server.repository("app").uploads.size).toBe(0);
  });

  test("is refused by a registry that says it is another", async () => {
    server.fault = faultOn(/^PUT/, {
      kind: "headers",
      headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` },
    });
    await using target = destination("app:v1", options);
    await expect(target.putBlob(offer(SMALL))).rejects.toThrow(failure("registry-digest-mismatch"));
  });

  test("needs a registry that says where it goes on", async () => {
    server.fault = faultOn(/^POST/, { kind: "headers", headers: { location: undefined } });
    await using target = destination("app:v1", options);
    await expect(target.putBlob(offer(SMALL))).rejects.toThrow(failure("registry-protocol"));
  });
});

describe("chunks", () => {
  test("have the length that is wanted, and ranges without a unit", async () => {
    await using target = destination("app:v1", CHUNKED);
    await target.putBlob(offer(LARGE.subarray(0, 250_000)));
    const sent = server.requests
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]);
    expect(sent).toEqual(["0-99999", "100000-199999", "200000-249999"]);
  });

  test("are at least as long as the registry wants them", async () => {
    await server[Symbol.asyncDispose]();
    server = await startRegistryServer({ chunkMinLength: 150_000 });
    await using target = destination("app:v1", CHUNKED);
    await target.putBlob(offer(LARGE.subarray(0, 400_000)));
    const sent = server.requests.filter(({ method }) => method === "PATCH").map(({ body }) => body.length);
    expect(sent).toEqual([150_000, 150_000, 100_000]);
  });

  test("of which a part arrived go on from there", async () => {
    let isBroken = false;
    server.fault = (request) => {
      if (request.method !== "PATCH" || isBroken || request.headers["content-range"] !== "100000-199999")
        return undefined;
      isBroken = true;
      const { uploads } = server.repository("app");
      const id = request.path.split("/").at(-1) ?? "";
      uploads.set(id, Buffer.concat([uploads.get(id) ?? Buffer.alloc(0), request.body.subarray(0, 30_000)]));
      return { kind: "status", status: 502 };
    };
    await using target = destination("app:v1", CHUNKED);
    const blob = offer(LARGE.subarray(0, 250_000));
    expect(await target.putBlob(blob)).toBe("transferred");
    expect(blob.opened).toBe(1);
    const sent = server.requests
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]);
    expect(sent).toEqual(["0-99999", "100000-199999", "130000-199999", "200000-249999"]);
  });

  test("of an upload that the registry lost are begun again", async () => {
    let isLost = false;
    server.fault = ({ method, headers }) => {
      if (method !== "PATCH" || isLost || headers["content-range"] !== "100000-199999") return undefined;
      isLost = true;
      server.repository("app").uploads.clear();
      return { kind: "reset" };
    };
    await using target = destination("app:v1", CHUNKED);
    const blob = offer(LARGE.subarray(0, 250_000));
    expect(await target.putBlob(blob)).toBe("transferred");
    expect([blob.opened, asked(/^POST/).length]).toEqual([2, 2]);
  });

  test("are left where the registry does not know them", async () => {
    server.fault = faultOn(/^PATCH/, { kind: "status", status: 405 });
    await using target = destination("app:v1", CHUNKED);
    expect(await target.putBlob(offer(LARGE))).toBe("transferred");
    expect(held(LARGE)).toBe(true);
    expect(server.repository("app").uploads.size).toBe(0);
  });

  test("of which nothing is kept are not sent for ever", async () => {
    server.fault = faultOn(/^PATCH/, { kind: "status", status: 202, headers: { range: "0-0" } });
    await using target = destination("app:v1", CHUNKED);
    await expect(target.putBlob(offer(LARGE))).rejects.toThrow(failure("registry-protocol"));
  });
});

test("whatever breaks on the way, a blob arrives whole, and nothing else does", async () => {
  const breakage = fc.constantFrom<Fault | undefined>(
    undefined,
    undefined,
    { kind: "reset" },
    { kind: "status", status: 503 },
    { kind: "truncate", bytes: 0 },
  );
  const pauses: RetryEvent[] = [];
  const transfer = { attempts: 6, chunkBytes: 40_000 };
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 150_000 }),
      fc.boolean(),
      fc.array(breakage, { maxLength: 4 }),
      async (size, isChunked, faults) => {
        const bytes = randomBytes(size);
        const left = [...faults];
        server.fault = ({ path }) => (path.includes("/uploads/") ? left.shift() : undefined);
        const options = { ...HASTY, transfer: isChunked ? { ...transfer, chunkedFrom: 1 } : transfer };
        await using target = destination("app:v1", { ...options, onRetry: (event) => pauses.push(event) });
        expect(await target.putBlob(offer(bytes))).toBe("transferred");
        expect(held(bytes)).toBe(true);
        server.repository("app").blobs.clear();
      },
    ),
    { numRuns: 60 },
  );
  expect(pauses[0]).toMatchObject({ registry: server.host, pause: expect.any(Number) });
});

describe("a blob of another repository", () => {
  test("of the registry is mounted, without being read", async () => {
    server.addBlob("other", SMALL);
    await using target = destination();
    const blob = offer(SMALL, { from: "other" });
    expect(await target.putBlob(blob)).toBe("mounted");
    expect([blob.opened, held(SMALL)]).toEqual([0, true]);
  });

  test("that the registry does not mount is uploaded, by the upload that it begins instead", async () => {
    await using target = destination();
    expect(await target.putBlob(offer(SMALL, { from: "other" }))).toBe("transferred");
    expect(asked(/^POST/)).toHaveLength(1);
  });

  test("that may not be read there is uploaded", async () => {
    server.fault = ({ query }) => (query.has("mount") ? { kind: "status", status: 403 } : undefined);
    await using target = destination();
    expect(await target.putBlob(offer(SMALL, { from: "other" }))).toBe("transferred");
  });

  test("of another registry is uploaded", async () => {
    await using target = destination();
    const origin = { registry: "registry.example", repository: "other" };
    expect(await target.putBlob({ ...offer(SMALL), origin })).toBe("transferred");
    expect(server.requests.some(({ query }) => query.has("mount"))).toBe(false);
  });
});

test("a blob that only a mirror has is pushed all the same", async () => {
  await using mirror = await startRegistryServer();
  mirror.addBlob("app", SMALL);
  await using target = destination("app:v1", { ...HASTY, mirrors: { [server.host]: [mirror.origin] } });
  expect(await target.putBlob(offer(SMALL))).toBe("transferred");
  expect([held(SMALL), mirror.requests.length]).toEqual([true, 0]);
});

test("a blob whose length the registry does not tell is present", async () => {
  server.addBlob("app", SMALL);
  server.fault = faultOn(/^HEAD/, { kind: "headers", headers: { "content-length": undefined } });
  await using target = destination();
  expect(await target.putBlob(offer(SMALL))).toBe("present");
});

describe("documents", () => {
  async function pushed(
    target: ImageDestination,
    manifest: object = {},
  ): Promise<{ raw: RawDocument; root: Descriptor }> {
    const layout = new FixtureLayout();
    const root = layout.image([await layerOf({ a: "1" })], { manifest });
    for (const file of Object.values(layout.files)) {
      const bytes = file as Buffer;
      if (digestOf(bytes) !== root.digest) await target.putBlob(offer(bytes));
    }
    const bytes = layout.files[`blobs/sha256/${root.digest.slice(7)}`] as Buffer;
    const raw = { mediaType: root.mediaType, digest: root.digest, bytes };
    await target.putDocument(raw);
    return { raw, root };
  }

  test("have no name before they are given one", async () => {
    await using target = destination();
    const { raw, root } = await pushed(target);
    expect(server.repository("app").tags.size).toBe(0);
    await target.name(root, ["docker.io/library/ignored:v7"]);
    await target.finish();
    expect([...server.repository("app").tags]).toEqual([["v1", raw.digest]]);
    expect(server.repository("app").manifests.get(raw.digest)?.mediaType).toBe(raw.mediaType);
    expect(await target.has(root)).toBe(true);
  });

  test("get the tag latest where the reference has none", async () => {
    await using target = destination("app");
    const { root } = await pushed(target);
    await target.name(root, []);
    expect([...server.repository("app").tags.keys()]).toEqual(["latest"]);
  });

  test("that were there before are named by what the registry has", async () => {
    await using first = destination();
    const { root } = await pushed(first);
    await using second = destination("app:v2");
    await second.name(root, []);
    expect(server.repository("app").tags.get("v2")).toBe(root.digest);
  });

  test("must have the digest of the reference, and get no tag by it", async () => {
    await using target = destination();
    const { root } = await pushed(target);
    await using right = destination(`app@${root.digest}`);
    await right.name(root, []);
    expect(server.repository("app").tags.size).toBe(0);
    await using wrong = destination(`app:v1@sha256:${"0".repeat(64)}`);
    await expect(wrong.name(root, [])).rejects.toThrow(failure("destination-digest-mismatch"));
  });

  test.each([true, false])(
    "with a subject are found by it, where the API of referrers is there: %s",
    async (referrers) => {
      await server[Symbol.asyncDispose]();
      server = await startRegistryServer({ referrers });
      await using target = destination();
      const { root: subject } = await pushed(target);
      const signature = await pushed(target, {
        subject,
        artifactType: "application/x-signature",
        annotations: { a: "b" },
      });
      const report = await pushed(target, { subject, artifactType: "application/x-report" });
      const reference = { ...parseReference(`${server.host}/app`), digest: subject.digest };
      const all = await listReferrers(reference, HASTY);
      expect(all.map(({ digest }) => digest)).toEqual([signature.root.digest, report.root.digest]);
      const some = await listReferrers(reference, { ...HASTY, artifactType: "application/x-signature" });
      expect(some).toEqual([{ ...signature.root, artifactType: "application/x-signature", annotations: { a: "b" } }]);
      const tags = referrers ? [] : [`sha256-${subject.digest.slice(7)}`];
      expect([...server.repository("app").tags.keys()]).toEqual(tags);
    },
  );

  test("with a subject are put on the list again that another writer overwrote", async () => {
    await server[Symbol.asyncDispose]();
    server = await startRegistryServer({ referrers: false });
    await using target = destination();
    const { root: subject } = await pushed(target);
    const tag = `sha256-${subject.digest.slice(7)}`;
    let writes = 0;
    server.fault = ({ method, path }) =>
      method === "PUT" && path.endsWith(tag) && ++writes === 1 ? { kind: "status", status: 201 } : undefined;
    const { root } = await pushed(target, { subject });
    const reference = { ...parseReference(`${server.host}/app`), digest: subject.digest };
    expect((await listReferrers(reference, HASTY)).map(({ digest }) => digest)).toEqual([root.digest]);
    expect(writes).toBe(2);
  });

  test("with a subject do not overwrite an image that has the list's tag", async () => {
    await server[Symbol.asyncDispose]();
    server = await startRegistryServer({ referrers: false });
    await using target = destination();
    const { root: subject } = await pushed(target);
    server.repository("app").tags.set(`sha256-${subject.digest.slice(7)}`, subject.digest);
    await expect(pushed(target, { subject })).rejects.toThrow(failure("registry-referrers-taken"));
  });

  test("that the registry understood differently are an error", async () => {
    await using target = destination();
    server.fault = faultOn(/^PUT .*manifests/, {
      kind: "headers",
      headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` },
    });
    await expect(pushed(target)).rejects.toThrow(failure("registry-digest-mismatch"));
  });

  test("that the registry refuses leave the name as it was", async () => {
    await using target = destination();
    const { root } = await pushed(target);
    await target.name(root, []);
    server.fault = faultOn(/^PUT .*manifests/, {
      kind: "status",
      status: 400,
      body: '{"errors":[{"code":"MANIFEST_INVALID"}]}',
    });
    await expect(pushed(target, { annotations: { x: "y" } })).rejects.toThrow(/MANIFEST_INVALID/);
    expect(server.repository("app").tags.get("v1")).toBe(root.digest);
  });
});
