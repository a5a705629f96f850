const MAX_TEXT = 300;
/** Shorter ones would turn ordinary words into stars, and protect nothing. */
const MIN_SECRET = 4;
/** Parameters of distribution-spec and of its token server that are no secrets. */
const PUBLIC = new Set(["account", "artifactType", "digest", "from", "last", "mount", "n", "scope", "service"]);

/** Makes text that came from a server fit to be shown: it may echo what it was sent. */
export interface Redactor {
  /** Remembers a secret, and the forms in which it travels. */
  add(secret: string): void;
  /** Remembers what stands in a URL's query: signatures and states, all but what the protocol itself puts there. */
  addQuery(url: URL): void;
  /** The text without secrets, queries of URLs and control characters, at most 300 characters long. */
  clean(text: string): string;
}

/** A redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  const add = (secret: string): void => {
    if (secret.length < MIN_SECRET) return;
    secrets.add(secret);
    secrets.add(encodeURIComponent(secret));
    secrets.add(Buffer.from(secret).toString("base64"));
  };
  return {
    add,
    addQuery: (url) => {
      for (const [name, value] of url.searchParams) if (!PUBLIC.has(name)) add(value);
    },
    clean: (text) => {
      // Longest first: one secret may be the beginning of another.
      const known = [...secrets].sort((one, other) => other.length - one.length);
      const hidden = known.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
      const shown = [
        ...hidden
          .replaceAll(/\?[^\s"'<>]+/g, "?***")
          .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
          .trim(),
      ];
      return shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT).join("")}…` : shown.join("");
    },
  };
}
