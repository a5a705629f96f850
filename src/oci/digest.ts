import { StrataError } from "../base/index.ts";

declare const digestBrand: unique symbol;
declare const diffIdBrand: unique symbol;
declare const chainIdBrand: unique symbol;

/** `algorithm:hex` over bytes as they are stored or sent: of a manifest, a config, a (compressed) layer blob. */
export type Digest = string & { readonly [digestBrand]: true };

/** `algorithm:hex` over the uncompressed tar of one layer (image-spec config.md#layer-diffid). */
export type DiffId = string & { readonly [diffIdBrand]: true };

/** Identity of a stack of layers applied in order (image-spec config.md#layer-chainid). */
export type ChainId = string & { readonly [chainIdBrand]: true };

/** The registered algorithms that are computed here (image-spec descriptor.md#registered-algorithms). */
export type DigestAlgorithm = "sha256" | "sha512";

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX = { sha256: /^[0-9a-f]{64}$/, sha512: /^[0-9a-f]{128}$/ } as const;

/**
 * Parses a digest (image-spec descriptor.md#digests): a registered algorithm and lower-case hex of its exact length,
 * so that a digest can never be a path.
 * @throws StrataError `invalid-digest`, or `unsupported-digest-algorithm` for a well-formed one that cannot be verified.
 */
export function parseDigest(text: string): Digest {
  assertDigest(text, "digest");
  return text as Digest;
}

/** {@link parseDigest} for the identity of an uncompressed layer. */
export function parseDiffId(text: string): DiffId {
  assertDigest(text, "diffID");
  return text as DiffId;
}

/** {@link parseDigest} for the identity of a stack of layers. */
export function parseChainId(text: string): ChainId {
  assertDigest(text, "chainID");
  return text as ChainId;
}

/** Whether {@link parseDigest} would accept the text. */
export function isDigest(text: string): text is Digest {
  return splitDigest(text) !== undefined;
}

/** The algorithm that the identity names. */
export function algorithmOf(id: Digest | DiffId | ChainId): DigestAlgorithm {
  return id.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The lower-case hex digits after the algorithm. */
export function hexOf(id: Digest | DiffId | ChainId): string {
  return id.slice(id.indexOf(":") + 1);
}

/** The diffID of a layer that is stored uncompressed, where both identities are taken over the same bytes. */
export function diffIdOfUncompressed(digest: Digest): DiffId {
  return digest as string as DiffId;
}

function splitDigest(text: string): DigestAlgorithm | undefined {
  const colon = text.indexOf(":");
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (algorithm !== "sha256" && algorithm !== "sha512") return undefined;
  return HEX[algorithm].test(text.slice(colon + 1)) ? algorithm : undefined;
}

function assertDigest(text: string, what: string): void {
  if (splitDigest(text) !== undefined) return;
  const algorithm = text.slice(0, Math.max(text.indexOf(":"), 0));
  const unknown = GRAMMAR.test(text) && !Object.hasOwn(HEX, algorithm);
  const shown = JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
  throw new StrataError(
    unknown
      ? {
          code: "unsupported-digest-algorithm",
          kind: "unsupported",
          message: `The ${what} ${shown} uses an algorithm other than sha256 and sha512`,
        }
      : {
          code: "invalid-digest",
          kind: "malformed",
          message: `${shown} is not a ${what}: expected sha256: or sha512: and lower-case hex digits`,
        },
  );
}
