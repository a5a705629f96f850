import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWith, whyMissing } from "../../test/support/oracles.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { probeNamespaces } from "./namespace-facts.ts";
import { joinNamespacesCommand, parseSubordinateIds, userNamespaceCommand } from "./namespaces.ts";

test("subordinate ids are those of a user's names, other lines are nothing", () => {
  const text = "# comment\nann:100000:65536\nbob:200000:65536\n1000:300000:10\nann:x:1\nann\n";
  expect(parseSubordinateIds(text, ["ann", "1000"])).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ]);
  expect(parseSubordinateIds("", ["ann"])).toEqual([]);
});

describeWith(["unshare", "mount"], "namespaces", () => {
  const run = (script: string, args: readonly string[], mapAll: boolean) => {
    const line = userNamespaceCommand("sh", ["-c", script, "sh", ...args], { mapAll });
    return spawnSync(line.command, line.args, { encoding: "utf8", input: "from stdin" });
  };

  for (const mapAll of [true, false]) {
    test(`a command is root of its own namespaces, with ${mapAll ? "all ids" : "one id"}`, () => {
      const odd = ["a b", "'", '"', "$x", ""];
      const { stdout, stderr, status } = run(
        'id -u; mount -t tmpfs x /mnt && echo mounted; cat; printf "[%s]" "$@"; exit 7',
        odd,
        mapAll,
      );
      expect({ stderr, status }).toEqual({ stderr: "", status: 7 });
      expect(stdout).toBe(`0\nmounted\nfrom stdin${odd.map((arg) => `[${arg}]`).join("")}`);
      expect(spawnSync("mountpoint", ["-q", "/mnt"]).status).not.toBe(0);
    });
  }

  test("with all ids files may belong to anybody, with one they may not", () => {
    const script = "mount -t tmpfs x /mnt && touch /mnt/x && chown 5:6 /mnt/x 2>/dev/null; stat -c %u:%g /mnt/x";
    expect(run(script, [], true).stdout).toBe("5:6\n");
    expect(run(script, [], false).stdout).toBe("0:0\n");
  });

  test("the probe finds what works, and says why not", async () => {
    const directory = mkdtempSync(join(tmpdir(), "namespace-test-"));
    try {
      const at = `${directory}/a:b,c\\d e`;
      mkdirSync(at);
      const works = { works: true };
      expect(await probeNamespaces({ at })).toEqual({ userNamespace: works, allIds: works, overlay: works });
      expect(readdirSync(at)).toEqual([]);
      await expect(probeNamespaces({ at: `${at}/none` })).rejects.toThrow("ENOENT");
      const path = process.env["PATH"];
      process.env["PATH"] = directory;
      try {
        const none = { works: false, why: expect.stringContaining("ENOENT") };
        expect(await probeNamespaces({ at })).toEqual({ userNamespace: none, allIds: none, overlay: none });
      } finally {
        process.env["PATH"] = path;
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("a second command joins the namespaces of the first", async () => {
    const first = userNamespaceCommand("sh", ["-c", "mount -t tmpfs joined /mnt && echo ready && exec sleep 60"], {
      mapAll: true,
    });
    const child = spawn(first.command, first.args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      const line = joinNamespacesCommand(child.pid ?? 0, "sh", ["-c", "id -u; stat -f -c %T /mnt"]);
      expect(execFileSync(line.command, line.args, { encoding: "utf8" })).toBe("0\ntmpfs\n");
    } finally {
      child.kill();
    }
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  });
});

/** Programs that this suite alone needs. */
const absent = ["newuidmap", "newgidmap", "setpriv"].filter((name) => spawnSync("which", [name]).status !== 0);
const missing =
  whyMissing(["unshare", "mount"]) ?? (absent.length > 0 ? `${absent.join(", ")} not installed` : undefined);
requireOrSkip(
  "namespaces of an ordinary user",
  missing === undefined,
  missing ?? "",
)(() => {
  /** What a user without any rights gets who has these entries; they are seen by that user's process alone. */
  const runAsNobody = (subuid: string, mapAll: boolean): string => {
    const directory = mkdtempSync(join(tmpdir(), "namespace-test-"));
    try {
      chmodSync(directory, 0o755);
      const namespaces = JSON.stringify(new URL("./namespaces.ts", import.meta.url));
      const inside =
        "cat /proc/self/uid_map; mount -t tmpfs x /mnt && echo mounted; touch /mnt/x; chown 7:7 /mnt/x && echo owned";
      const program = `
        import { spawnSync } from "node:child_process";
        import { userNamespaceCommand } from ${namespaces};
        try {
          const line = userNamespaceCommand("sh", ["-c", ${JSON.stringify(inside)}], { mapAll: ${mapAll} });
          console.log(spawnSync(line.command, line.args, { encoding: "utf8" }).stdout);
        } catch (error) { console.log(error.code); }`;
      writeFileSync(join(directory, "program.mts"), program);
      writeFileSync(join(directory, "ids"), subuid);
      const bind = `mount --bind ${directory}/ids /etc/subuid && mount --bind ${directory}/ids /etc/subgid`;
      const become = "exec setpriv --reuid=65534 --regid=65534 --clear-groups";
      const script = `${bind} && ${become} node --import tsx ${directory}/program.mts`;
      const output = execFileSync("unshare", ["--mount", "sh", "-c", script], { encoding: "utf8" });
      return output.trim().replace(/ +/g, " ");
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  test("with subordinate ids files may belong to anybody, in several blocks", () => {
    const output = runAsNobody("65534:100000:65536\nother:1:1\n65534:300000:5\n", true);
    expect(output).toBe("0 65534 1\n 1 100000 65536\n 65537 300000 5\nmounted\nowned");
  });

  test("without subordinate ids only the own one can be had", () => {
    expect(runAsNobody("other:1:1\n", true)).toBe("no-subordinate-ids");
    expect(runAsNobody("", false)).toBe("0 65534 1\nmounted");
  });
});
