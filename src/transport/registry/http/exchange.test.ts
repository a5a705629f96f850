import { afterEach, expect, test } from "vitest";
import { type Fault, faultOn, startRegistryServer } from "../../../../test/support/registry-server.ts";
import { StrataError } from "../../../base/index.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { openRegistryHttp, type RegistryHttp, type RegistryRequest } from "./registry-http.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const PULL = { scopes: ["repository:a:pull"], accept: [200] };

async function registryWith(fault?: Fault) {
  const server = await startRegistryServer(fault === undefined ? {} : { fault: faultOn(/blobs/, fault) });
  const digest = server.addBlob("a", Buffer.from("0123456789"));
  // Short only where nothing else ends the waiting: a busy machine takes its time to answer.
  const soon = fault?.kind === "hang" ? 200 : 10_000;
  const timeouts = { connect: 10_000, headers: soon, body: soon };
  const http = openRegistryHttp(server.host, { credentials: createMemoryCredentials(), timeouts, retries: 0 });
  open.push(server, http);
  return { server, http, request: { method: "GET", path: `/v2/a/blobs/${digest}`, ...PULL } as const };
}

async function failureOf(action: Promise<unknown>): Promise<StrataError> {
  const error = await action.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof StrataError)) throw new Error(`expected a StrataError, got ${String(error)}`);
  return error;
}

async function read(http: RegistryHttp, request: RegistryRequest): Promise<string> {
  const answer = await http.request(request);
  return Buffer.from(await answer.bytes(1000)).toString();
}

test("a body comes as it is, and bounded", async () => {
  const { http, request } = await registryWith();
  expect(await read(http, request)).toBe("0123456789");
  const answer = await http.request(request);
  expect(await failureOf(answer.bytes(9))).toMatchObject({ code: "document-too-large", kind: "hostile" });
});

test.each([
  [{ kind: "endless" }, "document-too-large"],
  [{ kind: "truncate", bytes: 4 }, "registry-connection-lost"],
  [{ kind: "reset", after: 4 }, "registry-connection-lost"],
  [{ kind: "reset" }, "registry-connection-lost"],
  [{ kind: "hang", at: "headers" }, "registry-timeout"],
  [{ kind: "hang", at: "body", after: 4 }, "registry-timeout"],
] as const)("%j ends in %s", async (fault, code) => {
  const { http, request } = await registryWith(fault);
  expect(await failureOf(read(http, request))).toMatchObject({ code });
});
