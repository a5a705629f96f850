import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { KeyPair } from "./registry-server-tls.ts";

/** Who may do what: actions by user (`undefined` for nobody in particular) and repository. */
export type Permit = (user: string | undefined, repository: string) => readonly string[];

/** A token server as Debian's docker-registry trusts one: distribution's JWTs, signed with a certificate's key. */
export interface TokenService extends AsyncDisposable {
  /** The section `auth` of the registry's configuration; `bundle` is the path of the certificate. */
  auth(bundle: string): object;
  /** The scopes that were asked for, in order. */
  readonly scopes: string[];
}

const SERVICE = "a registry for tests";
const ISSUER = "a token server for tests";

/** Starts it on loopback. `passwords` are those of the users; the key must be of curve P-256. */
export async function startTokenService(
  { key, cert }: KeyPair,
  { passwords, permit }: { readonly passwords: Readonly<Record<string, string>>; readonly permit: Permit },
): Promise<TokenService> {
  const scopes: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const user = userOf(request, passwords);
    if (user === null) return void response.writeHead(401).end();
    const wanted = url.searchParams.getAll("scope").flatMap((scope) => scope.split(" "));
    scopes.push(...wanted);
    const access = wanted.map((scope) => {
      const [type = "", name = "", actions = ""] = scope.split(":");
      const allowed = permit(user, name);
      return { type, name, actions: actions.split(",").filter((action) => allowed.includes(action)) };
    });
    const token = signToken({ key, cert }, { user, access });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, expires_in: 60 }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    auth: (bundle) => ({ token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: bundle } }),
    scopes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Undefined for anonymous, null for a wrong password. */
function userOf(request: IncomingMessage, passwords: Readonly<Record<string, string>>): string | undefined | null {
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? "")?.[1];
  if (basic === undefined) return undefined;
  const [user = "", password] = Buffer.from(basic, "base64").toString().split(":");
  return passwords[user] === password ? user : null;
}

function signToken(
  { key, cert }: KeyPair,
  { user, access }: { readonly user: string | undefined; readonly access: readonly object[] },
): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: "JWT", alg: "ES256", x5c: [new X509Certificate(cert).raw.toString("base64")] };
  const claims = {
    iss: ISSUER,
    sub: user ?? "",
    aud: SERVICE,
    iat: now,
    nbf: now - 5,
    exp: now + 60,
    jti: "1",
    access,
  };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const signature = sign("sha256", Buffer.from(signed), { key: createPrivateKey(key), dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}
