import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { type Fault, type RegistryServer, startRegistryServer } from "../../../test/support/registry-server.ts";
import { type ByteSource, readAll } from "../../base/index.ts";
import { digestOf } from "../../oci/index.ts";
import { blobSource } from "./blob-source.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { openRepository } from "./repository.ts";

/** Text, so that a fault can send it. */
const BYTES = Buffer.from(randomBytes(150_000).toString("hex"));
const TRANSFER = {
  rangesFrom: 100_000,
  rangesBelow: Number.POSITIVE_INFINITY,
  rangeBytes: 40_000,
  ranges: 3,
  attempts: 4,
};
const OPTIONS = { retries: 4, sleep: async () => {}, timeouts: { body: 1000, headers: 1000 }, transfer: TRANSFER };

let server: RegistryServer;
afterEach(() => server[Symbol.asyncDispose]());

async function start(
  options: Parameters<typeof startRegistryServer>[0] = {},
  size = BYTES.length,
  transfer: RegistryOptions["transfer"] = TRANSFER,
  onPause: (ms: number) => void = () => {},
): Promise<ByteSource> {
  server = await startRegistryServer(options);
  server.addBlob("app", BYTES);
  const repository = openRepository({ registry: server.host, repository: "app" }, "pull", {
    ...OPTIONS,
    transfer,
    sleep: async (ms: number) => onPause(ms),
  });
  return blobSource({ repository, digest: digestOf(BYTES), size });
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const gets = () => server.requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
const ranges = () => gets().map(({ headers }) => headers["range"]);
const failure = (code: string): unknown => expect.objectContaining({ code });

describe("a large blob", () => {
  test("comes in several ranges at once, in order", async () => {
    const source = await start();
    expect(BYTES.equals(await collect(source.stream()))).toBe(true);
    expect(new Set(ranges())).toEqual(
      new Set([
        "bytes=0-39999",
        "bytes=120000-159999",
        "bytes=160000-199999",
        "bytes=200000-239999",
        "bytes=240000-279999",
        "bytes=280000-299999",
        "bytes=40000-79999",
        "bytes=80000-119999",
      ]),
    );
  });

  test("goes on by one connection where that is quick", async () => {
    const source = await start({}, BYTES.length, { ...TRANSFER, rangesBelow: 0 });
    expect(BYTES.equals(await collect(source.stream()))).toBe(true);
    expect(ranges()).toEqual(["bytes=0-39999", "bytes=40000-299999"]);
  });

  test("comes by one connection where the registry has no ranges", async () => {
    const source = await start({ ranges: false });
    expect(BYTES.equals(await collect(source.stream()))).toBe(true);
    expect(gets()).toHaveLength(1);
  });

  test("comes in the end from a registry that stops to honour ranges", async () => {
    const source = await start();
    let count = 0;
    server.fault = ({ path }) =>
      path.includes("/blobs/") && ++count > 3 ? { kind: "status", status: 200, body: BYTES.toString() } : undefined;
    expect(BYTES.equals(await collect(source.stream()))).toBe(true);
    // One that shows it, two that were under way, one for the rest.
    expect(gets().length).toBeLessThanOrEqual(3 + TRANSFER.ranges + 1);
  });

  test("of which the reader wants no more ends all its connections", async () => {
    const source = await start();
    for await (const chunk of source.stream()) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(gets().length).toBeLessThanOrEqual(TRANSFER.ranges + 1);
  });

  test("never holds more than its ranges in memory", async () => {
    const source = await start();
    let taken = 0;
    for await (const chunk of source.stream()) {
      taken += chunk.length;
      const begun = gets().length * TRANSFER.rangeBytes;
      expect(begun - taken).toBeLessThanOrEqual(TRANSFER.ranges * TRANSFER.rangeBytes);
    }
  });
});

describe("the length that the descriptor promises", () => {
  test("is held against what the registry says at once", async () => {
    const short = await start({}, BYTES.length + 10);
    await expect(collect(short.stream())).rejects.toThrow(failure("blob-too-short"));
    await server[Symbol.asyncDispose]();
    const long = await start({}, BYTES.length - 10);
    await expect(collect(long.stream())).rejects.toThrow(failure("blob-too-long"));
    expect(gets()).toHaveLength(1);
  });

  test("is where an endless body ends", async () => {
    const source = await start({ ranges: false });
    server.fault = () => ({ kind: "endless" });
    expect(await collect(source.stream())).toHaveLength(BYTES.length);
  });

  test("is what a registry cannot keep that has fewer bytes and does not say so", async () => {
    const source = await start({ ranges: false });
    server.fault = ({ path }) =>
      path.includes("/blobs/")
        ? { kind: "status", status: 200, headers: { "transfer-encoding": "chunked" }, body: "too little" }
        : undefined;
    await expect(collect(source.stream())).rejects.toThrow(failure("blob-too-short"));
    expect(gets().length).toBeLessThanOrEqual(TRANSFER.attempts);
  });
});

test("a registry that gives less of a range than it was asked for is asked for the rest, without a pause", async () => {
  const pauses: number[] = [];
  const source = await start({}, BYTES.length, { ...TRANSFER, rangesFrom: Number.POSITIVE_INFINITY }, (ms) =>
    pauses.push(ms),
  );
  server.fault = ({ headers }) => {
    const from = Number(/^bytes=(\d+)-/.exec(headers["range"] ?? "")?.[1] ?? 0);
    const body = BYTES.subarray(from, from + 70_000).toString();
    const range = `bytes ${from}-${from + body.length - 1}/${BYTES.length}`;
    return { kind: "status", status: 206, headers: { "content-range": range }, body };
  };
  expect(BYTES.equals(await collect(source.stream()))).toBe(true);
  expect([gets().length, pauses]).toEqual([5, []]);
});

test("another range than the one that was asked for is refused", async () => {
  const source = await start();
  server.fault = () => ({ kind: "headers", headers: { "content-range": `bytes 5-10/${BYTES.length}` } });
  await expect(readAll(source, { start: 100, end: 200 })).rejects.toThrow(failure("registry-protocol"));
  server.fault = () => ({ kind: "headers", headers: { "content-range": undefined } });
  await expect(readAll(source, { start: 100, end: 200 })).rejects.toThrow(failure("registry-protocol"));
});

test("an abort ends all ranges at once", async () => {
  const source = await start();
  const stop = new AbortController();
  const reading = (async () => {
    for await (const _ of source.stream({ signal: stop.signal })) stop.abort();
  })();
  await expect(reading).rejects.toThrow(failure("aborted"));
});

test("whatever breaks on the way, every range of a blob is the same bytes", async () => {
  const source = await start();
  const breakage = fc.constantFrom<Fault | undefined>(
    undefined,
    undefined,
    { kind: "reset", after: 1000 },
    { kind: "truncate", bytes: 20_000 },
    { kind: "status", status: 503 },
    { kind: "reset" },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(BYTES.length),
      fc.nat(BYTES.length),
      fc.array(breakage, { maxLength: 3 }),
      async (one, other, faults) => {
        const [begin, end] = one < other ? [one, other] : [other, one];
        const left = [...faults];
        server.fault = () => left.shift();
        expect(BYTES.subarray(begin, end).equals(await collect(source.stream({ start: begin, end })))).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});
