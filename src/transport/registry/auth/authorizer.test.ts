import { describe, expect, test } from "vitest";
import { faultOn } from "../../../../test/support/registry-server.ts";
import type { TokenOptions } from "../../../../test/support/registry-server-auth.ts";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { openRegistryHttp, type RegistryHttpOptions } from "../http/registry-http.ts";
import { type Credential, createMemoryCredentials } from "./credential-store.ts";

const scene = createScene();
const ACCOUNT = { username: "ada", password: "pass:word" };
const PASSWORD: Credential = { kind: "password", ...ACCOUNT };
const IDENTITY: Credential = { kind: "identity-token", token: "identity-of-ada" };

async function registryWith(tokens: TokenOptions, credential?: Credential, options: Partial<RegistryHttpOptions> = {}) {
  const server = await scene.server({ tokens });
  const digest = server.addBlob("a", Buffer.from("bytes"));
  const credentials = createMemoryCredentials(credential === undefined ? [] : [[server.host, credential]]);
  const http = scene.keep(openRegistryHttp(server.host, { credentials, sleep: scene.sleep, ...options }));
  const get = (path = `/v2/a/blobs/${digest}`, scopes = ["repository:a:pull"]) =>
    http.request({ method: "GET", path, scopes, accept: [200] }).then((answer) => answer.discard());
  const push = () =>
    http.request({ method: "POST", path: "/v2/a/blobs/uploads/", scopes: ["repository:a:pull,push"], accept: [202] });
  const asked = () => server.requests.filter(({ path }) => path === "/token");
  return { server, http, get, push, asked };
}

test("who has no login gets a token for pulling, once for all", async () => {
  const { get, asked } = await registryWith({});
  await get();
  await get();
  expect(asked()).toHaveLength(1);
  expect(asked()[0]?.headers["authorization"]).toBeUndefined();
  expect(asked()[0]?.query.get("scope")).toBe("repository:a:pull");
});

test("requests that start together ask for one token together", async () => {
  const { get, asked } = await registryWith({});
  await Promise.all(Array.from({ length: 8 }, () => get()));
  expect(asked()).toHaveLength(1);
});

test("a login is shown to the token server and never to the registry", async () => {
  const { server, get, push, asked } = await registryWith(ACCOUNT, PASSWORD);
  await get();
  await push();
  const basic = `Basic ${Buffer.from("ada:pass:word").toString("base64")}`;
  expect(asked().map(({ headers }) => headers["authorization"])).toEqual([basic, basic]);
  expect(asked().map(({ query }) => query.getAll("scope"))).toEqual([
    ["repository:a:pull"],
    ["repository:a:pull,push"],
  ]);
  const others = server.requests.filter(({ path }) => path !== "/token");
  expect(others.filter(({ headers }) => headers["authorization"]?.startsWith("Basic"))).toEqual([]);
});

test("a token in the field `access_token` is one", async () => {
  const { get } = await registryWith({ field: "access_token" });
  await expect(get()).resolves.toBeUndefined();
});

test("a token is renewed before it expires, by its own time or a minute", async () => {
  for (const expiresIn of [300, undefined]) {
    const clock = { ms: 1_000_000 };
    const life = (expiresIn ?? 60) * 1000;
    const { get, asked } = await registryWith(
      { now: () => clock.ms, ...(expiresIn === undefined ? {} : { expiresIn }) },
      undefined,
      { now: () => clock.ms },
    );
    await get();
    clock.ms += life - 11_000;
    await get();
    expect(asked()).toHaveLength(1);
    clock.ms += 2000;
    await get();
    expect(asked()).toHaveLength(2);
  }
});

test("a token that the server forgot is replaced once", async () => {
  const { server, get, asked } = await registryWith({});
  await get();
  server.revokeTokens();
  await get();
  expect(asked()).toHaveLength(2);
});

test("a wider scope that the registry names is asked for", async () => {
  const { http, asked } = await registryWith({ ...ACCOUNT }, PASSWORD);
  const answer = await http.request({
    method: "POST",
    path: "/v2/a/blobs/uploads/",
    scopes: ["repository:a:pull"],
    accept: [202],
  });
  expect(answer.status).toBe(202);
  expect(asked().at(-1)?.query.get("scope")).toBe("repository:a:pull,push");
});

test("a wrong password and a registry that never has enough end in registry-unauthorized", async () => {
  const wrong = await registryWith(ACCOUNT, { ...PASSWORD, password: "wrong word" });
  expect(await failureOf(wrong.get())).toMatchObject({ code: "registry-unauthorized", kind: "unauthenticated" });
  const greedy = await registryWith({ expiresIn: 60, now: growing() });
  expect(await failureOf(greedy.get())).toMatchObject({ code: "registry-unauthorized" });
  expect(greedy.asked().length).toBeLessThan(4);
});

/** A clock by which every token has expired when it is used. */
function growing(): () => number {
  let ms = 0;
  return () => {
    ms += 1e9;
    return ms;
  };
}

describe("an identity token", () => {
  test("is exchanged by OAuth2 for a token", async () => {
    const { get, asked } = await registryWith({ username: "ada", identityToken: IDENTITY.token }, IDENTITY);
    await get();
    const form = new URLSearchParams(asked()[0]?.body.toString());
    expect(asked()[0]?.method).toBe("POST");
    expect(Object.fromEntries(form)).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: IDENTITY.token,
      scope: "repository:a:pull",
    });
  });

  test.each([404, 405])("is shown by GET where POST gives %i", async (postStatus) => {
    const { get, asked } = await registryWith({ username: "x", identityToken: IDENTITY.token, postStatus }, IDENTITY);
    await get();
    expect(asked().map(({ method }) => method)).toEqual(["POST", "GET"]);
  });
});

test("a secret in a body follows no redirect", async () => {
  const thief = await scene.server();
  const { server, get } = await registryWith({ username: "ada", identityToken: IDENTITY.token }, IDENTITY);
  server.fault = faultOn(/token/, { kind: "redirect", to: `${thief.origin}/token` });
  expect(await failureOf(get())).toMatchObject({ code: "registry-protocol" });
  expect(thief.requests).toEqual([]);
});

test("a password goes by POST where GET is not served", async () => {
  const { get, asked } = await registryWith({ ...ACCOUNT, getStatus: 405 }, PASSWORD);
  await get();
  expect(new URLSearchParams(asked()[1]?.body.toString()).get("grant_type")).toBe("password");
});

test("a registry token is sent as it is", async () => {
  const { server, get, asked } = await registryWith({}, { kind: "registry-token", token: "ready-made" });
  expect(await failureOf(get())).toMatchObject({ code: "registry-unauthorized" });
  expect(asked()).toEqual([]);
  expect(server.requests.at(-1)?.headers["authorization"]).toBe("Bearer ready-made");
});

test("HTTP Basic is answered with a password, and with nothing else", async () => {
  const server = await scene.server({ basic: ACCOUNT });
  const digest = server.addBlob("a", Buffer.from("bytes"));
  const ask = (credential: Credential) => {
    const credentials = createMemoryCredentials([[server.host, credential]]);
    const http = scene.keep(openRegistryHttp(server.host, { credentials }));
    return http.request({ method: "GET", path: `/v2/a/blobs/${digest}`, scopes: [], accept: [200] });
  };
  expect((await ask(PASSWORD)).status).toBe(200);
  expect(await failureOf(ask(IDENTITY))).toMatchObject({ code: "registry-unauthorized" });
});

test("of several challenges the one for tokens is answered", async () => {
  const challenge = (realm: string) => `Basic realm="x", BEARER  Realm = "${realm}" , service=y`;
  const { get, asked } = await registryWith({ challenge });
  await get();
  expect(asked()[0]?.query.get("service")).toBe("y");
});

test.each(["http://token.test/token", "ftp://127.0.0.1/token", "not a url"])(
  "the token server %s is not trusted with anything",
  async (realm) => {
    const { get } = await registryWith({ ...ACCOUNT, realm }, PASSWORD);
    expect(await failureOf(get())).toMatchObject({ code: "insecure-token-server", kind: "hostile" });
  },
);

test("the token server's own failures are waited for, its refusals told", async () => {
  const { server, get } = await registryWith({});
  let left = 2;
  server.fault = ({ path }) =>
    path === "/token" && left-- > 0 ? { kind: "status", status: 503, headers: { "retry-after": "7" } } : undefined;
  await get();
  expect(scene.waits).toEqual([7000, 7000]);
  const broken = await registryWith({});
  broken.server.fault = ({ path }) =>
    path === "/token" ? { kind: "body", body: '{"token":"a\\r\\nb: c"}' } : undefined;
  expect(await failureOf(broken.get())).toMatchObject({ code: "invalid-token" });
  broken.server.fault = ({ path }) =>
    path === "/token" ? { kind: "status", status: 403, body: '{"details":"no such user"}' } : undefined;
  const failure = await failureOf(broken.get());
  expect(failure).toMatchObject({ code: "registry-denied" });
  expect(failure.message).toContain("no such user");
});
