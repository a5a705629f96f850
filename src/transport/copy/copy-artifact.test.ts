import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixtureLayout, forPlatform, layerOf, named, writeFiles } from "../../../test/support/image-fixtures.ts";
import type { CopyEvent } from "../../image/index.ts";
import { type CopyOptions, copyArtifact, openArtifact, openDestination } from "../index.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "copy-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function copy(from: string, to: string, options: CopyOptions = {}) {
  await using source = await openArtifact(from);
  await using destination = await openDestination(to);
  return await copyArtifact(source, destination, options);
}

async function filesOf(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(directory.length + 1)] = (await readFile(path)).toString("base64");
  }
  return found;
}

async function writeLayout(name: string): Promise<string> {
  const layout = new FixtureLayout();
  const image = layout.image([await layerOf({ a: "1" }), await layerOf({ b: "2" }, { compress: false })]);
  const arm = layout.image([await layerOf({ a: "arm" })], { config: { architecture: "arm64" } });
  const index = layout.index([forPlatform(image, "linux/amd64"), forPlatform(arm, "linux/arm64")]);
  const directory = join(root, name);
  await writeFiles(directory, layout.finish([named(image, "one"), named(index, "all")]));
  return directory;
}

describe("a layout copied to a new layout", () => {
  test("has the same blobs, byte for byte", async () => {
    const from = await writeLayout("from");
    const events: CopyEvent[] = [];
    const result = await copy(`oci:${from}:all`, `oci:${join(root, "to")}:all`, {
      allPlatforms: true,
      onEvent: (event) => events.push(event),
    });
    const [before, after] = [await filesOf(from), await filesOf(join(root, "to"))];
    const { "index.json": _, ...blobs } = before;
    const { "index.json": index, ...copied } = after;
    expect(copied).toEqual(blobs);
    expect(JSON.parse(Buffer.from(index ?? "", "base64").toString()).manifests).toEqual([named(result.root, "all")]);
    expect(events.map(({ type }) => type)).toContain("done");
  });
});
