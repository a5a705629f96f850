import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createScene, failureOf } from "../../../../test/support/registry-server-scene.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { proxyFor } from "./proxy-rules.ts";
import { openRegistryHttp } from "./registry-http.ts";

const scene = createScene();
const PROXY = "http://proxy.test:3128";

function hostOf(url: string, environment: Readonly<Record<string, string>>): string | undefined {
  return proxyFor(new URL(url), environment)?.url.host;
}

describe("the environment", () => {
  test.each([
    ["https://r.test/", { HTTPS_PROXY: PROXY }, "proxy.test:3128"],
    ["https://r.test/", { https_proxy: "proxy.test:3128" }, "proxy.test:3128"],
    ["https://r.test/", { HTTP_PROXY: PROXY }, undefined],
    ["http://r.test/", { HTTP_PROXY: PROXY }, "proxy.test:3128"],
    ["http://r.test/", { HTTP_PROXY: "" }, undefined],
    ["http://localhost:5000/", { HTTP_PROXY: PROXY }, undefined],
    ["http://127.8.8.8/", { HTTP_PROXY: PROXY }, undefined],
    ["http://[::1]:5000/", { HTTP_PROXY: PROXY }, undefined],
  ])("names for %s in %j the proxy %s", (url, environment, host) => {
    expect(hostOf(url, environment)).toBe(host);
  });

  test.each([
    ["*", "https://r.test/", true],
    ["r.test", "https://r.test/", true],
    ["r.test", "https://a.r.test/", true],
    ["r.test", "https://other-r.test/", false],
    [".r.test", "https://r.test/", false],
    [".r.test", "https://a.r.test/", true],
    ["*.r.test", "https://a.r.test/", true],
    ["R.Test", "https://r.test/", true],
    ["r.test:443", "https://r.test/", true],
    ["r.test:5000", "https://r.test/", false],
    ["r.test:5000", "https://r.test:5000/", true],
    ["10.0.0.0/8", "https://10.2.3.4/", true],
    ["10.0.0.0/8", "https://11.2.3.4/", false],
    ["10.1.1.1", "https://10.1.1.1:5000/", true],
    ["fd00::/8", "https://[fd00::1]/", true],
    ["fd00::1", "https://[fd00::1]:5000/", true],
    ["[fd00::1]:5000", "https://[fd00::1]:5000/", true],
    ["1.1.1.1", "https://1.1.1.10/", false],
    ["a.test, ,b.test", "https://b.test/", true],
    ["10.0.0.0/99,nonsense/8", "https://10.0.0.1/", false],
    ["", "https://r.test/", false],
  ])("with NO_PROXY=%s lets %s past the proxy: %s", (rules, url, isPast) => {
    expect(hostOf(url, { HTTPS_PROXY: PROXY, no_proxy: rules }) === undefined).toBe(isPast);
  });

  test.each(["ftp://ada:secret@x", "http://ada:secret@x:port", "http://%zz:secret@proxy.test"])(
    "that names %s is refused without showing it",
    (text) => {
      expect(() => hostOf("https://r.test/", { HTTPS_PROXY: text })).toThrow(/HTTPS_PROXY/);
      expect(() => hostOf("https://r.test/", { HTTPS_PROXY: text })).not.toThrow(/secret/);
    },
  );

  test("gives user and password of a proxy as its authorization", () => {
    const route = proxyFor(new URL("https://r.test"), { HTTPS_PROXY: "http://ada:p%40ss@proxy.test" });
    expect(route?.authorization).toBe(`Basic ${Buffer.from("ada:p@ss").toString("base64")}`);
    expect(route?.url.href).toBe("http://proxy.test/");
  });
});

/** A proxy that knows every name as 127.0.0.1, and what it was asked. */
async function startProxy(refusal?: number) {
  const asked: { readonly target: string; readonly authorization: string | undefined }[] = [];
  const note = (incoming: IncomingMessage) =>
    asked.push({ target: incoming.url ?? "", authorization: incoming.headers["proxy-authorization"] });
  const server = createServer((incoming, response) => {
    note(incoming);
    const url = new URL(incoming.url ?? "");
    const { method, headers } = incoming;
    const onward = httpRequest({ host: "127.0.0.1", port: url.port, path: url.pathname, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  });
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    note(incoming);
    socket.on("error", () => {});
    if (refusal !== undefined) return socket.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
    const onward = connect(Number(incoming.url?.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    return onward.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  scene.keep({
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { asked, url: `http://ada:secret@127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a registry is reached through proxies: by CONNECT for https, by forwarding for http", async () => {
  const server = await scene.server();
  const proxy = await startProxy();
  const port = server.host.split(":")[1];
  const environment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  const options = { credentials: createMemoryCredentials(), environment, insecure: true, sleep: scene.sleep };
  const http = scene.keep(openRegistryHttp(`r.test:${port}`, options));
  await http.ping();
  expect(server.requests.map(({ headers }) => headers["host"])).toEqual([`r.test:${port}`]);
  expect(proxy.asked.map(({ target }) => target)).toEqual([`r.test:${port}`, `http://r.test:${port}/v2/`]);
  const authorization = `Basic ${Buffer.from("ada:secret").toString("base64")}`;
  expect(new Set(proxy.asked.map((one) => one.authorization))).toEqual(new Set([authorization]));
});

test("a proxy that refuses is named as the reason, and not asked again", async () => {
  const proxy = await startProxy(407);
  const options = {
    credentials: createMemoryCredentials(),
    environment: { HTTPS_PROXY: proxy.url },
    sleep: scene.sleep,
  };
  const failure = await failureOf(scene.keep(openRegistryHttp("r.test", options)).ping());
  expect(failure).toMatchObject({ code: "registry-unreachable" });
  expect(failure.message).toContain("407");
  expect(proxy.asked).toHaveLength(1);
});
