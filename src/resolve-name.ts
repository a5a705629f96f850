import { type ErrorKind, replaceHint, StrataError } from "./base/index.ts";
import { tryParseReference } from "./oci/index.ts";
import { openStore, type Store } from "./store/index.ts";
import { hasTransport, leadsToPath } from "./transport/index.ts";

/** What names of the local store begin with, where they must not be anything else. */
export const STORE_PREFIX = "store:";
const REGISTRY_PREFIX = "docker://";

/** Where the name of an image leads: to an image of the local store, or to a name of the room `transport`. */
export type ResolvedName =
  | { readonly kind: "stored"; readonly text: string }
  | {
      readonly kind: "placed";
      readonly name: string;
      /** Whether a registry is only the last place in which it may be. */
      readonly isGuess: boolean;
    };

/**
 * Resolves a name as the user wrote it: `store:NAME`, or any transport; without one a name of the local store, then a
 * path, then a reference to a registry. What is clearly a path never goes to a registry.
 *
 * @param local the local store, or where it lies; without it, or where nothing lies, it has no images
 * @throws StrataError `no-store`, `ambiguous-image`, of openStore
 */
export async function resolveName(text: string, local: Store | string | undefined): Promise<ResolvedName> {
  if (text.startsWith(STORE_PREFIX)) {
    if (local === undefined) throw noStore(text);
    return { kind: "stored", text: text.slice(STORE_PREFIX.length) };
  }
  if (hasTransport(text) || isSpelledAsPath(text)) return { kind: "placed", name: text, isGuess: false };
  if (local !== undefined && (await isStored(text, local))) return { kind: "stored", text };
  const isGuess = tryParseReference(text) !== undefined && !(await leadsToPath(text));
  return { kind: "placed", name: isGuess ? REGISTRY_PREFIX + text : text, isGuess };
}

/** Does something with a name that was resolved; where a registry was a guess, an error says what else it is not. */
export async function following<T>(
  text: string,
  { isGuess }: { readonly isGuess: boolean },
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isGuess || !(error instanceof StrataError) || !LOST.includes(error.kind)) throw error;
    throw replaceHint(error, `${text} is no file here and no image of the local store, so it was sought in a registry`);
  }
}

const LOST: readonly ErrorKind[] = ["not-found", "unavailable", "unauthenticated"];

/** Spelled as no reference is, or named as archives are: then a file that is missing is not looked for in a registry. */
function isSpelledAsPath(text: string): boolean {
  return text === "" || /^[-./~]/.test(text) || /\.(?:tar|tgz|tzst|tbz2?|txz)(?:\.[a-z0-9]+)?(?:[:@]|$)/i.test(text);
}

async function isStored(text: string, local: Store | string): Promise<boolean> {
  if (typeof local !== "string") return (await local.has(text)) || (await isStoredId(local, text));
  await using store = await openStore(local, { isReadOnly: true });
  return await isStored(text, store);
}

/** Whether the text is a digest, or the beginning of one, of an image in the store. */
async function isStoredId(store: Store, text: string): Promise<boolean> {
  if (!/^(?:sha(?:256|512):)?[0-9a-f]{4,128}$/.test(text)) return false;
  try {
    await store.find(text);
    return true;
  } catch (error) {
    if (error instanceof StrataError && error.code === "image-not-found") return false;
    throw error;
  }
}

/** The error for a name of the local store where nobody said where that is. */
export function noStore(text: string): StrataError {
  return new StrataError({
    code: "no-store",
    kind: "invalid-argument",
    message: `${text} is in a local store, but no store is given`,
    hint: 'Pass the directory of the store: { store: "/var/lib/strata" }',
  });
}
