import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OUTSIDE } from "../cases/breakouts.ts";
import type { ConformanceCase, Outcome } from "../conformance-case.ts";
import { layoutScript } from "../layout-script.ts";
import { tarScript } from "../tar-script.ts";
import { treeText } from "../tree-script.ts";
import { readDirectory } from "./read-directory.ts";

/** A tool that unpacks images, described by the command that does it. */
export interface CommandTool {
  readonly name: string;
  /**
   * A shell script, run once for each case as `sh -e -c`, with these variables:
   * `$LAYOUT` an OCI layout with the image, `$TAG` its name there, `$LAYERS` the paths of its uncompressed layers from the
   * base up, `$OUT` an empty directory to unpack into, `$WORK` a directory for anything else (both are removed afterwards).
   * A status other than 0 means that the tool refused the image.
   *
   * @example "umoci raw unpack --image $LAYOUT:$TAG $OUT"
   */
  readonly script: string;
  /** How long one case may take, in milliseconds; a minute by default. */
  readonly timeout?: number;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * What a tool makes of a case. The tool runs in a sandbox made by bubblewrap (`bwrap`, as root): it sees this machine
 * read-only, two witnesses that must not change (at the root, and beside its output), and processes and mounts that end with it.
 *
 * @throws when `bwrap` is not installed
 */
export function runOnCommand(test: ConformanceCase, tool: CommandTool): Outcome {
  const home = mkdtempSync(join(tmpdir(), "case-"));
  try {
    return runIn(home, test, tool);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function runIn(home: string, test: ConformanceCase, tool: CommandTool): Outcome {
  const layout = layoutScript(test.layers.map((steps) => tarScript(...steps)));
  for (const [path, bytes] of layout.files) {
    mkdirSync(dirname(join(home, "layout", path)), { recursive: true });
    writeFileSync(join(home, "layout", path), bytes);
  }
  for (const name of ["beside/out", "work", OUTSIDE]) mkdirSync(join(home, name), { recursive: true });
  for (const name of ["beside", OUTSIDE]) writeFileSync(join(home, name, "witness"), "outside", { mode: 0o600 });
  const before = witnesses(home);
  const { status, stderr, error } = spawnSync("bwrap", sandbox(home, tool), {
    encoding: "latin1",
    timeout: tool.timeout ?? 60_000,
    env: {
      PATH,
      LAYOUT: join(home, "layout"),
      TAG: "latest",
      LAYERS: layout.layers.map((path) => join(home, "layout", path)).join(" "),
      OUT: join(home, "beside/out"),
      WORK: join(home, "work"),
      HOME: join(home, "work"),
      TMPDIR: join(home, "work"),
    },
  });
  if (error !== undefined) throw error;
  const after = witnesses(home);
  if (after !== before) return { kind: "escaped", message: `outside of the root there is now\n${after}` };
  if (status !== 0) return { kind: "refused", message: stderr.trim().split("\n").slice(-3).join("\n") };
  return { kind: "tree", files: readDirectory(join(home, "beside/out")) };
}

/** What nobody may touch: the directory at the root, and what lies beside the tool's output. */
function witnesses(home: string): string {
  const beside = readDirectory(join(home, "beside")).filter(({ path }) => path !== "" && !/^out(\/|$)/.test(path));
  return treeText([...readDirectory(join(home, OUTSIDE)), ...beside]);
}

/** The machine read-only, directory by directory, so that there is room for one more at the root. */
function sandbox(home: string, tool: CommandTool): string[] {
  const own = new Set(["dev", "proc", "tmp", "run", OUTSIDE]);
  const bind = (place: string, at = place): string[] => ["--bind", place, at];
  return [
    readdirSync("/").flatMap((name) => (own.has(name) ? [] : ["--ro-bind", `/${name}`, `/${name}`])),
    ["--dev", "/dev", "--proc", "/proc"],
    ["/run", "/tmp", "/var/tmp"].flatMap((place) => ["--tmpfs", place]),
    ["layout", "beside", "work"].flatMap((name) => bind(join(home, name))),
    bind(join(home, OUTSIDE), `/${OUTSIDE}`),
    ["--cap-add", "ALL", "--unshare-pid", "--die-with-parent", "--new-session"],
    ["sh", "-e", "-c", tool.script],
  ].flat();
}
