import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { StrataError } from "../../../base/index.ts";
import { connectionError, type ExchangeContext } from "./connection-error.ts";
import type { RegistryMethod, RegistryRequest, RegistryResponse } from "./registry-request.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** One message to one origin and its answer: no redirects, no tokens, no second attempt. */
export interface Exchange {
  readonly method: RegistryMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RegistryRequest["body"] | undefined;
  readonly context: ExchangeContext;
}

/** Longer rests of a body are not worth reading to keep a connection. */
const MAX_DISCARD = 16 * 1024;
const MAX_DISCARD_MS = 1000;

/** As much of a body waits for its reader: pieces are at most about so long. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Sends a request through `dispatcher` and returns as soon as the answer's headers are there, whatever its status.
 * What the body's own iterable throws comes out unchanged.
 * @throws StrataError as {@link connectionError} has it
 */
export async function exchange(dispatcher: Dispatcher, message: Exchange): Promise<RegistryResponse> {
  const { method, url, headers, context } = message;
  const { signal } = context;
  const body = sentBody(message.body);
  try {
    const sending = dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { ...headers },
      body: body.content,
      highWaterMark: PIECE_BYTES,
      // Left alone, undici closes the connection after each HEAD.
      reset: false,
      ...(signal === undefined ? {} : { signal }),
    });
    // undici notices the signal only once it is connected.
    return responseOf(await unlessAborted(sending, signal), url, context);
  } catch (error) {
    if (body.failure() !== undefined) throw body.failure()?.error;
    throw connectionError(error, context);
  }
}

function sentBody(body: RegistryRequest["body"]) {
  if (typeof body !== "function") return { content: body ?? null, failure: () => undefined };
  let failure: { readonly error: unknown } | undefined;
  async function* watched(open: () => AsyncIterable<Uint8Array>) {
    try {
      yield* open();
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  return { content: Readable.from(watched(body), { objectMode: false }), failure: () => failure };
}

function responseOf(answer: Dispatcher.ResponseData, url: URL, context: ExchangeContext): RegistryResponse {
  const { statusCode: status, headers, body } = answer;
  // An answer that nobody reads may still break: that must not end the process.
  body.on("error", () => {});
  const get = (name: string): string | undefined => {
    const value = headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const chunks = readThrough(body, context);
  return {
    status,
    headers: { get },
    url,
    body: { [Symbol.asyncIterator]: () => chunks },
    bytes: (maxBytes) => readBounded(chunks, { maxBytes, declared: lengthOf(get("content-length")), context }),
    discard: async () => {
      const limit = { limit: MAX_DISCARD, signal: AbortSignal.timeout(MAX_DISCARD_MS) };
      await body.dump(limit).catch(() => {});
      // undici gives a connection back one turn after its last byte: who asks sooner opens another.
      await setImmediate();
    },
  };
}

/**
 * A body, in few pieces: what came during one turn of the event loop is one. A socket gives 64 KiB at a time, and their way
 * through all that follows takes longer than hashing them.
 */
async function* readThrough(body: Readable, context: ExchangeContext): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      yield piece;
      await setImmediate();
    }
  } catch (error) {
    throw connectionError(error, context);
  }
}

interface Bound {
  readonly maxBytes: number;
  readonly declared: number | undefined;
  readonly context: ExchangeContext;
}

async function readBounded(chunks: AsyncGenerator<Uint8Array>, bound: Bound): Promise<Uint8Array> {
  const { maxBytes, declared, context } = bound;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (Math.max(length, declared ?? 0) > maxBytes) throw tooLarge(maxBytes, context);
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

function lengthOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function tooLarge(maxBytes: number, { what, registry }: ExchangeContext): StrataError {
  return new StrataError({
    code: "document-too-large",
    kind: "hostile",
    message: `The answer of registry ${registry} to ${what} is longer than ${maxBytes} bytes`,
    details: { registry, limit: maxBytes },
  });
}
