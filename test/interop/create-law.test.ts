import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toText } from "../../src/base/index.ts";
import { applyLayers, createLayer, showLayer } from "../../src/index.ts";
import { type ContainerdDaemon, startContainerd } from "../support/containerd-daemon.ts";
import { diskText } from "../support/disk-tree.ts";
import { describeWith } from "../support/oracles.ts";
import { makeScratchMount, type ScratchMount } from "../support/scratch-mount.ts";
import { buildahCommit, changeBase, containerdDiff, fromUpper, type LayerMaker, umociRepack } from "./create-peers.ts";
import { run } from "./oracle-trees.ts";

/** The tree that is changed. */
const BASE = `
mkdir -p gone/deep/er kept/in replaced/old moved/sub becomes-file/x opened empty links
echo 1 > gone/deep/er/file; echo 1 > kept/in/file; echo 1 > kept/other; echo 1 > replaced/old/file; echo 1 > replaced/same
echo 1 > moved/sub/file; echo 1 > becomes-file/x/y; echo 1 > becomes-directory; echo 1 > mode; echo 1 > owner; echo 1 > time
echo 1 > opened/file; echo 1 > removed; echo 1 > capable; echo 1 > tagged; echo 1 > listed; echo 1 > unchanged; echo 1 > grown
echo 1 > a-b; ln -s removed link; echo 1 > links/one; ln links/one links/two; mkfifo pipe; mknod null c 1 3
setfattr -n user.stays -v x unchanged
`;
/** Each line makes one sort of change. */
const CHANGE = `
rm -r gone; rm removed
echo 2 >> kept/in/file
rm -r replaced; mkdir replaced; echo 1 > replaced/same; echo 2 > replaced/new
mv moved renamed
rm -r becomes-file; echo 2 > becomes-file
rm becomes-directory; mkdir becomes-directory; echo 2 > becomes-directory/file
chmod 4711 mode; chown 7:8 owner; chmod 700 opened
ln -sfn kept link
echo 2 >> links/one; ln grown links/three
printf 'x' > capable; setcap cap_net_raw+ep capable
setfattr -n user.tag -v blue tagged; setfattr -n trusted.tag -v red tagged; setfacl -m u:7:r listed
rm pipe; mkfifo -m 600 pipe2; mknod disk b 8 1; mkdir -p new/deep; echo 2 > new/deep/caf\u00e9
truncate -s 8M hole; printf x >> hole
`;
/** Of all that was touched, so that two trees can be equal. */
const settle = (time: string): string => `find . -newermt 2025-01-01 -exec touch -h -d '${time}' {} +`;

/** Lines that differ, ours with a minus and the tool's with a plus, by the reason. Versions are those of Debian 12. */
interface Differences {
  /** Of what the layers change. */
  readonly changes: Readonly<Record<string, readonly string[]>>;
  /** Of the tree that applying them gives, times taken as whole seconds. */
  readonly tree: Readonly<Record<string, readonly string[]>>;
}

const UNLINKED =
  "overlayfs without index=on parts the names of a file that is written to: that is so in the container, too";
const LIST =
  "system.posix_acl_access=0x0200000001000600ffffffff020004000700000004000400ffffffff10000400ffffffff20000400ffffffff";
const TREE: Differences["tree"] = {
  "leaves the root out": [
    "- directory 0755 0:0 - 1546300800.000000000 /",
    "+ directory 0755 0:0 - 1514764800.000000000 /",
  ],
  [UNLINKED]: [
    '- file      0644 0:0 4 1546300800.000000000 /links/two = /links/one "1\\n2\\n"',
    '+ file      0644 0:0 2 1514764800.000000000 /links/two "1\\n"',
  ],
  "loses access control lists": [
    `- file      0644 0:0 2 1514764800.000000000 /listed ${LIST} "1\\n"`,
    '+ file      0644 0:0 2 1514764800.000000000 /listed "1\\n"',
  ],
};
const TAGGED = '- file      0644 0:0 2 1514764800.000000000 /tagged trusted.tag=0x726564 user.tag=0x626c7565 "1\\n"';
const KNOWN: Readonly<Record<string, Differences>> = {
  umoci: { changes: { "writes whiteouts below what is a file now": ["+ deleted /becomes-file/x "] }, tree: {} },
  buildah: {
    changes: {
      "leaves the root out": ["- modified / mtime"],
      [UNLINKED]: ["- modified /links/two content mtime"],
      "loses access control lists": ["- modified /listed xattrs"],
    },
    tree: {
      ...TREE,
      "loses attributes of trusted": [
        TAGGED,
        '+ file      0644 0:0 2 1514764800.000000000 /tagged user.tag=0x626c7565 "1\\n"',
      ],
    },
  },
  containerd: {
    changes: {
      "leaves the root out": ["- modified / mtime"],
      [UNLINKED]: ["- modified /links/two content mtime"],
      "sees no attributes but security.capability": ["- modified /listed xattrs", "- modified /tagged xattrs"],
    },
    tree: {
      ...TREE,
      "loses all attributes but security.capability": [
        TAGGED,
        '+ file      0644 0:0 2 1514764800.000000000 /tagged "1\\n"',
      ],
    },
  },
  "strata from an upper directory": {
    changes: { [UNLINKED]: ["- modified /links/two content mtime"] },
    tree: { [UNLINKED]: TREE[UNLINKED] as readonly string[] },
  },
};

const PEERS: Readonly<Record<string, LayerMaker>> = { umoci: umociRepack, buildah: buildahCommit };
const NEEDS = ["umoci", "buildah", "containerd", "tar", "getfattr", "root", "mount"] as const;
describeWith(NEEDS, "a change", () => {
  let scratch: ScratchMount;
  let daemon: ContainerdDaemon;
  let makers: Readonly<Record<string, LayerMaker>>;
  const at = (name: string): string => join(scratch.directory, name);
  const change = (root: string): void =>
    void run("sh", ["-ec", `umask 022; ${CHANGE}${settle("2019-01-01 00:00:00.123456789Z")}`], { cwd: root });
  beforeAll(async () => {
    scratch = makeScratchMount();
    daemon = await startContainerd(scratch.directory);
    makers = { ...PEERS, containerd: containerdDiff(daemon), "strata from an upper directory": fromUpper(at("lower")) };
    mkdirSync(at("lower"));
    run("sh", ["-ec", `umask 022; ${BASE}${settle("2018-01-01 00:00:00Z")}`], { cwd: at("lower") });
    run("cp", ["-a", at("lower"), at("upper")]);
    change(at("upper"));
    await (await createLayer("", at("lower"))).writeTo(at("lower.tar"));
    await (await createLayer(at("lower"), at("upper"))).writeTo(at("ours.tar"));
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    scratch?.[Symbol.dispose]();
  });

  async function changesOf(layer: string): Promise<string> {
    const lines: string[] = [];
    for await (const { kind, path, fields } of showLayer(layer, { lower: `dir:${at("lower")}` })) {
      lines.push(`${kind} /${toText(path)} ${[...fields].sort().join(" ")}`);
    }
    return lines.join("\n");
  }

  async function treeOf(layer: string, tool: string): Promise<string> {
    const root = at(`applied-${tool}`);
    run("cp", ["-a", at("lower"), root]);
    await applyLayers([layer], root);
    return diskText(root);
  }

  describe.each(Object.keys(KNOWN))("in a layer by %s", (tool) => {
    let layer: string;
    beforeAll(async () => {
      const home = at(`with-${tool}`);
      mkdirSync(home);
      layer = await (makers[tool] as LayerMaker)(changeBase(home, at("lower.tar")), change);
    });

    it("is the change of ours, but for what is listed here", async () => {
      const known = Object.values((KNOWN[tool] as Differences).changes).flat();
      expect(differenceOf(await changesOf(at("ours.tar")), await changesOf(layer))).toEqual(known.sort());
    });

    it("makes the same tree, but for what is listed here", async () => {
      const known = Object.values((KNOWN[tool] as Differences).tree).flat();
      const [ours, theirs] = [diskText(at("upper")), await treeOf(layer, tool)];
      const inSeconds = (text: string): string => text.replaceAll(".123456789 ", ".000000000 ");
      expect(differenceOf(inSeconds(ours), inSeconds(theirs))).toEqual(known.sort());
    });

    if (tool.startsWith("strata")) return;
    it("has times of whole seconds, and sparse files in full", async () => {
      expect(await treeOf(layer, `${tool}-again`)).not.toContain(".123456789");
      expect(sizeOf(layer)).toBeGreaterThan(8 * 1024 * 1024);
      expect(sizeOf(at("ours.tar"))).toBeLessThan(64 * 1024);
    });
  });
});

function differenceOf(ours: string, theirs: string): string[] {
  const [a, b] = [ours.split("\n"), theirs.split("\n")];
  const missing = a.filter((line) => !b.includes(line)).map((line) => `- ${line}`);
  return [...missing, ...b.filter((line) => !a.includes(line)).map((line) => `+ ${line}`)].sort();
}

/** Of the tar. */
function sizeOf(layer: string): number {
  return Number(run("sh", ["-c", '(gzip -dc "$0" 2>&- || cat "$0") | wc -c', layer]));
}
