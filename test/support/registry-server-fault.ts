import type { ServerResponse } from "node:http";

/** A request as it arrived, its body complete. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** The client's port: which connection it came on. */
  readonly port: number | undefined;
}

/** What an honest registry would send. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One way in which a registry lies or breaks. All but `status`, `redirect` and `redirect-loop` bend the honest answer. */
export type Fault =
  /** Another status: 500, 502, 429 with `retry-after` … The honest answer is never computed: nothing is stored. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** To an absolute URL, or a path of this server. 307 unless given. */
  | { readonly kind: "redirect"; readonly to: string; readonly status?: number }
  /** Every answer redirects once more. */
  | { readonly kind: "redirect-loop" }
  /** Nothing more after the headers, or after `after` bytes of the body; the connection stays open. */
  | { readonly kind: "hang"; readonly at: "headers" | "body"; readonly after?: number }
  /** The connection is reset: before the headers, or after `after` bytes of the body. */
  | { readonly kind: "reset"; readonly after?: number }
  /** The whole length is promised, `bytes` come, then the connection ends in good order. */
  | { readonly kind: "truncate"; readonly bytes: number }
  /** The body never ends; no length is promised. */
  | { readonly kind: "endless" }
  /** One bit of the body's last byte is another; headers as they were. */
  | { readonly kind: "corrupt" }
  /** Another body, with its true length: malformed JSON, an oversized document, more or fewer bytes. */
  | { readonly kind: "body"; readonly body: Buffer | string | ((honest: Buffer) => Buffer) }
  /** Headers set or, with undefined, taken away: `docker-content-digest`, `content-type` … */
  | { readonly kind: "headers"; readonly headers: Readonly<Record<string, string | undefined>> };

/** Decides for each request whether something goes wrong. */
export type FaultHook = (request: ReceivedRequest) => Fault | undefined;

/** The first `times` requests whose `METHOD /path` matches go wrong; all of them unless `times` is given. */
export function faultOn(pattern: RegExp, fault: Fault, times = Number.POSITIVE_INFINITY): FaultHook {
  let left = times;
  return ({ method, path }) => (pattern.test(`${method} ${path}`) && left-- > 0 ? fault : undefined);
}

/** The fault's own answer, for those that need no honest one. */
export function answerOfFault(fault: Fault | undefined, request: ReceivedRequest): Answer | undefined {
  if (fault?.kind === "status") {
    const { status, headers = {}, body = "" } = fault;
    return { status, headers, body: Buffer.from(body) };
  }
  if (fault?.kind === "redirect") return redirect(fault.to, fault.status);
  if (fault?.kind === "redirect-loop")
    return redirect(`${request.path}?round=${Number(request.query.get("round")) + 1}`);
  return undefined;
}

function redirect(location: string, status = 307): Answer {
  return { status, headers: { location }, body: Buffer.alloc(0) };
}

/** Sends an answer as the fault bends it. */
export function sendAnswer(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  const isHead = response.req.method === "HEAD";
  const { status, headers, body } = bent(answer, fault, isHead);
  const sent = isHead ? Buffer.alloc(0) : body;
  if (fault?.kind === "hang" && fault.at === "headers") return;
  if (fault?.kind === "reset" && fault.after === undefined) return void response.socket?.resetAndDestroy();
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  if (isHead) return void response.end();
  switch (fault?.kind) {
    case "hang":
      response.flushHeaders();
      return void response.write(sent.subarray(0, fault.after ?? 0));
    case "reset":
      return void response.write(sent.subarray(0, fault.after), () => response.socket?.resetAndDestroy());
    case "truncate":
      return void response.write(sent.subarray(0, fault.bytes), () => response.socket?.end());
    case "endless":
      response.removeHeader("content-length");
      return pourForever(response);
    default:
      return void response.end(sent);
  }
}

function bent(answer: Answer, fault: Fault | undefined, isHead: boolean): Answer {
  if (fault?.kind === "corrupt") {
    const body = Buffer.from(answer.body);
    if (body.length > 0) body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
    return { ...answer, body };
  }
  if (fault?.kind === "body") {
    const body = typeof fault.body === "function" ? fault.body(answer.body) : Buffer.from(fault.body);
    return { ...answer, body, headers: { ...answer.headers, "content-length": `${body.length}` } };
  }
  if (fault?.kind !== "headers") return answer;
  const headers = { ...answer.headers };
  for (const [name, value] of Object.entries(fault.headers)) {
    if (value === undefined) delete headers[name];
    else headers[name] = value;
  }
  return { ...answer, headers: isHead ? headers : { ...headers, "content-length": `${answer.body.length}` } };
}

function pourForever(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, "endless ");
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", pour);
  pour();
}
