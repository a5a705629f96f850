import { createServer } from "node:net";
import { expect, test } from "vitest";
import { faultOn } from "../../../../test/support/registry-server.ts";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { isLoopback, resolveMirror, resolveRegistryHost } from "./registry-host.ts";
import { openRegistryHttp, type RegistryHttpOptions } from "./registry-http.ts";

const scene = createScene();
const credentials = createMemoryCredentials();

function open(host: string, options: Partial<RegistryHttpOptions> = {}) {
  return scene.keep(openRegistryHttp(host, { credentials, sleep: scene.sleep, ...options }));
}

test("plain HTTP is for this machine, and where it is asked for", () => {
  const bases = (host: string, insecure = false) =>
    resolveRegistryHost(host, { insecure }).bases.map((base) => base.origin);
  expect(bases("ghcr.io")).toEqual(["https://ghcr.io"]);
  expect(bases("docker.io")).toEqual(["https://registry-1.docker.io"]);
  expect(bases("localhost:5000")).toEqual(["https://localhost:5000", "http://localhost:5000"]);
  expect(bases("[::1]:5000")).toEqual(["https://[::1]:5000", "http://[::1]:5000"]);
  expect(bases("reg.test:5000", true)).toEqual(["https://reg.test:5000", "http://reg.test:5000"]);
  expect(["127.0.0.1.evil.test", "localhost.evil.test", "127.evil.test", "128.0.0.1"].filter(isLoopback)).toEqual([]);
});

test.each(["", "a b", "user@host", "host/path", "host?x", "http://host", "host:port", "host#x", "-x"])(
  "%j is no registry",
  (host) => {
    expect(() => open(host)).toThrow(/not the address of a registry/);
  },
);

test("what answers at /v2/ is reachable, also when it wants a login, and nothing else is", async () => {
  await open((await scene.server()).host).ping();
  await open((await scene.server({ basic: { username: "a", password: "long enough" } })).host).ping();
  const none = await scene.server({ fault: faultOn(/./, { kind: "status", status: 404 }) });
  expect(await failureOf(open(none.host).ping())).toMatchObject({ code: "registry-not-found" });
  await none[Symbol.asyncDispose]();
  expect(await failureOf(open(none.host).ping())).toMatchObject({ code: "registry-unreachable", kind: "unavailable" });
});

test("what is no HTTP at all breaks the protocol", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  const failure = await failureOf(open(`127.0.0.1:${port}`, { retries: 0 }).ping());
  server.close();
  expect(failure).toMatchObject({ code: "registry-protocol", kind: "malformed" });
});

test("a name that does not exist is not asked for twice", async () => {
  const failure = await failureOf(open("no-such-host.invalid").ping());
  expect(failure.code).toBe("registry-unreachable");
});

test("a connection that nobody accepts ends in time", async () => {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  const http = open(`127.0.0.1:${port}`, { timeouts: { connect: 50 } });
  expect(await failureOf(http.ping())).toMatchObject({ code: "registry-timeout" });
  await http[Symbol.asyncDispose]();
  server.close();
});

test("a signal ends a request that is still connecting, at once", async () => {
  const registry = await scene.server();
  const stop = new AbortController();
  const silent = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => stop.abort());
  });
  await new Promise<void>((resolve) => {
    silent.listen(0, "127.0.0.1", resolve);
  });
  const { port } = silent.address() as { port: number };
  const http = open(registry.host, { timeouts: { connect: 8000 } });
  const path = `https://127.0.0.1:${port}/x`;
  const { signal } = stop;
  expect(await failureOf(http.request({ method: "GET", path, scopes: [], accept: [200], signal }))).toMatchObject({
    code: "aborted",
  });
  await http[Symbol.asyncDispose]();
  // Ends only when nobody is connected any more.
  await new Promise((resolve) => {
    silent.close(resolve);
  });
}, 5000);

test("requests name the client and ask for bytes as they are", async () => {
  const server = await scene.server();
  await open(server.host, { userAgent: "strata/1.2" }).ping();
  expect(server.requests[0]?.headers).toMatchObject({ "user-agent": "strata/1.2", "accept-encoding": "identity" });
});

test("a server that only wants TLS, and broke it off, is not taken for one without", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const isTls = (data: Buffer) => data[0] === 22;
    socket.once("data", (data) => {
      if (isTls(data)) socket.resetAndDestroy();
      else socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  const failure = await failureOf(open(`127.0.0.1:${port}`).ping());
  server.close();
  expect(failure).toMatchObject({ code: "registry-connection-lost", details: { reason: "ECONNRESET" } });
});

test("connections are kept, also after HEAD and after answers that nobody reads", async () => {
  const server = await scene.server();
  const digest = server.addBlob("a", Buffer.from("bytes"));
  const http = open(server.host);
  for (const method of ["HEAD", "GET", "HEAD", "GET"] as const) {
    await (await http.request({ method, path: `/v2/a/blobs/${digest}`, scopes: [], accept: [200] })).discard();
  }
  await failureOf(http.request({ method: "GET", path: "/v2/a/blobs/none", scopes: [], accept: [200] }));
  const ports = new Set(server.requests.map(({ port }) => port));
  expect(ports.size).toBe(1);
});

test("an endless answer is not read to keep a connection", async () => {
  const server = await scene.server({ fault: faultOn(/tags/, { kind: "endless" }) });
  const answer = await open(server.host).request({ method: "GET", path: "/v2/a/tags/list", scopes: [], accept: [404] });
  await answer.discard();
  await expect.poll(() => server.abandoned()).toBe(1);
});

test("one signal serves many requests without a warning", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  const server = await scene.server();
  const { signal } = new AbortController();
  const http = open(server.host);
  await Promise.all(Array.from({ length: 20 }, () => http.ping(signal)));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  expect(warnings).toEqual([]);
});

test("the scheme is found once, however many ask", async () => {
  const server = await scene.server();
  const digest = server.addBlob("a", Buffer.from("bytes"));
  const http = open(server.host);
  const ask = () => http.request({ method: "HEAD", path: `/v2/a/blobs/${digest}`, scopes: [], accept: [200] });
  await Promise.all([ask(), ask(), ask()]);
  expect(server.requests.filter(({ path }) => path === "/v2/")).toHaveLength(1);
});

test("a mirror is asked first for reads, the registry for what it lacks and for all else", async () => {
  const [server, mirror] = [await scene.server(), await scene.server()];
  const both = server.addBlob("a", Buffer.from("both"));
  mirror.addBlob("hub/a", Buffer.from("both"));
  const lacking = server.addBlob("a", Buffer.from("lacking"));
  const http = open(server.host, { mirrors: { [server.host]: [`${mirror.origin}/hub`] } });
  const ask = async (path: string) => {
    const answer = await http.request({ method: "GET", path, scopes: ["repository:a:pull"], accept: [200, 404] });
    await answer.discard();
    return answer;
  };
  expect((await ask(`/v2/a/blobs/${both}`)).url.origin).toBe(mirror.origin);
  expect((await ask(`/v2/a/blobs/${lacking}`)).url.origin).toBe(server.origin);
  expect((await ask("/v2/a/blobs/sha256:0")).status).toBe(404);
  await http.request({ method: "POST", path: "/v2/a/blobs/uploads/", scopes: [], accept: [202] });
  expect(mirror.requests.filter(({ method }) => method === "POST")).toEqual([]);
});

test("a mirror that is down is passed by, and not asked again", async () => {
  const [server, mirror] = [await scene.server(), await scene.server()];
  const digest = server.addBlob("a", Buffer.from("bytes"));
  mirror.fault = faultOn(/./, { kind: "reset" });
  const http = open(server.host, { mirrors: { [server.host]: [mirror.origin, "http://127.0.0.1:1"] } });
  for (let round = 0; round < 3; round++) {
    const answer = await http.request({ method: "GET", path: `/v2/a/blobs/${digest}`, scopes: [], accept: [200] });
    expect(answer.status).toBe(200);
    await answer.discard();
  }
  expect(mirror.requests).toHaveLength(1);
});

test("mirrors are URLs without secrets", () => {
  expect(resolveMirror("https://harbor.test/hub/")).toMatchObject({ name: "harbor.test", prefix: "hub" });
  for (const text of ["harbor.test", "ftp://harbor.test", "https://ada:secret@harbor.test"]) {
    expect(() => resolveMirror(text)).toThrow(/not the address/);
    expect(() => resolveMirror(text)).not.toThrow(/secret/);
  }
});
