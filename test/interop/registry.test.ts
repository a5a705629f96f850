import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openImage } from "../../src/index.ts";
import { type Descriptor, type Digest, digestOf, parseReference } from "../../src/oci/index.ts";
import {
  type CopyResult,
  copyArtifact,
  createDockerConfigCredentials,
  deleteManifest,
  listReferrers,
  listTags,
  openArtifact,
  openDestination,
  openSource,
  type RegistryOptions,
} from "../../src/transport/index.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { FixtureLayout, forPlatform, layerOf, named, writeFiles } from "../support/image-fixtures.ts";
import { describeWith, oracleEnv, oraclePath } from "../support/oracles.ts";
import { createTestCertificates, type TestCertificates } from "../support/registry-server-tls.ts";
import { startTokenService, type TokenService } from "../support/token-service.ts";

/** Runs a tool without stopping this process, in which servers run that the tool speaks to. */
async function run(command: Parameters<typeof oraclePath>[0], ...args: string[]): Promise<string> {
  const child = spawn(oraclePath(command) ?? command, args, { env: oracleEnv, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on("data", (text: Buffer) => out.push(text.toString()));
  child.stderr.on("data", (text: Buffer) => err.push(text.toString()));
  const status = await new Promise((resolve) => {
    child.on("close", resolve);
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${err.join("")}`);
  return out.join("");
}

const skopeo = (...args: string[]): Promise<string> => run("skopeo", "--insecure-policy", ...args);
const PLAIN = ["--src-tls-verify=false", "--dest-tls-verify=false"];

let directory: string;
let image: Descriptor;
let multi: Descriptor;
let large: Descriptor;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "registry-"));
  const layout = new FixtureLayout();
  const layers = [await layerOf({ "etc/motd": "hello\n" }), await layerOf({ "app/data": "x".repeat(50_000) })];
  image = layout.image(layers);
  const arm = layout.image(layers, { config: { architecture: "arm64" } });
  multi = layout.index([forPlatform(image, "linux/amd64"), forPlatform(arm, "linux/arm64")]);
  // Larger than what goes in one chunk or one range, and not to be compressed.
  large = layout.image([await layerOf({ "big/data": randomBytes(3_000_000) })]);
  const roots = [named(image, "v1"), named(multi, "multi"), named(large, "large")];
  await writeFiles(at("source"), layout.finish(roots));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const digestAt = async (name: string, ...flags: string[]): Promise<Digest> =>
  digestOf(Buffer.from(await skopeo("inspect", "--raw", ...flags, name)));

async function copy(
  from: string,
  to: string,
  { registry = {}, ...options }: { registry?: RegistryOptions; allPlatforms?: boolean } = {},
): Promise<CopyResult> {
  await using source = await openArtifact(from, { registry });
  await using destination = await openDestination(to, { registry });
  return await copyArtifact(source, destination, options);
}

describeWith(["docker-registry", "skopeo", "umoci"], "a registry without a login", () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
  });
  afterAll(() => registry?.[Symbol.asyncDispose]());
  const docker = (name: string): string => `docker://${registry.host}/${name}`;

  it("gives us what skopeo pushed: files, digests, all platforms", async () => {
    await skopeo("copy", "-q", ...PLAIN, `oci:${at("source")}:v1`, docker("pushed:v1"));
    await skopeo("copy", "-q", ...PLAIN, "--all", `oci:${at("source")}:multi`, docker("pushed:multi"));
    await using opened = await openImage(docker("pushed:v1"));
    expect(await opened.fs.readFile("/etc/motd", "utf8")).toBe("hello\n");
    expect(opened.source.manifest?.digest).toBe(image.digest);
    await using arm = await openImage(docker("pushed:multi"), { platform: "linux/arm64" });
    expect(arm.source.config.value.architecture).toBe("arm64");
    const { root } = await copy(docker("pushed:multi"), `oci:${at("pulled")}:multi`, { allPlatforms: true });
    expect(root.digest).toBe(multi.digest);
    expect(await digestAt(`oci:${at("pulled")}:multi`)).toBe(multi.digest);
    await skopeo("copy", "-q", "--all", `oci:${at("pulled")}:multi`, `oci:${at("copied")}:multi`);
    expect(await digestAt(`oci:${at("copied")}:multi`)).toBe(multi.digest);
  });

  it("gives others what we pushed: the same digests, and layers that unpack", async () => {
    expect((await copy(`oci:${at("source")}:v1`, docker("ours:v1"))).root.digest).toBe(image.digest);
    await copy(`oci:${at("source")}:multi`, docker("ours:multi"), { allPlatforms: true });
    expect(await digestAt(docker("ours:v1"), "--tls-verify=false")).toBe(image.digest);
    expect(await digestAt(docker("ours:multi"), "--tls-verify=false")).toBe(multi.digest);
    await skopeo("copy", "-q", ...PLAIN, docker("ours:v1"), `oci:${at("theirs")}:v1`);
    await run("umoci", "unpack", "--rootless", "--image", `${at("theirs")}:v1`, at("bundle"));
    expect(readFileSync(join(at("bundle"), "rootfs/etc/motd"), "utf8")).toBe("hello\n");
    expect([...(await listTags(parseReference(`${registry.host}/ours`)))].sort()).toEqual(["multi", "v1"]);
  });

  it("takes a large blob in chunks and in one piece, and gives it in ranges and whole", async () => {
    const chunked = {
      transfer: { chunkedFrom: 1, chunkBytes: 700_000, rangesFrom: 1, rangesBelow: 1e12, rangeBytes: 500_000 },
    };
    expect((await copy(`oci:${at("source")}:large`, docker("chunks:v1"), { registry: chunked })).root).toEqual(large);
    await copy(`oci:${at("source")}:large`, docker("whole:v1"));
    for (const name of ["chunks", "whole"]) {
      await skopeo("copy", "-q", ...PLAIN, docker(`${name}:v1`), `oci:${at(`theirs-${name}`)}:v1`);
      await copy(docker(`${name}:v1`), `oci:${at(`ranges-${name}`)}:v1`, { registry: chunked });
      expect(await digestAt(`oci:${at(`ranges-${name}`)}:v1`)).toBe(large.digest);
    }
  });

  it("mounts what another of its repositories has", async () => {
    await copy(`oci:${at("source")}:v1`, docker("first:v1"));
    const { blobs } = await copy(docker("first:v1"), docker("second:v1"));
    expect(blobs).toEqual({ present: 0, mounted: 3, transferred: 0 });
    const again = await copy(docker("first:v1"), docker("second:v1"));
    expect(again.blobs).toEqual({ present: 3, mounted: 0, transferred: 0 });
    expect(await digestAt(docker("second:v1"), "--tls-verify=false")).toBe(image.digest);
  });

  it("keeps what refers to an image under a tag, as it has no API for that", async () => {
    await copy(`oci:${at("source")}:v1`, docker("signed:v1"));
    const layout = new FixtureLayout();
    const { mediaType, digest, size } = image;
    const manifest = { subject: { mediaType, digest, size }, artifactType: "application/x-signature" };
    const signature = layout.image([await layerOf({ signature: "s" })], { manifest });
    await writeFiles(at("signature"), layout.finish([named(signature, "s")]));
    await copy(`oci:${at("signature")}:s`, docker("signed:signature"));
    const reference = { ...parseReference(`${registry.host}/signed`), digest };
    expect((await listReferrers(reference)).map((one) => [one.digest, one.artifactType])).toEqual([
      [signature.digest, "application/x-signature"],
    ]);
    await deleteManifest({ ...reference, digest: signature.digest });
    expect(await listReferrers(reference)).toEqual([]);
  });

  it("deletes an image by its tag", async () => {
    await copy(`oci:${at("source")}:v1`, docker("old:v1"));
    expect(await deleteManifest(parseReference(`${registry.host}/old:v1`))).toBe(image.digest);
    await expect(openImage(docker("old:v1"))).rejects.toThrow(
      expect.objectContaining({ code: "image-not-found", kind: "not-found" }),
    );
  });
});

describeWith(["docker-registry", "buildah", "podman", "root"], "images of buildah and podman in a registry", () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
  });
  afterAll(() => registry?.[Symbol.asyncDispose]());
  const store = (): string[] => ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "vfs"];

  it("are read by us as they were written, and ours by them", async () => {
    const name = `${registry.host}/built:v1`;
    const buildah = (...args: string[]): Promise<string> => run("buildah", ...store(), ...args);
    const container = (await buildah("from", "scratch")).trim();
    writeFileSync(at("hello"), "built\n");
    await buildah("copy", container, at("hello"), "/etc/hello");
    const id = (await buildah("commit", "-q", "--format", "oci", container, name)).trim();
    await buildah("push", "-q", "--tls-verify=false", name);
    {
      await using opened = await openImage(`docker://${name}`);
      expect(await opened.fs.readFile("/etc/hello", "utf8")).toBe("built\n");
      expect(opened.source.config.digest).toBe(`sha256:${id.replace("sha256:", "")}`);
    }
    await buildah(
      "push",
      "-q",
      "--tls-verify=false",
      "--format",
      "v2s2",
      name,
      `docker://${registry.host}/built:docker`,
    );
    await using docker = await openImage(`docker://${registry.host}/built:docker`);
    expect(docker.source.manifest?.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(await docker.fs.readFile("/etc/hello", "utf8")).toBe("built\n");

    await copy(`oci:${at("source")}:v1`, `docker://${registry.host}/ours:v1`);
    const podman = (...args: string[]): Promise<string> => run("podman", ...store(), ...args);
    const pulled = (await podman("pull", "-q", "--tls-verify=false", `${registry.host}/ours:v1`)).trim();
    const manifest = JSON.parse(await skopeo("inspect", "--raw", `oci:${at("source")}:v1`)) as {
      config: { digest: string };
    };
    expect(`sha256:${pulled}`).toBe(manifest.config.digest);
  });
});

describeWith(["docker-registry", "skopeo"], "a registry that asks who we are", () => {
  let certificates: TestCertificates | undefined;
  beforeAll(async () => {
    certificates = await createTestCertificates();
  });

  /** A login file of docker's form, which skopeo reads as well. */
  function loggedIn(host: string, login: string): RegistryOptions & { file: string } {
    const file = at(`auth-${host.replace(":", "-")}-${login.replace(/\W/g, "-")}.json`);
    writeFileSync(file, JSON.stringify({ auths: { [host]: { auth: Buffer.from(login).toString("base64") } } }));
    const credentials = createDockerConfigCredentials({
      environment: {},
      homeDirectory: directory,
      configPaths: [file],
    });
    return { credentials, file };
  }

  it("by HTTP Basic is read and written with a login, and with no other", async () => {
    // alice:secret, bcrypt of the least cost.
    writeFileSync(at("htpasswd"), "alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n");
    await using registry = await startDockerRegistry({ auth: { htpasswd: { realm: "tests", path: at("htpasswd") } } });
    const name = `docker://${registry.host}/private/app:v1`;
    const options = loggedIn(registry.host, "alice:secret");
    await copy(`oci:${at("source")}:v1`, name, { registry: options });
    expect(await digestAt(name, "--tls-verify=false", "--authfile", options.file)).toBe(image.digest);
    await using opened = await openSource(name, { registry: options });
    expect(opened.manifest?.digest).toBe(image.digest);
    for (const refused of [{}, loggedIn(registry.host, "alice:wrong-secret")]) {
      const failure = await openSource(name, { registry: refused }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: "unauthenticated", hint: expect.stringContaining("strata login") });
      expect(JSON.stringify([failure, String(failure)])).not.toContain("secret");
    }
  });

  it("by a certificate of its own authority is trusted as certs.d says, and not without", async ({ skip }) => {
    if (certificates === undefined) return skip("openssl is not installed");
    writeFileSync(at("tls.crt"), certificates.server.cert);
    writeFileSync(at("tls.key"), certificates.server.key);
    await using registry = await startDockerRegistry({ tls: { certificate: at("tls.crt"), key: at("tls.key") } });
    const name = `docker://${registry.host}/app:v1`;
    mkdirSync(join(at("certs.d"), registry.host), { recursive: true });
    writeFileSync(join(at("certs.d"), registry.host, "ca.crt"), certificates.ca);
    const trusting = { certificates: [at("certs.d")] };
    await copy(`oci:${at("source")}:v1`, name, { registry: trusting });
    expect(await digestAt(name, "--cert-dir", join(at("certs.d"), registry.host))).toBe(image.digest);
    await expect(openImage(name)).rejects.toThrow(expect.objectContaining({ code: "registry-tls" }));
    await using careless = await openSource(name, { registry: { insecureHosts: [registry.host] } });
    expect(careless.manifest?.digest).toBe(image.digest);
  });

  it("by a token server gives what the token allows: anonymous reading, writing with a login", async ({ skip }) => {
    if (certificates === undefined) return skip("openssl is not installed");
    writeFileSync(at("ca.crt"), certificates.ca);
    const permit = (user: string | undefined, repository: string): readonly string[] => {
      if (user === "alice") return ["pull", "push", "delete"];
      return repository.startsWith("public/") ? ["pull"] : [];
    };
    const tokens: TokenService = await startTokenService(certificates.server, {
      passwords: { alice: "secret" },
      permit,
    });
    await using _ = tokens;
    await using registry = await startDockerRegistry({ auth: tokens.auth(at("ca.crt")) });
    const name = (path: string): string => `docker://${registry.host}/${path}`;
    const alice = loggedIn(registry.host, "alice:secret");

    await copy(`oci:${at("source")}:v1`, name("public/app:v1"), { registry: alice });
    await copy(name("public/app:v1"), name("private/app:v1"), { registry: alice });
    expect(await digestAt(name("public/app:v1"), "--tls-verify=false")).toBe(image.digest);
    expect(await digestAt(name("private/app:v1"), "--tls-verify=false", "--authfile", alice.file)).toBe(image.digest);
    await using opened = await openImage(name("public/app:v1"));
    expect(await opened.fs.readFile("/etc/motd", "utf8")).toBe("hello\n");
    await expect(openImage(name("private/app:v1"))).rejects.toThrow(
      expect.objectContaining({ kind: "unauthenticated", hint: expect.stringContaining("strata login") }),
    );
    await expect(copy(`oci:${at("source")}:v1`, name("public/other:v1"))).rejects.toThrow(
      expect.objectContaining({ kind: "unauthenticated" }),
    );
    expect(tokens.scopes).toContain("repository:public/app:pull");
    expect(tokens.scopes).toContain("repository:public/app:pull,push");
    await deleteManifest(parseReference(`${registry.host}/public/app:v1`), alice);
    await expect(openSource(name("public/app:v1"), { registry: alice })).rejects.toThrow(
      expect.objectContaining({ code: "image-not-found" }),
    );
  });
});
