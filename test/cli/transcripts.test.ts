import { describe, expect, it } from "vitest";
import { VERBS } from "../../src/cli/verbs.ts";
import { runStrata, transcript } from "./run-strata.ts";

/** Edits are as old as this. */
const SOURCE_DATE_EPOCH = "1700000000";

/** Each file is a conversation with the sample image. `vitest -u` writes them anew; read the diff. */
const TRANSCRIPTS: Readonly<Record<string, readonly string[]>> = {
  ls: [
    "ls IMAGE",
    "ls -l IMAGE /etc /var/run /etc/motd",
    "ls -ln IMAGE /app",
    "ls -la IMAGE /var",
    "ls -ldi IMAGE /etc/os-release /usr/share/os-release /tmp",
    "ls -R IMAGE /var /usr/share",
    "ls -lS -h IMAGE /etc",
    "ls -r --layer 0 IMAGE /var/cache/sample",
    "ls --layer c9bf15fcc0ee IMAGE /var/cache/sample",
    "ls --json IMAGE /var/run /app /",
    "ls IMAGE /missing /etc/motd",
  ],
  tree: [
    "tree IMAGE",
    "tree -L 1 IMAGE",
    "tree -d IMAGE /var",
    "tree -s --layer 3 IMAGE /app",
    "tree --json IMAGE /var",
  ],
  cat: [
    "cat IMAGE /etc/motd /etc/app.conf",
    "cat --layer 3 IMAGE app/deploy.key",
    "cat IMAGE /app/deploy.key",
    "cat IMAGE /etc",
  ],
  stat: [
    "stat IMAGE /app/hello.sh /var/run",
    "stat -L IMAGE /var/run",
    "stat --layer 1 IMAGE /app/hello.sh",
    "stat --json IMAGE /etc/motd",
  ],
  find: [
    "find IMAGE",
    "find IMAGE /etc -name '*.conf' -size -1k",
    "find IMAGE / -layer +3 -ls",
    "find IMAGE / -type f ! -perm 644 -printf '%p %m %u:%g %s L%L\\n'",
    "find IMAGE /usr -name doc -prune -o -type f -print",
    "find IMAGE / -samefile /etc/os-release --json",
    "find IMAGE / -user nobody",
    "find IMAGE / -exec rm",
    "find IMAGE / ( -name x",
  ],
  du: ["du IMAGE", "du -h -s IMAGE /etc /usr /app", "du --layers -c -d 1 IMAGE", "du -a --json IMAGE /etc"],
  blame: [
    "blame IMAGE /app/deploy.key /app/hello.sh /var/cache/sample/one.cache",
    "blame IMAGE /usr/share/os-release",
    "blame --layer 3 IMAGE /app/deploy.key",
    "blame -r IMAGE /var /app",
    "blame --json IMAGE /etc/motd",
    "blame -r --json IMAGE /app",
    "blame IMAGE /never",
  ],
  identity: [
    "layers IMAGE",
    "layers --explain IMAGE",
    "layers --json IMAGE",
    "history IMAGE",
    "inspect IMAGE",
    "inspect --json IMAGE",
    "inspect --raw IMAGE",
  ],
  tour: ["tour IMAGE"],
  edits: [
    "edit -q IMAGE --cp examples/layers/Dockerfile:/etc/ --rm /etc/motd --chmod 0644:/etc/Dockerfile --env MODE=test -t edited",
    "ls edited /etc",
    "diff --details IMAGE edited",
    "diff IMAGE IMAGE",
    "history edited",
    "config -q IMAGE --entrypoint '[\"/app/hello.sh\"]' --cmd '' --unset-env PATH --label team=a --expose 8080 -t configured",
    "inspect configured",
    "squash -q IMAGE --from 2 -t squashed",
    "layers squashed",
    "diff IMAGE squashed",
    "drop -q IMAGE 4 -t dropped",
    "cat dropped /app/deploy.key",
    "purge -q IMAGE /app/deploy.key -t purged",
    "blame purged /app/deploy.key",
    "normalise -q --all IMAGE --time 0 -t normal",
    "ls -l normal /etc/motd",
    "edit -q IMAGE -t unchanged",
    "edit -q IMAGE --rm /missing -t unchanged",
    "edit -q IMAGE --cp /nofile:/etc/ -t unchanged",
    "edit -q IMAGE --mkdir /etc/os-release -t unchanged",
    "edit -q IMAGE --mkdir '' -t unchanged",
    "edit -q IMAGE --chmod 999:/etc -t unchanged",
    "config -q IMAGE --healthcheck-interval 5s -t unchanged",
    "config -q IMAGE --env MODE -t unchanged",
    "config -q IMAGE --healthcheck x --healthcheck-interval soon -t unchanged",
    "rebase IMAGE --onto edited -t unchanged",
    "drop -q IMAGE 7 -t unchanged",
    "purge -q IMAGE /never -t unchanged",
    "config -q IMAGE --env A=1",
  ],
  errors: [
    "lss IMAGE",
    "ls --jsno IMAGE",
    "ls",
    "ls nowhere.tar",
    "ls --json nowhere.tar",
    "ls docker-daemon:example/image",
    "ls --layer 9 IMAGE",
    "ls --layer beef IMAGE",
    "ls --platform what/ever/is/this IMAGE",
    "ls --max-entries many IMAGE",
    "ls --max-entries 5 IMAGE",
    "ls package.json",
    "cp IMAGE",
    "cp IMAGE:/etc package.json",
  ],
};

describe("what people see", () => {
  for (const [name, lines] of Object.entries(TRANSCRIPTS)) {
    it(`is as in golden/${name}.txt`, async () => {
      await expect(await transcript(lines, { SOURCE_DATE_EPOCH })).toMatchFileSnapshot(`golden/${name}.txt`);
    });
  }

  it("explains every verb in golden/help.txt", async () => {
    const verbs = VERBS.filter(({ isHidden }) => isHidden !== true).map(({ name }) => name);
    const parts = ["create", "apply", "show"].map((name) => `changeset ${name}`);
    const lines = ["--help", ...[...verbs, ...parts].map((words) => `${words} --help`)];
    const text = await transcript(lines);
    await expect(text).toMatchFileSnapshot("golden/help.txt");
  });

  it("says in the help of each verb how it is used, with examples", async () => {
    for (const { name, isHidden } of VERBS) {
      if (isHidden === true) continue;
      const { stdout, code } = await runStrata([name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Usage: strata/);
      expect(stdout.split("Examples:\n")[1]?.trim().split("\n").length).toBeGreaterThanOrEqual(2);
    }
  });

  it("keeps the tour within 100 columns", async () => {
    const { stdout } = await runStrata(["tour", "examples/layers/image.tar"]);
    const widest = Math.max(...stdout.split("\n").map((line) => [...line].length));
    expect(widest).toBeLessThanOrEqual(100);
  });
});

describe("colours and columns", () => {
  const image = "examples/layers/image.tar";

  it("are for terminals only", async () => {
    const piped = await runStrata(["ls", image]);
    expect(piped.stdout).not.toContain("\x1b");
    expect(piped.stdout.split("\n")).toContain("etc");
    const shown = await runStrata(["ls", image], { columns: 60 });
    expect(shown.stdout).toContain("\x1b[1;34metc\x1b[0m");
    expect(shown.stdout.trim().split("\n").length).toBeLessThan(4);
  });

  it("follow --color, NO_COLOR and FORCE_COLOR, the option first", async () => {
    const has = async (args: string[], env: Record<string, string>, columns?: number): Promise<boolean> => {
      const options = columns === undefined ? { env } : { env, columns };
      return (await runStrata(["ls", ...args, image], options)).stdout.includes("\x1b[");
    };
    expect(await has([], { NO_COLOR: "1" }, 80)).toBe(false);
    expect(await has([], { TERM: "dumb" }, 80)).toBe(false);
    expect(await has([], { FORCE_COLOR: "1" })).toBe(true);
    expect(await has(["--color", "always"], { NO_COLOR: "1" })).toBe(true);
    expect(await has(["--color=never"], { FORCE_COLOR: "1" }, 80)).toBe(false);
  });
});
