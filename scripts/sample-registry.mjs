/** A registry for this machine alone that has one image, for as long as the command is being compiled. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

/**
 * Serves the only image of an OCI layout, by any tag. Listens on a port of 127.0.0.1; the caller closes it.
 * @param {string} layout
 * @returns {Promise<{ readonly port: number, close(): void }>}
 */
export async function serveLayout(layout) {
  const [{ digest, mediaType }] = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests;
  const server = createServer((request, response) => {
    const [, kind, name = ""] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? "") ?? [];
    if (kind === undefined) return response.end("{}");
    const found = kind === "manifests" ? digest : name;
    const path = join(layout, "blobs", ...found.split(":"));
    if (!existsSync(path)) return response.writeHead(404).end();
    const body = readFileSync(path);
    const type = kind === "manifests" ? mediaType : "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": body.length, "docker-content-digest": found });
    return response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
