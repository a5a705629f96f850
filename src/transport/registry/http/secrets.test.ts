import { inspect } from "node:util";
import { expect, test } from "vitest";
import type { Fault } from "../../../../test/support/registry-server.ts";
import { createScene, failureOf, textOf } from "../../../../test/support/registry-server-scene.ts";
import { type Credential, createMemoryCredentials } from "../auth/credential-store.ts";
import { login } from "../auth/login.ts";
import { createRedactor } from "./redactor.ts";
import { openRegistryHttp } from "./registry-http.ts";

const scene = createScene();
const PASSWORD = "S3cret/pass word+";
const IDENTITY = "identity-S3cret";
const PROXY = "proxy-S3cret";
const SIGNATURE = "signature-S3cret";
const FORMS = [
  PASSWORD,
  encodeURIComponent(PASSWORD),
  Buffer.from(`ada:${PASSWORD}`).toString("base64"),
  IDENTITY,
  PROXY,
  SIGNATURE,
];

/** A server that answers with all that it was sent. */
function echo(status: number): Fault {
  return { kind: "body", body: `${status}` };
}

const FAULTS: readonly Fault[] = [
  { kind: "status", status: 400 },
  { kind: "status", status: 500 },
  { kind: "status", status: 401 },
  { kind: "reset" },
  { kind: "redirect", to: `http://127.0.0.1:1/storage?X-Signature=${SIGNATURE}` },
  { kind: "redirect", to: `http://ada:${SIGNATURE}@127.0.0.1:1/storage` },
  { kind: "redirect-loop" },
  { kind: "truncate", bytes: 1 },
  echo(200),
];
const CREDENTIALS: readonly Credential[] = [
  { kind: "password", username: "ada", password: PASSWORD },
  { kind: "identity-token", token: IDENTITY },
];

test("no error shows a password, a token or a signature, whatever goes wrong and whatever the server repeats", async () => {
  for (const credential of CREDENTIALS) {
    for (const fault of FAULTS) {
      for (const where of ["/token", "blobs"]) {
        const server = await scene.server({ tokens: { username: "ada", password: PASSWORD, identityToken: IDENTITY } });
        server.fault = (request) => {
          if (!request.path.includes(where)) return undefined;
          if (fault.kind !== "status") return fault;
          const message = [request.headers["authorization"], request.body.toString(), request.query.toString()].join(
            " ",
          );
          return { ...fault, body: JSON.stringify({ errors: [{ code: "ECHO", message }], details: message }) };
        };
        const credentials = createMemoryCredentials([[server.host, credential]]);
        const environment = { HTTPS_PROXY: `http://ada:${PROXY}@127.0.0.1:1` };
        const http = scene.keep(
          openRegistryHttp(server.host, { credentials, environment, sleep: scene.sleep, retries: 1 }),
        );
        const path = `/v2/a/blobs/sha256:0?sig=${SIGNATURE}`;
        const error = await failureOf(
          http
            .request({ method: "GET", path, scopes: ["repository:a:pull"], accept: [200] })
            .then((answer) => answer.bytes(0)),
        );
        const tokens = server.requests.flatMap(
          ({ headers }) => /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? [],
        );
        const shown = textOf(error) + inspect(error, { depth: 20 }) + inspect(http, { depth: 20, showHidden: true });
        for (const secret of [...FORMS, ...tokens]) expect(shown).not.toContain(secret);
      }
    }
  }
});

test("no error of a login shows it", async () => {
  const server = await scene.server({ basic: { username: "ada", password: "another" } });
  const store = createMemoryCredentials();
  const error = await failureOf(
    login(server.host, { kind: "password", username: "ada", password: PASSWORD }, { store }),
  );
  for (const secret of FORMS) expect(textOf(error)).not.toContain(secret);
});

test("a redactor hides secrets in each form, the longer first, and leaves the rest", () => {
  const redactor = createRedactor();
  for (const secret of ["abc", "secret", "secret-and-more", "a b&c"]) redactor.add(secret);
  expect(redactor.clean("the secret-and-more, c2VjcmV0 and a%20b%26c of abc")).toBe("the ***, *** and *** of abc");
  expect(redactor.clean("see https://x.test/y?sig=1&z=2 for\u001b[0m more\n")).toBe(
    "see https://x.test/y?*** for [0m more",
  );
});
