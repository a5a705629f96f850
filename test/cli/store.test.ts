import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RegistryServer, startRegistryServer } from "../support/registry-server.ts";
import { type RunResult, runStrata, SAMPLE } from "./run-strata.ts";

const NAME = "strata.example/layers:sample";
const scratch = mkdtempSync(join(tmpdir(), "strata-store-cli-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let stores = 0;

/** Runs verbs on a store of their own; unless said otherwise they must succeed. */
function newStore(): { root: string; strata: (line: string, options?: { code: number }) => Promise<RunResult> } {
  const root = join(scratch, `store-${stores++}`);
  const strata = async (line: string, { code } = { code: 0 }): Promise<RunResult> => {
    const result = await runStrata(line.split(" "), {
      env: { STRATA_ROOT: root, DOCKER_CONFIG: join(scratch, "docker") },
    });
    expect({ line, code: result.code, stderr: code === 0 ? "" : result.stderr }).toEqual({
      line,
      code,
      stderr: code === 0 ? "" : result.stderr,
    });
    return result;
  };
  return { root, strata };
}

function jsonLines(text: string): unknown[] {
  return text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

describe("a store on the command line", () => {
  it("loads an archive, lists it, and shows its files by name, by digest and with a prefix", async () => {
    const { strata } = newStore();
    const { stdout } = await strata(`load -i ${SAMPLE}`);
    const digest = stdout.trim().split(" ")[1] ?? "";
    expect(stdout).toBe(`${NAME} ${digest}\n`);
    expect(jsonLines((await strata("images --json")).stdout)).toMatchObject([
      { name: NAME, digest, platforms: ["linux/amd64"], created: "2023-11-14T22:13:20Z", complete: true },
    ]);
    expect((await strata("images")).stdout).toMatch(/^NAME +DIGEST +PLATFORM +CREATED +SIZE +SHARED\n\S+:sample /);
    expect((await strata("images -q")).stdout).toBe(`${digest}\n`);
    const listed = (await runStrata(["ls", SAMPLE, "/etc"])).stdout;
    for (const name of [NAME, digest, digest.slice(7, 19), `store:${NAME}`]) {
      expect((await strata(`ls ${name} /etc`)).stdout).toBe(listed);
    }
  });

  it("reads an archive from a pipe", async () => {
    const { root } = newStore();
    const stdin = (async function* () {
      yield readFileSync(SAMPLE);
    })();
    const { code, stdout } = await runStrata(["load", "-q"], { stdin, env: { STRATA_ROOT: root } });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
  });

  it("saves an image that is asked for by a name under that name alone", async () => {
    const { strata } = newStore();
    await strata(`load -q -i ${SAMPLE}`);
    await strata(`tag ${NAME} app:1`);
    const archive = join(scratch, "one-name.tar");
    await strata(`save -q -o ${archive} app:1`);
    const other = newStore();
    await other.strata(`load -q -i ${archive}`);
    expect(jsonLines((await other.strata("images --json")).stdout)).toMatchObject([
      { name: "docker.io/library/app:1" },
    ]);
  });

  it.skipIf(process.geteuid?.() !== 0)("copies from a store that its user may only read", async () => {
    const { root, strata } = newStore();
    const digest = (await strata(`load -q -i ${SAMPLE}`)).stdout;
    chmodSync(root, 0o755);
    const open = mkdtempSync(join(tmpdir(), "strata-store-nobody-"));
    chmodSync(open, 0o777);
    chmodSync(scratch, 0o755);
    process.seteuid?.(65_534);
    try {
      expect((await strata(`copy -q ${NAME} oci:${join(open, "layout")}`)).stdout).toBe(digest);
      await strata(`tag ${NAME} app:1`, { code: 8 });
    } finally {
      process.seteuid?.(0);
      rmSync(open, { recursive: true, force: true });
    }
  });

  it("tags, removes names one by one, and the image with the last", async () => {
    const { strata } = newStore();
    const digest = (await strata(`load -q -i ${SAMPLE}`)).stdout.trim();
    await strata(`tag ${NAME} app`);
    expect((await strata("images app")).stdout).toContain("app:latest");
    await strata(`rmi ${digest.slice(7, 17)}`, { code: 8 });
    expect((await strata("rmi app")).stdout).toBe("untagged app:latest\n");
    expect((await strata(`rmi ${NAME}`)).stdout).toBe(`untagged ${NAME}\ndeleted ${digest}\n`);
    expect((await strata("images -q")).stdout).toBe("");
    await strata(`rmi ${NAME}`, { code: 6 });
    await strata(`rmi -f ${NAME}`);
  });

  it("tells what a prune would free before it frees it", async () => {
    const { root, strata } = newStore();
    await strata(`load -i ${SAMPLE}`);
    const before = JSON.parse((await strata("df --json")).stdout) as { blobs: { count: number } };
    expect(before.blobs.count).toBe(9);
    const dry = await strata("prune --all --json");
    expect(JSON.parse(dry.stdout)).toMatchObject({ isDryRun: true, blobs: { count: 9 }, images: [{ names: [NAME] }] });
    expect((await strata("images -q")).stdout).not.toBe("");
    expect((await strata("prune --all --force")).stdout).toMatch(
      /^removed [0-9a-f]{12} .*\nremoved 9 blobs, \S+\nfreed \S+\n$/,
    );
    expect(readdirSync(join(root, "blobs/sha256"))).toEqual([]);
    expect((await strata("df")).stdout).toContain("`strata prune` would free 0 bytes");
  });

  it("finds a damaged blob, sets it aside, and is healed by loading again", async () => {
    const { root, strata } = newStore();
    await strata(`load -i ${SAMPLE}`);
    await strata("fsck");
    const blobs = join(root, "blobs/sha256");
    const victim = readdirSync(blobs).find((name) => statSync(join(blobs, name)).size === 20_480) ?? "";
    truncateSync(join(blobs, victim), 1000);
    const faults = jsonLines((await strata("fsck --json", { code: 4 })).stdout);
    expect(faults).toMatchObject([{ severity: "error", digest: `sha256:${victim}`, images: [NAME] }]);
    const repaired = await strata("fsck --repair", { code: 4 });
    expect(repaired.stdout).toContain("quarantined to quarantine/");
    expect(repaired.stdout).toContain(`pull again: ${NAME}`);
    await strata(`load -i ${SAMPLE}`);
    expect((await strata(`cat ${NAME} /etc/hostname`)).stdout).not.toBe("");
    await strata("fsck");
  });

  it("does not take a place where no store is for a clean one", async () => {
    const { strata } = newStore();
    for (const line of ["fsck", "prune", `rmi ${NAME}`, `tag ${NAME} x`]) {
      expect((await strata(line, { code: 6 })).stderr).toContain("There is no store at");
    }
    expect((await strata("images -q")).stdout).toBe("");
  });

  it("asks which image is meant when two have one configuration", async () => {
    const { strata } = newStore();
    await strata(`load -i ${SAMPLE}`);
    await strata(`copy --compression gzip ${NAME} store:small`);
    const [{ configDigest }] = jsonLines((await strata("images --json")).stdout) as [{ configDigest: string }];
    const id = configDigest.slice(7, 19);
    expect((await strata(`cat ${id} /etc/motd`)).stdout).toContain("Welcome");
    await strata(`rmi -f ${id}`, { code: 2 });
    expect((await strata("images -q")).stdout.trim().split("\n")).toHaveLength(2);
  });

  it("saves an archive that loads again, the same bytes each time", async () => {
    const { strata } = newStore();
    await strata(`load -i ${SAMPLE}`);
    await strata(`tag ${NAME} app:2`);
    const [one, other] = [join(scratch, "one.tar"), join(scratch, "other.tar")];
    await strata(`save -o ${one} ${NAME} app:2`);
    await strata(`save -o ${other} ${NAME} app:2`);
    expect(readFileSync(one).equals(readFileSync(other))).toBe(true);
    const again = newStore();
    await again.strata(`load -i ${one}`);
    const names = jsonLines((await again.strata("images --json")).stdout).map((row) => (row as { name: string }).name);
    expect(names).toEqual(["docker.io/library/app:2", NAME]);
  });

  it("says what a name is not, when it is nowhere", async () => {
    const { strata } = newStore();
    const { stderr } = await strata("ls 127.0.0.1:1/nowhere", { code: 11 });
    expect(stderr).toContain("is no file here and no image of the local store, so it was sought in a registry");
    expect((await strata("ls store:nowhere", { code: 6 })).stderr).toContain("nowhere");
    expect((await strata("ls missing.tar", { code: 6 })).stderr).toContain("no file or directory");
  });
});

describe("registries on the command line", () => {
  let registry: RegistryServer;
  beforeAll(async () => {
    registry = await startRegistryServer();
  });
  afterAll(async () => await registry[Symbol.asyncDispose]());

  it("pushes and pulls; what is there already does not move", async () => {
    const { strata } = newStore();
    const reference = `${registry.host}/layers:1`;
    await strata(`load -i ${SAMPLE}`);
    await strata(`tag ${NAME} ${reference}`);
    const pushed = (await strata(`push ${reference}`)).stdout;
    expect(pushed).toMatch(new RegExp(`^${reference} sha256:[0-9a-f]{64}\n$`));
    const other = newStore();
    expect((await other.strata(`pull ${reference}`)).stdout).toBe(pushed);
    const again = jsonLines((await other.strata(`pull --json ${reference}`)).stdout) as {
      type: string;
      result?: string;
    }[];
    expect(again.filter(({ type }) => type === "blob-done").map(({ result }) => result)).toEqual(
      Array(8).fill("present"),
    );
    expect((await strata(`tags ${registry.host}/layers`)).stdout).toBe("1\n");
    const listed = (await runStrata(["ls", "-R", SAMPLE])).stdout;
    expect((await newStore().strata(`ls -R docker://${reference}`)).stdout).toBe(listed);
  });

  it("pulls a digest without moving the tag that is written beside it", async () => {
    const { strata } = newStore();
    const name = `${registry.host}/pinned`;
    await strata(`copy ${SAMPLE} docker://${name}:1`);
    await strata(`copy --compression gzip ${SAMPLE} docker://${name}:1`);
    const newest = (await strata(`pull -q ${name}:1`)).stdout.trim();
    const other = (await strata(`copy -q ${SAMPLE} docker://${name}:2`)).stdout.trim();
    expect((await strata(`pull ${name}:1@${other}`)).stdout).toBe(`${name}@${other} ${other}\n`);
    expect((await strata(`images -q ${name}:1`)).stdout.trim()).toBe(newest);
  });

  it("heeds the limits that its refusals tell of", async () => {
    const { strata } = newStore();
    const name = `${registry.host}/limited:1`;
    await strata(`copy --compression gzip ${SAMPLE} docker://${name}`);
    for (const [limit, told] of [
      ["--max-layer-bytes", "--max-layer-bytes"],
      ["--max-entries", "entries"],
    ]) {
      expect((await strata(`pull --unpack ${limit} 1 ${name}`, { code: 5 })).stderr).toContain(told);
    }
    await strata(`pull --unpack --max-layer-bytes 1G --max-entries 1000 --max-expansion 500 ${name}`);
  });

  it("copies from place to place and converts only when asked", async () => {
    const { strata } = newStore();
    const layout = join(scratch, "layout");
    const reference = `docker://${registry.host}/copied:1`;
    await strata(`copy ${SAMPLE} ${reference}`);
    await strata(`copy ${reference} oci:${layout}:same`);
    await strata(`copy --compression gzip ${reference} oci:${layout}:small`);
    await strata(`copy --preserve-digests --compression gzip ${reference} oci:${layout}:no`, { code: 8 });
    const digestOf = async (name: string): Promise<string> =>
      (JSON.parse((await strata(`inspect --json ${name}`)).stdout) as { manifest: { digest: string } }).manifest.digest;
    expect(await digestOf(`oci:${layout}:same`)).toBe(await digestOf(reference));
    expect(await digestOf(`oci:${layout}:small`)).not.toBe(await digestOf(reference));
    const [plain, small] = [`oci:${layout}:same`, `oci:${layout}:small`];
    expect((await strata(`ls -lR ${small}`)).stdout).toBe((await strata(`ls -lR ${plain}`)).stdout);
  });

  it("tells of an image without downloading a layer", async () => {
    const { strata } = newStore();
    const reference = `docker://${registry.host}/told:1`;
    await strata(`copy ${SAMPLE} ${reference}`);
    const before = registry.requests.length;
    const report = JSON.parse((await strata(`inspect --json ${reference}`)).stdout) as {
      readonly layers: readonly { readonly digest: string; readonly size: number | null }[];
    };
    expect(report).toMatchObject({ platform: "linux/amd64", size: null, storedSize: 42_496 });
    expect(report.layers.map(({ size }) => size)).toEqual(Array(7).fill(null));
    expect((await strata(`history ${reference}`)).stdout).toContain("RUN rm /app/deploy.key");
    const downloaded = registry.requests.slice(before).filter(({ method }) => method === "GET");
    for (const { digest } of report.layers) expect(downloaded.filter(({ path }) => path.endsWith(digest))).toEqual([]);
  });

  it("deletes an image", async () => {
    const { strata } = newStore();
    await strata(`copy ${SAMPLE} docker://${registry.host}/gone:1`);
    expect((await strata(`delete ${registry.host}/gone:1`)).stdout).toMatch(/^deleted sha256:/);
    await strata(`pull ${registry.host}/gone:1`, { code: 6 });
  });
});
