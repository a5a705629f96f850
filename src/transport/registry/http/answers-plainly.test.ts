import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createScene } from "../../../../test/support/registry-server-scene.ts";
import { createTestCertificates } from "../../../../test/support/registry-server-tls.ts";
import { requireOrSkip } from "../../../../test/support/skip.ts";
import { createMemoryCredentials } from "../auth/credential-store.ts";
import { answersPlainly } from "./answers-plainly.ts";
import { openRegistryHttp } from "./registry-http.ts";

const scene = createScene();
const servers: Server[] = [];
const certificates = await createTestCertificates();
const signal = new AbortController().signal;

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers the first bytes of everybody with that text, and then closes. */
async function saying(text: string): Promise<{ url: URL; heard: Buffer[] }> {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => {
      heard.push(bytes);
      socket.end(text);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  return { url: new URL(`https://127.0.0.1:${port}`), heard };
}

test("a server that complains in HTTP speaks it plainly", async () => {
  const { url, heard } = await saying("HTTP/1.1 400 Bad Request\r\n\r\n");
  expect(await answersPlainly(url, signal)).toBe(true);
  // A server of HTTP reads a whole line, or the whole head, before it says anything.
  expect(heard[0]?.toString("latin1")).toMatch(/\r\n\r\n$/);
});

test("a registry of plain HTTP is recognised, and is spoken to in nothing else", async () => {
  const server = await scene.server();
  expect(await answersPlainly(new URL(`https://${server.host}`), signal)).toBe(true);
  await scene.keep(openRegistryHttp(server.host, { credentials: createMemoryCredentials() })).ping();
  expect(server.requests.map(({ path }) => path)).toEqual(["/v2/"]);
});

test.each(["", "\x15\x03\x01\x00\x02\x02\x32", "SSH-2.0-OpenSSH_9.2\r\n"])(
  "one that says %j does not",
  async (text) => {
    const { url } = await saying(text);
    expect(await answersPlainly(url, signal)).toBe(false);
  },
);

test("one that is not there does not, and who is not wanted any more does not wait", async () => {
  const { url } = await saying("");
  servers.splice(0)[0]?.close();
  expect(await answersPlainly(url, signal)).toBe(false);
  expect(await answersPlainly(url, AbortSignal.abort())).toBe(false);
});

requireOrSkip(
  "where TLS is spoken",
  certificates !== undefined,
  "openssl is not installed",
)(() => {
  test("a server that speaks TLS does not answer in HTTP", async () => {
    const server = await scene.server({ tls: (certificates as NonNullable<typeof certificates>).server });
    expect(await answersPlainly(new URL(`https://${server.host}`), signal)).toBe(false);
  });
});
