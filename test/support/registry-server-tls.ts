import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A key and its certificate, PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** An authority of a test's own, and what it signed. */
export interface TestCertificates {
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** For 127.0.0.1 and localhost. */
  readonly server: KeyPair;
  readonly client: KeyPair;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority, a server's and a client's certificate with `openssl`; undefined where that is not installed. */
export async function createTestCertificates(): Promise<TestCertificates | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "registry-tls-"));
  const openssl = (...args: readonly string[]) => run("openssl", args, { cwd: directory });
  const pem = (name: string) => readFile(join(directory, name), "utf8");
  const sign = async (name: string, extension: string): Promise<KeyPair> => {
    const subject = ["-subj", `/CN=${name}`, "-addext", extension];
    await openssl("req", ...KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, ...subject);
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-copy_extensions", "copy"];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.crt`);
    return { key: await pem(`${name}.key`), cert: await pem(`${name}.crt`) };
  };
  try {
    const ca = ["-x509", "-days", "2", "-subj", "/CN=Authority of a test", "-keyout", "ca.key", "-out", "ca.crt"];
    await openssl("req", ...KEY, ...ca);
    const server = await sign("server", "subjectAltName=IP:127.0.0.1,DNS:localhost");
    return { ca: await pem("ca.crt"), server, client: await sign("client", "extendedKeyUsage=clientAuth") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}
