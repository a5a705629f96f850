import { createHash, randomBytes } from "node:crypto";
import { json } from "./registry-server-auth.ts";
import type { Answer, ReceivedRequest } from "./registry-server-fault.ts";

/** A manifest or index as it was pushed. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What one repository holds. */
export interface ServedRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  /** Uploads that were begun and not finished. */
  readonly uploads: Map<string, Buffer>;
}

/** Which parts of the distribution spec the server has. */
export interface ContentOptions {
  /** Whether blobs are served in ranges. Default: true. */
  readonly ranges?: boolean;
  /** `OCI-Chunk-Min-Length`; shorter chunks but the last are refused. Default: none. */
  readonly chunkMinLength?: number;
  /** Whether there is a referrers API. Default: true. */
  readonly referrers?: boolean;
  /** Whether blobs can be mounted from other repositories. Default: true. */
  readonly mounts?: boolean;
  /** Whether things can be deleted. Default: true. */
  readonly deletes?: boolean;
  /** Most tags on one page. Default: 1000. */
  readonly pageSize?: number;
  /** Whether a manifest is refused whose blobs are not there. Default: true. */
  readonly checkBlobs?: boolean;
}

/** `sha256:…` of bytes. */
export function digestOf(bytes: Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

const ROUTE =
  /^\/v2\/(.+?)\/(?:(blobs)\/(?!uploads\/)([^/]+)|(manifests|referrers)\/([^/]+)|(tags)\/list|blobs\/(uploads)\/([^/]*))$/;
const DIGEST = /^(sha256|sha512):[a-f0-9]+$/;

/** The API of distribution-spec 1.1 over repositories in memory. */
export class RegistryContent {
  readonly repositories = new Map<string, ServedRepository>();
  readonly #options: ContentOptions;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** A repository, made when it is first named. */
  repository(name: string): ServedRepository {
    const found = this.repositories.get(name);
    if (found !== undefined) return found;
    const made = { blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Map() };
    this.repositories.set(name, made);
    return made;
  }

  /** The honest answer to a request. */
  answer(request: ReceivedRequest): Answer {
    if (request.path === "/v2/" || request.path === "/v2") return json(200, {});
    const route = ROUTE.exec(request.path);
    const name = route?.[1];
    if (route === null || name === undefined) return failure(404, "NAME_UNKNOWN");
    if (route[2] !== undefined) return this.#blob(request, name, route[3] ?? "");
    if (route[4] === "manifests") return this.#manifest(request, name, route[5] ?? "");
    if (route[4] === "referrers") return this.#referrers(request, name, route[5] ?? "");
    if (route[6] !== undefined) return this.#tags(request, name);
    return this.#upload(request, name, route[8] ?? "");
  }

  #blob(request: ReceivedRequest, name: string, digest: string): Answer {
    const { blobs } = this.repository(name);
    const bytes = blobs.get(digest);
    if (bytes === undefined) return failure(404, "BLOB_UNKNOWN");
    if (request.method === "DELETE") return this.#delete(() => blobs.delete(digest));
    const { ranges = true } = this.#options;
    const headers = { "content-type": "application/octet-stream", "docker-content-digest": digest };
    const range = ranges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers["range"] ?? "") : null;
    if (range === null) return sized(200, bytes, { ...headers, ...(ranges ? { "accept-ranges": "bytes" } : {}) });
    const start = Number(range[1]);
    const end = range[2] === "" ? bytes.length : Math.min(Number(range[2]) + 1, bytes.length);
    if (start >= bytes.length) return failure(416, "RANGE_INVALID", { "content-range": `bytes */${bytes.length}` });
    const where = { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
    return sized(206, bytes.subarray(start, end), { ...headers, ...where });
  }

  #manifest(request: ReceivedRequest, name: string, reference: string): Answer {
    const { manifests, tags } = this.repository(name);
    if (request.method === "PUT") return this.#putManifest(request, name, reference);
    const digest = reference.includes(":") ? reference : tags.get(reference);
    const found = digest === undefined ? undefined : manifests.get(digest);
    if (digest === undefined || found === undefined) return failure(404, "MANIFEST_UNKNOWN");
    if (request.method === "DELETE") {
      return this.#delete(() => {
        if (reference !== digest) return tags.delete(reference);
        for (const [tag, target] of tags) if (target === digest) tags.delete(tag);
        return manifests.delete(digest);
      });
    }
    return sized(200, found.bytes, { "content-type": found.mediaType, "docker-content-digest": digest });
  }

  #putManifest(request: ReceivedRequest, name: string, reference: string): Answer {
    const repository = this.repository(name);
    const isDigest = DIGEST.test(reference);
    const digest = digestOf(request.body, isDigest ? reference.split(":")[0] : "sha256");
    if (reference.includes(":") && reference !== digest) return failure(400, "DIGEST_INVALID");
    const document = parsed(request.body);
    if (document === undefined) return failure(400, "MANIFEST_INVALID");
    if (this.#options.checkBlobs !== false && missing(document, repository))
      return failure(404, "MANIFEST_BLOB_UNKNOWN");
    const mediaType = request.headers["content-type"] ?? "application/octet-stream";
    repository.manifests.set(digest, { mediaType, bytes: request.body });
    if (!isDigest) repository.tags.set(reference, digest);
    const subject = this.#options.referrers === false ? undefined : document.subject?.digest;
    const location = `/v2/${name}/manifests/${digest}`;
    const extra: Record<string, string> = subject === undefined ? {} : { "oci-subject": subject };
    return sized(201, Buffer.alloc(0), { location, "docker-content-digest": digest, ...extra });
  }

  #referrers(request: ReceivedRequest, name: string, digest: string): Answer {
    if (this.#options.referrers === false) return failure(404, "NAME_UNKNOWN");
    const wanted = request.query.get("artifactType");
    const manifests = [...this.repository(name).manifests].flatMap(([own, { mediaType, bytes }]) => {
      const document = parsed(bytes);
      if (document?.subject?.digest !== digest) return [];
      const artifactType = document.artifactType ?? document.config?.mediaType;
      if (wanted !== null && wanted !== artifactType) return [];
      return [{ mediaType, digest: own, size: bytes.length, artifactType, annotations: document.annotations }];
    });
    const type = "application/vnd.oci.image.index.v1+json";
    const filtered: Record<string, string> = wanted === null ? {} : { "oci-filters-applied": "artifactType" };
    return json(200, { schemaVersion: 2, mediaType: type, manifests }, { "content-type": type, ...filtered });
  }

  #tags(request: ReceivedRequest, name: string): Answer {
    const repository = this.repositories.get(name);
    if (repository === undefined) return failure(404, "NAME_UNKNOWN");
    const last = request.query.get("last");
    const all = [...repository.tags.keys()].sort().filter((tag) => last === null || tag > last);
    const asked = request.query.get("n");
    const size = Math.min(asked === null ? Number.POSITIVE_INFINITY : Number(asked), this.#options.pageSize ?? 1000);
    const tags = all.slice(0, size);
    const next = `</v2/${name}/tags/list?n=${size}&last=${tags.at(-1)}>; rel="next"`;
    const more: Record<string, string> = tags.length < all.length && size > 0 ? { link: next } : {};
    return json(200, { name, tags }, more);
  }

  #upload(request: ReceivedRequest, name: string, id: string): Answer {
    if (request.method === "POST" && id === "") return this.#beginUpload(request, name);
    const { uploads } = this.repository(name);
    const received = uploads.get(id);
    if (received === undefined) return failure(404, "BLOB_UPLOAD_UNKNOWN");
    switch (request.method) {
      case "GET":
        return this.#progress(204, name, id);
      case "DELETE":
        return this.#delete(() => uploads.delete(id));
      case "PATCH":
        return this.#chunk(request, name, id);
      case "PUT": {
        uploads.set(id, Buffer.concat([received, request.body]));
        return this.#finish(name, id, request.query.get("digest") ?? "");
      }
      default:
        return failure(405, "UNSUPPORTED");
    }
  }

  #beginUpload(request: ReceivedRequest, name: string): Answer {
    const repository = this.repository(name);
    const mounted = request.query.get("mount");
    const source = this.repositories.get(request.query.get("from") ?? "")?.blobs.get(mounted ?? "");
    if (mounted !== null && source !== undefined && this.#options.mounts !== false) {
      repository.blobs.set(mounted, source);
      return created(name, mounted);
    }
    const id = randomBytes(8).toString("hex");
    const digest = request.query.get("digest");
    repository.uploads.set(id, request.body);
    return digest === null ? this.#progress(202, name, id) : this.#finish(name, id, digest);
  }

  #chunk(request: ReceivedRequest, name: string, id: string): Answer {
    const { uploads } = this.repository(name);
    const received = uploads.get(id) ?? Buffer.alloc(0);
    const range = /^(\d+)-(\d+)$/.exec(request.headers["content-range"] ?? "");
    if (range !== null && Number(range[1]) !== received.length) return this.#progress(416, name, id);
    const { chunkMinLength = 0 } = this.#options;
    if (range !== null && request.body.length < chunkMinLength) return failure(400, "SIZE_INVALID");
    uploads.set(id, Buffer.concat([received, request.body]));
    return this.#progress(202, name, id);
  }

  #progress(status: number, name: string, id: string): Answer {
    const length = this.repository(name).uploads.get(id)?.length ?? 0;
    const { chunkMinLength } = this.#options;
    return sized(status, Buffer.alloc(0), {
      location: `/v2/${name}/blobs/uploads/${id}?_state=${length}`,
      range: `0-${Math.max(0, length - 1)}`,
      "docker-upload-uuid": id,
      ...(chunkMinLength === undefined ? {} : { "oci-chunk-min-length": `${chunkMinLength}` }),
    });
  }

  #finish(name: string, id: string, digest: string): Answer {
    const { blobs, uploads } = this.repository(name);
    const bytes = uploads.get(id) ?? Buffer.alloc(0);
    uploads.delete(id);
    if (!DIGEST.test(digest) || digestOf(bytes, digest.split(":")[0]) !== digest) return failure(400, "DIGEST_INVALID");
    blobs.set(digest, bytes);
    return created(name, digest);
  }

  #delete(act: () => boolean): Answer {
    if (this.#options.deletes === false) return failure(405, "UNSUPPORTED");
    act();
    return sized(202, Buffer.alloc(0), {});
  }
}

interface Document {
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
  readonly annotations?: object;
  readonly config?: { readonly digest: string; readonly mediaType: string };
  readonly layers?: readonly {
    readonly digest: string;
    readonly mediaType: string;
    readonly urls?: readonly string[];
  }[];
  readonly manifests?: readonly { readonly digest: string }[];
}

function parsed(bytes: Buffer): Document | undefined {
  try {
    return JSON.parse(bytes.toString()) as Document;
  } catch {
    return undefined;
  }
}

function missing(document: Document, { blobs, manifests }: ServedRepository): boolean {
  const { config, layers = [], manifests: children = [] } = document;
  const own = layers.filter(({ urls }) => urls === undefined);
  return (
    (config !== undefined && !blobs.has(config.digest)) ||
    own.some(({ digest }) => !blobs.has(digest)) ||
    children.some(({ digest }) => !manifests.has(digest))
  );
}

function created(name: string, digest: string): Answer {
  const location = `/v2/${name}/blobs/${digest}`;
  return sized(201, Buffer.alloc(0), { location, "docker-content-digest": digest });
}

function sized(status: number, body: Buffer, headers: Readonly<Record<string, string>>): Answer {
  // RFC 9110 8.6: no length where there can be no body.
  const length: Record<string, string> = status === 204 ? {} : { "content-length": `${body.length}` };
  return { status, body, headers: { ...length, ...headers } };
}

function failure(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return json(status, { errors: [{ code, message: `the registry says ${code}`, detail: {} }] }, headers);
}
