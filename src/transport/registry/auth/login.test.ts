import { expect, test } from "vitest";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { type Credential, createMemoryCredentials } from "./credential-store.ts";
import { login } from "./login.ts";

const scene = createScene();
const ACCOUNT = { username: "ada", password: "pass:word" };
const ADA: Credential = { kind: "password", ...ACCOUNT };

test.each([["basic"], ["tokens"]])("a login by %s is kept when the registry takes it, and only then", async (way) => {
  const server = await scene.server({ [way]: ACCOUNT });
  const store = createMemoryCredentials();
  const wrong = login(server.host, { ...ADA, password: "wrong word" }, { store, sleep: scene.sleep });
  expect(await failureOf(wrong)).toMatchObject({ code: "login-refused", kind: "unauthenticated" });
  expect(await store.list()).toEqual([]);
  expect(await login(server.host, ADA, { store, sleep: scene.sleep })).toEqual({ place: "memory", isPlain: false });
  expect(await store.get(server.host)).toEqual(ADA);
});

test("a registry that cannot be reached takes no login", async () => {
  const server = await scene.server();
  await server[Symbol.asyncDispose]();
  const store = createMemoryCredentials();
  const failure = await failureOf(login(server.host, ADA, { store, sleep: scene.sleep }));
  expect(failure).toMatchObject({ code: "registry-unreachable" });
  expect(await store.list()).toEqual([]);
});
