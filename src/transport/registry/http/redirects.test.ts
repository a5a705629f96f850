import { describe, expect, test } from "vitest";
import { faultOn } from "../../../../test/support/registry-server.ts";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { assertAsSecure } from "./redirects.ts";
import { openRegistryHttp, type RegistryMethod } from "./registry-http.ts";

const scene = createScene();
const ACCOUNT = { username: "ada", password: "pass:word" };

async function registry() {
  const server = await scene.server({ basic: ACCOUNT });
  const credentials = createMemoryCredentials([[server.host, { kind: "password", ...ACCOUNT }]]);
  const http = scene.keep(openRegistryHttp(server.host, { credentials, sleep: scene.sleep }));
  const digest = server.addBlob("a", Buffer.from("bytes"));
  const ask = (path = `/v2/a/blobs/${digest}`, method: RegistryMethod = "GET", accept = [200]) =>
    http.request({ method, path, scopes: [], accept });
  return { server, http, digest, ask };
}

describe("a redirect", () => {
  test("to another host is followed without the login", async () => {
    const storage = await scene.server();
    const { server, ask } = await registry();
    const digest = storage.addBlob("x", Buffer.from("from storage"));
    const to = `${storage.origin}/v2/x/blobs/${digest}?signature=abc`;
    server.fault = faultOn(/blobs/, { kind: "redirect", to });
    const answer = await ask();
    expect(Buffer.from(await answer.bytes(100)).toString()).toBe("from storage");
    expect(answer.url.href).toBe(to);
    expect(storage.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
    expect(server.requests.at(-1)?.headers["authorization"]).toBeDefined();
  });

  test("to another host that asks for a login gets none, and no token is fetched for it", async () => {
    const { server, ask } = await registry();
    const challenge = () => `Bearer realm="${server.origin}/token"`;
    const thief = await scene.server({ tokens: { challenge } });
    server.fault = faultOn(/blobs/, { kind: "redirect", to: `${thief.origin}/v2/x/blobs/sha256:0` });
    expect(await failureOf(ask())).toMatchObject({ code: "registry-unauthorized" });
    expect(thief.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
    expect(server.requests.filter(({ path }) => path === "/token")).toEqual([]);
  });

  test("that comes back from another host has lost its login", async () => {
    const { server, digest, ask } = await registry();
    const other = await scene.server();
    other.fault = faultOn(/./, { kind: "redirect", to: `${server.origin}/v2/a/blobs/${digest}?back` });
    server.fault = (request) =>
      request.query.has("back") ? undefined : faultOn(/blobs/, { kind: "redirect", to: `${other.origin}/x` })(request);
    await failureOf(ask());
    const back = server.requests.find(({ query }) => query.has("back"));
    expect(back?.headers["authorization"]).toBeUndefined();
  });

  test("on the same host keeps the login", async () => {
    const { server, digest, ask } = await registry();
    server.fault = faultOn(/manifests/, { kind: "redirect", to: `/v2/a/blobs/${digest}`, status: 302 });
    expect((await ask("/v2/a/manifests/latest")).status).toBe(200);
  });

  test("in a circle ends", async () => {
    const { server, ask } = await registry();
    server.fault = faultOn(/blobs/, { kind: "redirect-loop" });
    expect(await failureOf(ask())).toMatchObject({ code: "too-many-redirects", kind: "hostile" });
    expect(server.requests.filter(({ path }) => path.includes("blobs")).length).toBeLessThan(25);
  });

  test("that is accepted is an answer", async () => {
    const { server, ask } = await registry();
    server.fault = faultOn(/blobs/, { kind: "redirect", to: "http://storage.test/" });
    const answer = await ask(undefined, "GET", [307]);
    expect(answer.headers.get("Location")).toBe("http://storage.test/");
  });

  test("keeps method and body with 307, and is no answer to a write otherwise", async () => {
    const { server, http } = await registry();
    const post = { method: "POST", path: "/v2/a/blobs/uploads/", scopes: [], accept: [202] } as const;
    async function* body() {
      yield Buffer.from("sent ");
      yield Buffer.from("twice");
    }
    server.fault = faultOn(/POST \/v2\/a/, { kind: "redirect", to: "/v2/b/blobs/uploads/" });
    await http.request({ ...post, body, contentLength: 10 });
    expect(server.requests.at(-1)).toMatchObject({ method: "POST", path: "/v2/b/blobs/uploads/" });
    expect(server.requests.at(-1)?.body.toString()).toBe("sent twice");
    server.fault = faultOn(/POST/, { kind: "redirect", to: "/v2/b/blobs/uploads/", status: 302 });
    expect(await failureOf(http.request(post))).toMatchObject({ code: "registry-protocol" });
  });

  test("without a place to go to breaks the protocol", async () => {
    const { server, ask } = await registry();
    server.fault = faultOn(/blobs/, { kind: "redirect", to: "http://" });
    expect(await failureOf(ask())).toMatchObject({ code: "registry-protocol" });
    server.fault = faultOn(/blobs/, { kind: "status", status: 307 });
    expect(await failureOf(ask())).toMatchObject({ code: "registry-protocol" });
  });
});

test("nothing goes from HTTPS to anything less", () => {
  const message = { context: { registry: "r.test", host: "r.test", what: "GET /" } };
  const from = new URL("https://r.test/");
  for (const to of ["http://r.test/", "ftp://r.test/", "file:///etc/passwd"]) {
    expect(() => assertAsSecure(from, new URL(to), message)).toThrow(/from https:/);
  }
  expect(() => assertAsSecure(from, new URL("https://other.test/"), message)).not.toThrow();
  expect(() => assertAsSecure(new URL("http://r.test/"), new URL("file:///x"), message)).toThrow(/to file:/);
});

test("an absolute URL of another host is asked without the login", async () => {
  const storage = await scene.server();
  const { http } = await registry();
  const digest = storage.addBlob("x", Buffer.from("bytes"));
  const path = `${storage.origin}/v2/x/blobs/${digest}`;
  await (await http.request({ method: "GET", path, scopes: [], accept: [200] })).discard();
  expect(storage.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
});
