import { describe, expect, test } from "vitest";
import { type Fault, faultOn } from "../../../../test/support/registry-server.ts";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { assertNotAborted } from "../../../base/index.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { openRegistryHttp, type RegistryHttpOptions, type RegistryRequest } from "./registry-http.ts";

const scene = createScene();

async function registry(fault: Fault, times: number, options: Partial<RegistryHttpOptions> = {}) {
  const server = await scene.server();
  const digest = server.addBlob("a", Buffer.from("bytes"));
  server.fault = faultOn(/blobs/, fault, times);
  const credentials = createMemoryCredentials();
  const tools = { credentials, sleep: scene.sleep, random: () => 0.5, now: () => Date.UTC(2030, 0, 1) };
  const http = scene.keep(openRegistryHttp(server.host, { ...tools, ...options }));
  const ask = (request: Partial<RegistryRequest> = {}) =>
    http.request({ method: "GET", path: `/v2/a/blobs/${digest}`, scopes: [], accept: [200], ...request });
  const asked = () => server.requests.filter(({ path }) => path.includes("blobs")).length;
  return { server, ask, asked, http };
}

describe("a request is repeated", () => {
  test.each([408, 425, 429, 500, 502, 503, 504])("after %i, waiting longer each time", async (status) => {
    const { ask, asked } = await registry({ kind: "status", status }, 4);
    expect((await ask()).status).toBe(200);
    expect(asked()).toBe(5);
    expect(scene.waits).toEqual([100, 200, 400, 800]);
  });

  test("after a connection that broke", async () => {
    const { ask, asked } = await registry({ kind: "reset" }, 2);
    expect((await ask()).status).toBe(200);
    expect(asked()).toBe(3);
  });

  test("once after a connection that hangs", async () => {
    const { ask, asked } = await registry({ kind: "hang", at: "headers" }, 9, { timeouts: { headers: 500 } });
    expect(await failureOf(ask())).toMatchObject({ code: "registry-timeout", kind: "unavailable" });
    expect(asked()).toBe(2);
  });

  test("at most as often as is said, never waiting more than 10 s", async () => {
    const { ask } = await registry({ kind: "status", status: 500 }, 99, { retries: 9, random: () => 1 });
    expect(await failureOf(ask())).toMatchObject({ code: "registry-failed", kind: "unavailable" });
    expect(scene.waits).toHaveLength(9);
    expect(Math.max(...scene.waits)).toBe(10_000);
  });

  test.each([
    ["3", 3000],
    ["Tue, 01 Jan 2030 00:00:20 GMT", 20_000],
    ["Mon, 31 Dec 2029 00:00:20 GMT", 0],
    ["86400", 120_000],
    ["soon", 100],
  ])("after what Retry-After: %s says", async (advice, ms) => {
    const { ask } = await registry({ kind: "status", status: 503, headers: { "retry-after": advice } }, 1);
    await ask();
    expect(scene.waits).toEqual([ms]);
  });

  test("with its whole body", async () => {
    const { server, ask } = await registry({ kind: "status", status: 500 }, 1);
    async function* body() {
      yield Buffer.from("body");
    }
    await ask({ method: "POST", path: "/v2/a/blobs/uploads/", body, accept: [202], isRepeatable: true });
    expect(server.requests.slice(-2).map((request) => request.body.toString())).toEqual(["body", "body"]);
  });
});

describe("a request is not repeated", () => {
  test("when it writes, unless it may", async () => {
    const { ask, asked } = await registry({ kind: "status", status: 500 }, 1);
    const post = { method: "POST", path: "/v2/a/blobs/uploads/", accept: [202] } as const;
    expect(await failureOf(ask(post))).toMatchObject({ code: "registry-failed" });
    expect(asked()).toBe(1);
  });

  test.each([400, 403, 404, 405, 501])("after %i", async (status) => {
    const { ask, asked } = await registry({ kind: "status", status }, 1);
    await failureOf(ask());
    expect(asked()).toBe(1);
  });

  test("when the status is an answer", async () => {
    const { ask, asked } = await registry({ kind: "status", status: 503 }, 1);
    expect((await ask({ accept: [503] })).status).toBe(503);
    expect(asked()).toBe(1);
  });
});

test("a limit of requests says how to raise it", async () => {
  const { ask } = await registry({ kind: "status", status: 429 }, 99);
  const failure = await failureOf(ask());
  expect(failure).toMatchObject({ code: "rate-limited", kind: "unavailable" });
  expect(failure.hint).toContain("log in");
});

test("an error has the registry's own words, bounded and without control characters", async () => {
  const body = JSON.stringify({ errors: [{ code: "DENIED", message: `no\u001b[31m ${"x".repeat(2000)}` }] });
  const { ask } = await registry({ kind: "status", status: 400, body }, 1);
  const failure = await failureOf(ask());
  expect(failure.message).toContain("DENIED: no [31m xxx");
  expect(failure.message.length).toBeLessThan(500);
  expect(failure.message).not.toContain("\u001b");
});

describe("a signal", () => {
  test.each([
    { kind: "hang", at: "headers" },
    { kind: "hang", at: "body", after: 2 },
  ] as const)("ends a request and its connection after %j", async (fault) => {
    const { server, ask, asked, http } = await registry(fault, 9);
    await http.ping();
    const stop = new AbortController();
    const reading = ask({ signal: stop.signal }).then((answer) => answer.bytes(100));
    while (asked() === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await failureOf(reading)).toMatchObject({ code: "aborted", kind: "aborted" });
    await expect.poll(() => server.abandoned()).toBe(1);
  });

  test("ends the waiting for another attempt, and a request before it starts", async () => {
    const stop = new AbortController();
    const sleep = async (_: number, signal?: AbortSignal) => {
      stop.abort();
      assertNotAborted(signal);
    };
    const { ask, asked } = await registry({ kind: "status", status: 500 }, 9, { sleep });
    expect(await failureOf(ask({ signal: stop.signal }))).toMatchObject({ kind: "aborted" });
    expect(asked()).toBe(1);
    expect(await failureOf(ask({ signal: stop.signal }))).toMatchObject({ kind: "aborted" });
  });
});

test("disposing closes all connections, also under a body that is read", async () => {
  const { server, ask, http } = await registry({ kind: "hang", at: "body", after: 2 }, 9);
  const answer = await ask();
  const reading = failureOf(answer.bytes(100));
  await http[Symbol.asyncDispose]();
  expect((await reading).code).toBe("registry-connection-lost");
  await expect.poll(() => server.connections()).toBe(0);
  expect(await failureOf(ask())).toMatchObject({ code: "source-closed" });
});

test("what a body cannot read is the caller's own error", async () => {
  const { ask } = await registry({ kind: "corrupt" }, 0);
  const own = new Error("the disk is gone");
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("so far");
    throw own;
  }
  await expect(ask({ method: "POST", path: "/v2/a/blobs/uploads/", body, accept: [202] })).rejects.toBe(own);
});
