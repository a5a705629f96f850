import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { createTestCertificates, type TestCertificates } from "../../../../test/support/registry-server-tls.ts";
import { requireOrSkip } from "../../../../test/support/skip.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { readTlsMaterial } from "./certificates.ts";
import { openRegistryHttp, type RegistryHttpOptions } from "./registry-http.ts";

const scene = createScene();
const certificates = await createTestCertificates();

async function directory(files: Readonly<Record<string, string>>, host: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "certs-d-"));
  scene.keep({ [Symbol.asyncDispose]: () => rm(root, { recursive: true }) });
  await mkdir(join(root, host));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, host, name), text);
  return root;
}

function open(host: string, options: Partial<RegistryHttpOptions> = {}) {
  return scene.keep(openRegistryHttp(host, { credentials: createMemoryCredentials(), sleep: scene.sleep, ...options }));
}

requireOrSkip(
  "over TLS",
  certificates !== undefined,
  "openssl is not installed",
)(() => {
  const { ca, server: pair, client } = certificates as TestCertificates;

  test("an unknown authority is refused, not passed by over plain HTTP, and the hint says where it goes", async () => {
    const server = await scene.server({ tls: pair });
    const failure = await failureOf(open(server.host).ping());
    expect(failure).toMatchObject({ code: "registry-tls", kind: "failed-precondition" });
    expect(failure.hint).toContain(`certs.d/${server.host}/ca.crt`);
    expect(server.requests).toEqual([]);
    expect(scene.waits).toEqual([]);
  });

  test("an authority of certs.d is trusted, besides the usual ones", async () => {
    const server = await scene.server({ tls: pair });
    const root = await directory({ "ca.crt": ca }, server.host);
    await open(server.host, { certificates: ["/nowhere", root] }).ping();
    expect(server.requests).toHaveLength(1);
    const material = await readTlsMaterial(server.host, { roots: [root], environment: {} });
    expect(material.ca?.length).toBeGreaterThan(100);
  });

  test("an authority of another host's directory is not trusted", async () => {
    const server = await scene.server({ tls: pair });
    const root = await directory({ "ca.crt": ca }, "127.0.0.1");
    expect(await failureOf(open(server.host, { certificates: [root] }).ping())).toMatchObject({ code: "registry-tls" });
  });

  test("an authority that the environment names is trusted", async () => {
    const server = await scene.server({ tls: pair });
    const root = await directory({ "extra.pem": ca }, "x");
    await open(server.host, { environment: { NODE_EXTRA_CA_CERTS: join(root, "x/extra.pem") } }).ping();
    expect(server.requests).toHaveLength(1);
  });

  test("no certificate is looked at where it was asked for", async () => {
    const server = await scene.server({ tls: pair });
    await open(server.host, { insecure: true }).ping();
    expect(server.requests).toHaveLength(1);
  });

  test("a client shows its own certificate", async () => {
    const server = await scene.server({ tls: { ...pair, clientCa: ca } });
    const files = { "ca.crt": ca, "client.cert": client.cert, "client.key": client.key };
    const root = await directory(files, server.host);
    await open(server.host, { certificates: [root] }).ping();
    expect(server.requests).toHaveLength(1);
    const without = await directory({ "ca.crt": ca }, server.host);
    expect((await failureOf(open(server.host, { certificates: [without], retries: 0 }).ping())).kind).toMatch(
      /failed-precondition|unavailable/,
    );
    expect(server.requests).toHaveLength(1);
  });

  test("a redirect to plain HTTP is refused", async () => {
    const [server, plain] = [await scene.server({ tls: pair }), await scene.server()];
    server.fault = ({ path }) => (path === "/v2/" ? undefined : { kind: "redirect", to: `${plain.origin}/x` });
    const http = open(server.host, { insecure: true });
    const get = { method: "GET", path: "/v2/a/tags/list", scopes: [], accept: [200] } as const;
    expect(await failureOf(http.request(get))).toMatchObject({ code: "insecure-redirect" });
    const absolute = { ...get, path: `${plain.origin}/v2/a/tags/list` };
    expect(await failureOf(http.request(absolute))).toMatchObject({ code: "insecure-redirect" });
    expect(plain.requests).toEqual([]);
  });
});

test.each([
  [{ "client.cert": "-----BEGIN CERTIFICATE-----" }, "client.key"],
  [{ "ca.crt": "nothing" }, "not PEM"],
])("%j in certs.d cannot be used", async (files, problem) => {
  const root = await directory(files, "reg.test");
  const failure = await failureOf(readTlsMaterial("reg.test", { roots: [root], environment: {} }));
  expect(failure).toMatchObject({ code: "invalid-certificate" });
  expect(failure.message).toContain(problem);
});
