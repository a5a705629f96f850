import { type ErrorKind, StrataError } from "../../../base/index.ts";
import type { ExchangeContext } from "./connection-error.ts";
import type { Redactor } from "./redactor.ts";
import type { RegistryResponse } from "./registry-request.ts";

const MAX_BODY = 16 * 1024;
const MAX_ERRORS = 3;

interface Verdict {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint?: string;
}

/**
 * Makes the error for an answer that was not wanted, with what the server says about it: its own codes and messages
 * (distribution-spec, error codes; RFC 6749 5.2 of token servers), bounded and without secrets. Reads the body.
 */
export async function statusError(
  answer: RegistryResponse,
  context: ExchangeContext,
  redactor: Redactor,
): Promise<StrataError> {
  const { status } = answer;
  const { registry, what, host } = context;
  redactor.addQuery(answer.url);
  const said = (await saidBy(answer))
    .slice(0, MAX_ERRORS)
    .map(redactor.clean)
    .filter((text) => text !== "");
  const where = host === registry ? `Registry ${registry}` : `${host}, for registry ${registry},`;
  const reason = said.length === 0 ? "" : `: ${said.join("; ")}`;
  return new StrataError({
    ...verdictOn(status, registry),
    message: `${where} answers ${status} to ${what}${reason}`,
    details: { registry, host, status, ...(said.length === 0 ? {} : { said }) },
  });
}

function verdictOn(status: number, registry: string): Verdict {
  const login = `Log in: strata login ${registry}`;
  switch (status) {
    case 401:
      return { code: "registry-unauthorized", kind: "unauthenticated", hint: login };
    case 403:
      return {
        code: "registry-denied",
        kind: "unauthenticated",
        hint: `Log in with an account that may do this: strata login ${registry}`,
      };
    case 404:
    case 410:
      return { code: "registry-not-found", kind: "not-found" };
    case 405:
    case 501:
      return { code: "registry-unsupported", kind: "unsupported" };
    case 429:
      return {
        code: "rate-limited",
        kind: "unavailable",
        hint: `Wait; or log in, which often raises the limit: strata login ${registry}`,
      };
    default:
      if (status === 408 || status === 425 || status >= 500)
        return { code: "registry-failed", kind: "unavailable", hint: "Try again later" };
      if (status >= 400) return { code: "registry-refused", kind: "failed-precondition" };
      return { code: "registry-protocol", kind: "malformed", hint: "Is this the address of a registry?" };
  }
}

async function saidBy(answer: RegistryResponse): Promise<readonly string[]> {
  try {
    return wordsOf(JSON.parse(Buffer.from(await answer.bytes(MAX_BODY)).toString()) as unknown);
  } catch {
    // No JSON, too long, or broken off: the status says enough.
    await answer.discard();
    return [];
  }
}

interface SpokenError {
  readonly code?: unknown;
  readonly message?: unknown;
}

function wordsOf(document: unknown): readonly string[] {
  if (typeof document !== "object" || document === null) return [];
  const { errors, error, error_description: description, details } = document as Record<string, unknown>;
  const spoken = Array.isArray(errors) ? (errors as readonly (SpokenError | null)[]) : [];
  const own = spoken.map((one) => [one?.code, one?.message]);
  return [...own, [error, description ?? details]].map((parts) =>
    parts.filter((part): part is string => typeof part === "string" && part !== "").join(": "),
  );
}
