import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { runStrata, SAMPLE } from "./run-strata.ts";

describe("completion scripts", () => {
  it("parse in bash and complete verbs, options and transports", async () => {
    const { stdout: script } = await runStrata(["completion", "bash"]);
    const complete = (line: string): string[] => {
      const words = line.split(" ").map((word) => `'${word}'`);
      const test = `${script}
        COMP_WORDS=(${words.join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMP_LINE='${line}'; COMP_POINT=${line.length}
        _strata; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync("bash", ["-c", test], { encoding: "utf8" });
      expect(stderr).toBe("");
      return stdout.trim().split("\n");
    };
    expect(complete("strata bl")).toEqual(["blame"]);
    expect(complete("strata ls --la")).toEqual(["--layer"]);
    expect(complete("strata ls docker-a")).toEqual(["docker-archive:"]);
    expect(complete("strata completion f")).toEqual(["fish"]);
    expect(complete("strata changeset a")).toEqual(["apply"]);
    expect(complete("strata changeset create --over")).toEqual(["--overlay"]);
    expect(complete("strata changeset apply package.j")).toEqual(["package.json"]);
  });

  it("know every visible verb in each shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await runStrata(["completion", shell]);
      for (const verb of ["ls", "blame", "export", "layer", "no-verify"]) expect(stdout).toContain(verb);
      expect(stdout).not.toContain("__complete:");
    }
  });
});

describe("paths inside an image", () => {
  it("complete, directories with a slash", async () => {
    const complete = async (beginning: string): Promise<string[]> =>
      (await runStrata(["__complete", SAMPLE, beginning])).stdout.trim().split("\n");
    expect(await complete("/et")).toEqual(["/etc/"]);
    expect(await complete("/etc/h")).toEqual(["/etc/hostname", "/etc/hosts"]);
    expect(await complete("/none/x")).toEqual([""]);
  });
});
