import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failureOf, textOf } from "../../../../test/support/registry-server-scene.ts";
import type { Credential } from "./credential-store.ts";
import { createDockerConfigCredentials, dockerConfigPaths } from "./docker-config-credentials.ts";

let home: string;
let config: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "docker-config-"));
  config = join(home, ".docker/config.json");
});
afterEach(() => rm(home, { recursive: true }));

const ADA: Credential = { kind: "password", username: "ada", password: "pass:word" };
const base64 = (text: string) => Buffer.from(text).toString("base64");
const auth = { auth: base64("ada:pass:word") };

async function write(document: unknown, path = config): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof document === "string" ? document : JSON.stringify(document));
}

/** A helper that keeps logins as files in `$HOME/kept`. */
const HELPER = `#!/bin/sh
mkdir -p "$HOME/kept"
case "$1" in
get) read -r server; f="$HOME/kept/$(echo "$server" | tr / _)"
  if [ -e "$f" ]; then cat "$f"; else echo "credentials not found in native keychain"; exit 1; fi ;;
store) cat > "$HOME/input"; server=$(sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' "$HOME/input"); mv "$HOME/input" "$HOME/kept/$(echo "$server" | tr / _)" ;;
erase) read -r server; rm "$HOME/kept/$(echo "$server" | tr / _)" ;;
list) echo '{"https://index.docker.io/v1/":"ada"}' ;;
esac
`;

async function helper(suffix: string, script: string): Promise<void> {
  await mkdir(join(home, "bin"), { recursive: true });
  await writeFile(join(home, `bin/docker-credential-${suffix}`), script);
  await chmod(join(home, `bin/docker-credential-${suffix}`), 0o755);
}

function open(environment: Readonly<Record<string, string>> = {}, timeout = 10_000) {
  const PATH = `${join(home, "bin")}:/usr/bin:/bin`;
  return createDockerConfigCredentials({
    environment: { PATH, HOME: home, ...environment },
    homeDirectory: home,
    timeout,
  });
}

describe("a login in a file", () => {
  test.each([
    ["docker.io", "https://index.docker.io/v1/"],
    ["docker.io", "index.docker.io"],
    ["docker.io", "docker.io"],
    ["docker.io", "registry-1.docker.io"],
    ["ghcr.io", "https://ghcr.io"],
    ["ghcr.io", "https://ghcr.io/v2/"],
    ["ghcr.io", "http://ghcr.io/"],
    ["localhost:5000", "localhost:5000"],
  ])("of %s is found under %s", async (host, key) => {
    await write({ auths: { "other.test": { auth: base64("x:y") }, [key]: auth } });
    expect(await open().get(host)).toEqual(ADA);
    expect(await open().get("another.test")).toBeUndefined();
  });

  test("of the longest prefix of the repository is taken", async () => {
    const entry = (name: string) => ({ auth: base64(`${name}:secret`) });
    const auths = { "quay.io": entry("all"), "quay.io/org": entry("org"), "quay.io/org/repo": entry("repo") };
    await write({ auths });
    const who = async (repository?: string) => {
      const found = await open().get("quay.io", repository);
      return found?.kind === "password" ? found.username : undefined;
    };
    expect(await who("org/repo")).toBe("repo");
    expect(await who("org/repository")).toBe("org");
    expect(await who("organ/x")).toBe("all");
    expect(await who()).toBe("all");
  });

  test.each([
    [{ username: "ada", password: "pass:word" }, ADA],
    [{ auth: base64("ada:pass:word\0\0") }, ADA],
    [
      { ...auth, identitytoken: "idt" },
      { kind: "identity-token", username: "ada", token: "idt" },
    ],
    [{ auth: base64("<token>:idt") }, { kind: "identity-token", token: "idt" }],
    [{ registrytoken: "rt" }, { kind: "registry-token", token: "rt" }],
    [{}, undefined],
    [{ auth: "" }, undefined],
  ])("is read from %j", async (entry, credential) => {
    await write({ auths: { "r.test": entry } });
    expect(await open().get("r.test")).toEqual(credential);
  });

  test("is looked for where docker and podman keep it, in this order", async () => {
    const environment = {
      REGISTRY_AUTH_FILE: join(home, "mine.json"),
      DOCKER_CONFIG: join(home, "dc"),
      XDG_RUNTIME_DIR: join(home, "run"),
    };
    const paths = dockerConfigPaths({ environment, homeDirectory: home });
    expect(paths.map((path) => path.slice(home.length))).toEqual([
      "/mine.json",
      "/dc/config.json",
      "/run/containers/auth.json",
      "/.config/containers/auth.json",
    ]);
    for (const path of [...paths].reverse()) {
      await write({ auths: { "r.test": { auth: base64(`${path}:secret`) } } }, path);
      expect(await open(environment).get("r.test")).toMatchObject({ username: path });
    }
  });

  test.each([
    '{"auths": {"r.test": {"auth": "c2VjcmV0LXdvcmQ=" ',
    "secret-word",
    '["secret-word"]',
    '{"auths":{"r.test":{"auth":"c2VjcmV0LXdvcmQ="}}}',
  ])("that is broken (%s) is an error that does not quote it", async (text) => {
    await write(text);
    const failure = await failureOf(open().get("r.test"));
    expect(failure).toMatchObject({ code: "invalid-docker-config", kind: "malformed" });
    expect(failure.message).toContain(config);
    expect(textOf(failure)).not.toMatch(/c2Vj|secret-word/);
  });
});

describe("storing a login", () => {
  test("keeps what else is in the file and its indentation, for nobody else to read, and says that it is plain", async () => {
    const before = {
      HttpHeaders: { "User-Agent": "x" },
      auths: { "a.test": auth, "https://r.test/v1/": {} },
      plugins: { x: { y: "z" } },
    };
    await write(`${JSON.stringify(before, undefined, "    ")}\n`);
    await chmod(config, 0o644);
    expect(await open().set("r.test", ADA)).toEqual({ place: config, isPlain: true });
    const text = await readFile(config, "utf8");
    const after = { ...before, auths: { "a.test": auth, "r.test": auth } };
    expect(text).toBe(`${JSON.stringify(after, undefined, "    ")}\n`);
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(config))).toEqual(["config.json"]);
  });

  test("makes the file as docker makes it", async () => {
    await open().set("docker.io", ADA);
    const expected = { auths: { "https://index.docker.io/v1/": auth } };
    expect(await readFile(config, "utf8")).toBe(`${JSON.stringify(expected, undefined, "\t")}\n`);
    expect((await stat(dirname(config))).mode & 0o777).toBe(0o700);
  });

  test("writes through a symlink", async () => {
    const real = join(home, "real.json");
    await write({}, real);
    await mkdir(dirname(config));
    await symlink(real, config);
    await open().set("r.test", ADA);
    expect(await readFile(real, "utf8")).toContain("r.test");
  });

  test.each([
    ADA,
    { kind: "identity-token", username: "ada", token: "idt" },
    { kind: "identity-token", token: "idt" },
    { kind: "registry-token", token: "rt" },
  ] as const)("gives %j back, and nothing after it was removed", async (credential) => {
    const store = open();
    await store.set("r.test", credential);
    expect(await store.get("r.test")).toEqual(credential);
    expect(await store.list()).toMatchObject([{ host: "r.test", place: config }]);
    expect(await store.remove("r.test")).toBe(true);
    expect(await store.get("r.test")).toBeUndefined();
    expect(await store.remove("r.test")).toBe(false);
  });

  test("names the host in a podman file as podman does", async () => {
    const environment = { REGISTRY_AUTH_FILE: join(home, "auth.json") };
    await open(environment).set("docker.io", ADA);
    expect(JSON.parse(await readFile(join(home, "auth.json"), "utf8"))).toEqual({ auths: { "docker.io": auth } });
  });
});

describe("a credential helper", () => {
  test("keeps, gives and forgets logins, and the file has none", async () => {
    await helper("box", HELPER);
    await write({ credsStore: "box", auths: { "docker.io": auth } });
    const store = open();
    expect(await store.set("docker.io", ADA)).toEqual({ place: "docker-credential-box", isPlain: false });
    expect(await readFile(config, "utf8")).not.toContain(auth.auth);
    expect(await store.get("docker.io")).toEqual(ADA);
    expect(await store.list()).toEqual([{ host: "docker.io", username: "ada", place: "docker-credential-box" }]);
    expect(await store.remove("docker.io")).toBe(true);
    expect(await store.get("docker.io")).toBeUndefined();
  });

  test("of the host comes before the general one, and before the file", async () => {
    const answer = (name: string) => `#!/bin/sh\necho '{"ServerURL":"x","Username":"${name}","Secret":"s"}'\n`;
    await helper("general", answer("general"));
    await helper("special", answer("<token>"));
    await write({ credsStore: "general", credHelpers: { "r.test": "special" }, auths: { "r.test": auth } });
    expect(await open().get("r.test")).toEqual({ kind: "identity-token", token: "s" });
    expect(await open().get("x.test")).toMatchObject({ username: "general" });
  });

  test("that has no such login leaves the question to the file", async () => {
    await helper("box", HELPER);
    await write({ credsStore: "box", auths: { "r.test": auth } });
    expect(await open().get("r.test")).toEqual(ADA);
  });

  test.each([
    ["missing", undefined, "credential-helper-missing", "docker-credential-missing is not installed"],
    [
      "failing",
      "#!/bin/sh\necho 'the keychain is locked'; exit 1\n",
      "credential-helper-failed",
      "the keychain is locked",
    ],
    ["babbling", "#!/bin/sh\necho 'not json'\n", "credential-helper-failed", "protocol"],
    ["leaking", '#!/bin/sh\necho \'{"Secret":"secret-word"\'\n', "credential-helper-failed", "protocol"],
    ["leaking", '#!/bin/sh\necho \'{"Secret":"secret-word"}\'; exit 3\n', "credential-helper-failed", "no reason"],
    ["../../bin/sh", undefined, "invalid-docker-config", "not the name"],
  ])("that is %s is named: %j", async (name, script, code, words) => {
    if (script !== undefined) await helper(name, script);
    await write({ credsStore: name });
    const failure = await failureOf(open().get("r.test"));
    expect(failure).toMatchObject({ code });
    expect(failure.message).toContain(words);
    expect(textOf(failure)).not.toContain("secret-word");
  });

  test("that does not answer is ended", async () => {
    await helper("stuck", "#!/bin/sh\nexec sleep 60\n");
    await write({ credsStore: "stuck" });
    const failure = await failureOf(open({}, 100).get("r.test"));
    expect(failure.message).toContain("did not answer in time");
  });

  test("that fails to store repeats no password", async () => {
    await helper("loud", "#!/bin/sh\ncat; cat >&2; exit 1\n");
    await write({ credsStore: "loud" });
    const failure = await failureOf(open().set("r.test", { ...ADA, password: "secret-word" }));
    expect(textOf(failure)).not.toContain("secret-word");
  });
});
