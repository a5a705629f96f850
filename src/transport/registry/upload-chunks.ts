import { StrataError } from "../../base/index.ts";
import { createPatience } from "./patience.ts";
import { breaksProtocol, isBroken } from "./registry-error.ts";
import { type Repository, withSignal } from "./repository.ts";
import { sessionOf, type UploadSession } from "./upload-session.ts";

/** A piece of a blob on its way, and the offset of its first byte in the blob. */
export interface UploadChunk {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/**
 * Sends a chunk (distribution-spec pushing-a-blob-in-chunks). Where the connection breaks, the registry is asked how much
 * arrived, and the rest is sent, as often as `transfer.attempts` says.
 * @throws StrataError `registry-upload-lost`, after which another upload may be begun; what refuses the chunk
 */
export async function sendChunk(
  repository: Repository,
  session: UploadSession,
  { bytes, offset, signal }: UploadChunk & { readonly signal: AbortSignal | undefined },
): Promise<UploadSession> {
  const end = offset + bytes.length;
  const endure = createPatience(repository);
  let state: UploadState = { session, received: offset };
  while (state.received < end) {
    const rest = { bytes: bytes.subarray(state.received - offset), offset: state.received, signal };
    const outcome = await patch(repository, state.session, rest).catch((error: unknown) => {
      if (isBroken(error)) return error;
      throw error;
    });
    if (outcome !== undefined && "received" in outcome && outcome.received > state.received) {
      state = outcome;
    } else {
      const failure = outcome instanceof StrataError ? outcome : keepsNothing(repository);
      await endure({ failure, hasProgressed: false, signal });
      state = await askState(repository, state, signal);
    }
    if (state.received < offset || state.received > end) throw uploadLost(repository);
  }
  return state.session;
}

interface UploadState {
  readonly session: UploadSession;
  /** Bytes of the blob that the registry has. */
  readonly received: number;
}

/** Undefined when the registry expects another offset. */
async function patch(
  repository: Repository,
  session: UploadSession,
  { bytes, offset, signal }: UploadChunk & { readonly signal: AbortSignal | undefined },
): Promise<UploadState | undefined> {
  const end = offset + bytes.length;
  const response = await repository.http.request({
    method: "PATCH",
    path: session.url,
    headers: { "content-type": "application/octet-stream", "content-range": `${offset}-${end - 1}` },
    body: bytes,
    scopes: repository.scopes,
    accept: [202, 416],
    isRepeatable: false,
    ...withSignal(signal),
  });
  await response.discard();
  if (response.status === 416) return undefined;
  const received = receivedOf(response.headers.get("range")) ?? end;
  return { session: sessionOf(repository, response, session), received };
}

async function askState(
  repository: Repository,
  { session, received }: UploadState,
  signal: AbortSignal | undefined,
): Promise<UploadState> {
  const request = { method: "GET" as const, path: session.url, scopes: repository.scopes };
  const response = await repository.http.request({ ...request, accept: [204, 200, 404, 400], ...withSignal(signal) });
  await response.discard();
  if (response.status >= 400) throw uploadLost(repository);
  const known = receivedOf(response.headers.get("range"));
  return { session: sessionOf(repository, response, session), received: known ?? received };
}

/** `0-LAST`, inclusive; `0-0` is what registries say of nothing. */
function receivedOf(range: string | undefined): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? "")?.[1];
  if (last === undefined) return undefined;
  return last === "0" ? 0 : Number(last) + 1;
}

function uploadLost({ place, registry }: Repository): StrataError {
  return new StrataError({
    code: "registry-upload-lost",
    kind: "unavailable",
    message: `The registry of ${place} lost an upload that was under way`,
    details: { registry },
    hint: "Try again",
  });
}

function keepsNothing(repository: Repository): StrataError {
  return breaksProtocol(repository, "takes a chunk of an upload and keeps nothing of it");
}
