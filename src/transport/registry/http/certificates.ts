import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StrataError } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";

/** Authorities and client certificates in PEM, as node:tls takes them. */
export interface TlsMaterial {
  /** All trusted authorities; absent: Node's own. */
  readonly ca?: string[];
  /** Client certificates, and their keys in the same order. */
  readonly cert?: string[];
  readonly key?: string[];
}

/** Where {@link readTlsMaterial} looks. */
export interface CertificatePlaces {
  /** Directories that hold one directory for each host. */
  readonly roots: readonly string[];
  /** Read for `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface HostFiles {
  readonly authorities: readonly string[];
  readonly certificates: readonly string[];
  readonly keys: readonly string[];
}

/**
 * Reads `ROOT/HOST[:PORT]/`: `*.crt` are authorities, trusted besides the usual ones; `NAME.cert` with `NAME.key` is a
 * client certificate. What is missing is no fault.
 * @throws StrataError `invalid-certificate`, `permission-denied`
 */
export async function readTlsMaterial(host: string, { roots, environment }: CertificatePlaces): Promise<TlsMaterial> {
  const found = await Promise.all(roots.map((root) => readHostDirectory(join(root, host))));
  const own = found.flatMap(({ authorities }) => authorities);
  const extra = await Promise.all([environment["SSL_CERT_FILE"], environment["NODE_EXTRA_CA_CERTS"]].map(readIfThere));
  const ca = await trusted(own, extra.flat());
  const cert = found.flatMap(({ certificates }) => certificates);
  const key = found.flatMap(({ keys }) => keys);
  return { ...(ca === undefined ? {} : { ca }), ...(cert.length === 0 ? {} : { cert, key }) };
}

/** Naming authorities replaces Node's: they are named again. */
async function trusted(own: readonly string[], extra: readonly string[]): Promise<string[] | undefined> {
  // Loaded only here: most that can speak to registries does not, or not over TLS.
  const tls = await import("node:tls");
  const system = systemAuthorities(tls);
  if (own.length + extra.length + system.length === 0) return undefined;
  return [...new Set([...tls.rootCertificates, ...system, ...extra, ...own])];
}

/** The operating system's, where Node can tell them (22.15 and later). */
function systemAuthorities(tls: object): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: "system") => readonly string[] };
  return getCACertificates?.("system") ?? [];
}

async function readHostDirectory(directory: string): Promise<HostFiles> {
  try {
    const names = (await readdir(directory)).sort();
    const clients = names.filter((name) => name.endsWith(".cert"));
    const orphan = clients.find((name) => !names.includes(keyOf(name)));
    if (orphan !== undefined) throw invalidCertificate(join(directory, orphan), `its key ${keyOf(orphan)} is missing`);
    const read = (wanted: readonly string[]) => Promise.all(wanted.map((name) => readPem(join(directory, name))));
    const authorities = await read(names.filter((name) => name.endsWith(".crt")));
    return { authorities, certificates: await read(clients), keys: await read(clients.map(keyOf)) };
  } catch (error) {
    if (isAbsent(error)) return { authorities: [], certificates: [], keys: [] };
    throw error instanceof StrataError ? error : fileError(error, directory, "read");
  }
}

function keyOf(certificate: string): string {
  return certificate.replace(/\.cert$/, ".key");
}

async function readPem(path: string): Promise<string> {
  const text = await readFile(path, "latin1");
  if (!text.includes("-----BEGIN ")) throw invalidCertificate(path, "it is not PEM");
  return text;
}

/** Node, too, goes on without a file that these variables name. */
async function readIfThere(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined || path === "") return [];
  return readFile(path, "latin1").then(
    (text) => [text],
    () => [],
  );
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function invalidCertificate(path: string, problem: string): StrataError {
  return new StrataError({
    code: "invalid-certificate",
    kind: "failed-precondition",
    message: `Cannot use the certificate ${path}: ${problem}`,
    details: { path },
    hint: "Authorities end in .crt, client certificates in .cert with a .key beside them",
  });
}
