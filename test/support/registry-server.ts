import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Account, checkBasic, createTokenGate, type TokenOptions } from "./registry-server-auth.ts";
import { type ContentOptions, digestOf, RegistryContent, type ServedRepository } from "./registry-server-content.ts";
import { answerOfFault, type FaultHook, type ReceivedRequest, sendAnswer } from "./registry-server-fault.ts";
import type { KeyPair } from "./registry-server-tls.ts";

export type { ServedRepository } from "./registry-server-content.ts";
export { type Fault, type FaultHook, faultOn, type ReceivedRequest } from "./registry-server-fault.ts";

/** A small registry for tests, and what is wrong with it. */
export interface RegistryServerOptions extends ContentOptions {
  /** Asked before each request, those for tokens too. May be set later: {@link RegistryServer.fault}. */
  readonly fault?: FaultHook;
  /** HTTP Basic with this account. */
  readonly basic?: Account;
  /** Bearer tokens from this server's own `/token`. */
  readonly tokens?: TokenOptions;
  /** HTTPS; with `clientCa` only for clients that this authority (PEM) signed. */
  readonly tls?: KeyPair & { readonly clientCa?: string };
}

/** A registry that runs on 127.0.0.1, on a port of its own. Disposing ends it and all connections at once. */
export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as in a reference. */
  readonly host: string;
  /** `http://127.0.0.1:PORT`, or https. */
  readonly origin: string;
  /** All requests so far, in order of arrival, refused ones too. */
  readonly requests: ReceivedRequest[];
  /** What goes wrong from now on. */
  fault: FaultHook | undefined;
  repository(name: string): ServedRepository;
  /** Puts a blob there; gives its digest. */
  addBlob(repository: string, bytes: Uint8Array): string;
  /** Puts a manifest or index there, under a tag if given; gives its digest. An object is written as JSON. */
  addManifest(
    repository: string,
    manifest: object | Uint8Array,
    options?: { mediaType?: string; tag?: string },
  ): string;
  /** How many connections are open now. */
  connections(): number;
  /** How many clients went away before their answer was complete. */
  abandoned(): number;
  /** Makes all tokens that were given worthless. */
  revokeTokens(): void;
}

/**
 * Starts a registry of distribution-spec 1.1: blobs, manifests, uploads, mounts, tags, referrers, deletion.
 *
 * @example
 * await using server = await startRegistryServer({ fault: faultOn(/GET .*blobs/, { kind: "reset", after: 100 }, 1) });
 */
export async function startRegistryServer(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const content = new RegistryContent(options);
  const gate = options.tokens === undefined ? undefined : createTokenGate(options.tokens);
  const sockets = new Set<Socket>();
  const requests: ReceivedRequest[] = [];
  const state = { fault: options.fault, origin: "", abandoned: 0 };

  const answer = (request: ReceivedRequest) => {
    if (gate !== undefined && request.path === "/token") return gate.serve(request);
    const refusal =
      options.basic === undefined ? gate?.check(request, state.origin) : checkBasic(request, options.basic);
    return refusal ?? content.answer(request);
  };
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await receive(incoming);
    requests.push(request);
    response.on("close", () => {
      if (!response.writableFinished) state.abandoned++;
    });
    const fault = state.fault?.(request);
    sendAnswer(response, answerOfFault(fault, request) ?? answer(request), fault);
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    handle(incoming, response).catch(() => response.destroy());
  };
  const { tls } = options;
  const mutual = tls?.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true };
  const server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls, ...mutual }, listener);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.origin = `${tls === undefined ? "http" : "https"}://${host}`;

  return {
    host,
    origin: state.origin,
    requests,
    get fault() {
      return state.fault;
    },
    set fault(hook) {
      state.fault = hook;
    },
    repository: (name) => content.repository(name),
    addBlob: (name, bytes) => {
      const digest = digestOf(bytes);
      content.repository(name).blobs.set(digest, Buffer.from(bytes));
      return digest;
    },
    addManifest: (name, manifest, { mediaType, tag } = {}) => {
      const bytes = manifest instanceof Uint8Array ? Buffer.from(manifest) : Buffer.from(JSON.stringify(manifest));
      const digest = digestOf(bytes);
      const repository = content.repository(name);
      repository.manifests.set(digest, { mediaType: mediaType ?? mediaTypeOf(bytes), bytes });
      if (tag !== undefined) repository.tags.set(tag, digest);
      return digest;
    },
    connections: () => sockets.size,
    abandoned: () => state.abandoned,
    revokeTokens: () => gate?.revoke(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function mediaTypeOf(bytes: Buffer): string {
  const { mediaType } = JSON.parse(bytes.toString()) as { mediaType?: string };
  return mediaType ?? "application/vnd.oci.image.manifest.v1+json";
}

async function receive(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(incoming.url ?? "/", "http://localhost");
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
  return {
    port: incoming.socket.remotePort,
    method: incoming.method ?? "",
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: Buffer.concat(chunks),
  };
}
