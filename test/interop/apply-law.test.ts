import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessList, CAPABILITY, diskPair } from "../property/disk-trees.ts";
import { type ContainerdDaemon, startContainerd } from "../support/containerd-daemon.ts";
import { diskText, writeTree } from "../support/disk-tree.ts";
import { aDirectory, aFile, type MemoryFiles, treeOf } from "../support/memory-tree.ts";
import { describeWith } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";
import { type Applier, containerdOf, gnuTar, layerPair, podmanIn, strata, umoci } from "./apply-peers.ts";

/** More of them: `STRATA_RUNS=1000 npx vitest run test/interop/apply-law.test.ts`. */
const RUNS = Number(process.env["STRATA_RUNS"] ?? 6);

/** What a tool does not do as the layer says: a change that shows it, and a tree's text without what gets lost. */
interface Deviation {
  readonly lower: MemoryFiles;
  readonly upper: MemoryFiles;
  readonly forget: (text: string) => string;
}

const nothing = treeOf({});
const eachLine = (text: string, change: (line: string) => string): string => text.split("\n").map(change).join("\n");
const tagged = (name: string) => ({ xattrs: new Map([[name, Buffer.from("x")]]) });

const capable = aFile("", { xattrs: new Map([["security.capability", CAPABILITY]]) });
const HANDED_DOWN = accessList(7);

/** With the versions of Debian 12. */
const DEVIATIONS = {
  "gives the root of its own instead of the image's": {
    lower: nothing,
    upper: treeOf({ "": aDirectory({ mode: 0o711, uid: 5 }) }),
    forget: (text) => text.replace(/^.* \/(?: .*)?\n/, ""),
  },
  "puts times before 1970 at 1970": {
    lower: nothing,
    upper: treeOf({ old: aFile("", { mtime: { seconds: -5, nanoseconds: 1 } }) }),
    forget: (text) => text.replace(/ -\d+\.\d{9} \//g, " 0.000000000 /"),
  },
  "does not know the records of libarchive, which alone can name an attribute with an equals sign": {
    lower: nothing,
    upper: treeOf({ file: aFile("", tagged("user.n=1")) }),
    forget: (text) => text.replace(/ user\.n=1=0x[0-9a-f]*/g, ""),
  },
  "loses an attribute with an empty value, which PAX takes for no record at all": {
    lower: nothing,
    upper: treeOf({ file: aFile("", { xattrs: new Map([["user.a", Buffer.from("")]]) }) }),
    forget: (text) => text.replace(/ [a-z.]+(?:=1)?=0x(?=[ \n])/g, ""),
  },
  "sets no attributes of trusted": {
    lower: nothing,
    upper: treeOf({ file: aFile("", tagged("trusted.n")) }),
    forget: (text) => text.replace(/ trusted\.n=0x[0-9a-f]*/g, ""),
  },
  "leaves attributes at a directory which the upper tree has without": {
    lower: treeOf({ directory: aDirectory(tagged("user.a")) }),
    upper: treeOf({ directory: aDirectory({ mode: 0o711 }) }),
    forget: (text) => eachLine(text, (line) => line.replace(/^(directory \d+ \d+:\d+ - \S+ \S+).*$/, "$1")),
  },
  "gives new files the access control list that a directory hands down": {
    lower: treeOf({ "": aDirectory({ xattrs: new Map([["system.posix_acl_default", HANDED_DOWN]]) }) }),
    upper: treeOf({ new: aFile("") }),
    forget: (text) => text.replace(/ system\.posix_acl_access=0x[0-9a-f]*/g, ""),
  },
  "leaves a root another time which is not in the layer, as it did not change": {
    lower: treeOf({ gone: aFile("") }),
    upper: nothing,
    forget: (text) => text.replace(/ \S+( \/(?: .*)?\n)/, "$1"),
  },
} as const satisfies Record<string, Deviation>;

type DeviationName = keyof typeof DEVIATIONS;

const EQUALS_SIGN = "does not know the records of libarchive, which alone can name an attribute with an equals sign";
const NO_VALUE = "loses an attribute with an empty value, which PAX takes for no record at all";
const OWN_ROOT = "gives the root of its own instead of the image's";
const BEFORE_1970 = "puts times before 1970 at 1970";

const KNOWN: Readonly<Record<string, readonly DeviationName[]>> = {
  strata: [],
  umoci: [EQUALS_SIGN, NO_VALUE],
  podman: [OWN_ROOT, BEFORE_1970, EQUALS_SIGN, NO_VALUE],
  containerd: [OWN_ROOT, BEFORE_1970, EQUALS_SIGN, "sets no attributes of trusted"],
  "GNU tar": [
    EQUALS_SIGN,
    "leaves attributes at a directory which the upper tree has without",
    "gives new files the access control list that a directory hands down",
    "leaves a root another time which is not in the layer, as it did not change",
  ],
};

const NEEDS = ["umoci", "podman", "containerd", "tar", "getfattr", "root", "mount"] as const;
describeWith(NEEDS, "a layer of two directories", () => {
  let scratch: ScratchMount;
  let daemon: ContainerdDaemon;
  let appliers: Readonly<Record<string, Applier>>;
  let count = 0;
  beforeAll(async () => {
    scratch = makeScratchMount();
    daemon = await startContainerd(scratch.directory);
    const podman = podmanIn(scratch.directory);
    appliers = { strata, umoci, podman, containerd: containerdOf(daemon), "GNU tar": gnuTar };
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    scratch?.[Symbol.dispose]();
  });

  /** The upper tree, and what tools make of the lower one and the layer. */
  async function textsOf(tools: readonly string[], lower: MemoryFiles, upper: MemoryFiles) {
    const home = join(scratch.directory, `pair-${count++}`);
    mkdirSync(home);
    const [a, b] = [join(home, "a"), join(home, "b")];
    writeTree(a, lower);
    writeTree(b, upper);
    const pair = await layerPair(home, a, b);
    const applied: Record<string, string> = {};
    for (const tool of tools) await appliers[tool]?.(pair, (root) => (applied[tool] = diskText(root)));
    const expected = diskText(b);
    rmSync(home, { recursive: true });
    return { expected, applied };
  }

  it("makes the second of the first, whoever applies it", { timeout: RUNS * 10_000 + 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(diskPair, async ({ lower, upper }) => {
        const { expected, applied } = await textsOf(Object.keys(KNOWN), lower, upper);
        for (const [tool, text] of Object.entries(applied)) {
          const forget = (whole: string): string =>
            (KNOWN[tool] ?? []).reduce((rest, name) => DEVIATIONS[name].forget(rest), whole);
          expect(forget(text), tool).toBe(forget(expected));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("keeps the capabilities of a file with several names, also for those who set its owner with each", async () => {
    const upper = treeOf({ first: capable, second: capable, third: capable });
    const { expected, applied } = await textsOf(Object.keys(KNOWN), nothing, upper);
    expect(expected).toMatch(/security\.capability=0x[0-9a-f]/);
    for (const [tool, text] of Object.entries(applied)) {
      const ownRoot = DEVIATIONS[OWN_ROOT].forget;
      expect(ownRoot(text), tool).toBe(ownRoot(expected));
    }
  });

  const known = Object.entries(KNOWN).flatMap(([tool, names]) => names.map((name) => [tool, name] as const));
  it.each(known)("%s %s", async (tool, name) => {
    const { lower, upper, forget } = DEVIATIONS[name];
    const { expected, applied } = await textsOf([tool], lower, upper);
    const text = applied[tool] as string;
    expect(text).not.toBe(expected);
    const others = (KNOWN[tool] ?? []).filter((other) => other !== name);
    const rest = (whole: string): string => others.reduce((left, other) => DEVIATIONS[other].forget(left), whole);
    if (rest(text) === rest(expected)) throw new Error(`Another deviation of ${tool} hides this one`);
    expect(rest(forget(text))).toBe(rest(forget(expected)));
  });
});
