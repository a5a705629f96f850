import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ErofsPlace, makeErofsPlace } from "../../../../test/support/erofs-place.ts";
import { describeWith } from "../../../../test/support/oracles.ts";
import type { Digest } from "../../../oci/index.ts";
import { dir, file, indexOf, mergedFiles, readDirectory, tarScript, treeText } from "../../../testing/index.ts";
import { mergeLayers } from "../../../union/index.ts";
import { type DrivenSnapshot, type SnapshotKind, snapshotName } from "../../index.ts";
import { createErofsDriver } from "./erofs-driver.ts";

const LAYERS = 500;
/** As in real images, where empty instructions give the same layer again and again. */
const DIFFERENT = 25;

describeWith(["root", "mount", "getfattr"], "a chain of 500 layers", () => {
  let place: ErofsPlace;
  beforeEach(async () => {
    place = await makeErofsPlace();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  function snapshot(id: string, kind: SnapshotKind, content: readonly Digest[] = []): DrivenSnapshot {
    const info = { name: snapshotName(id), kind, parent: undefined, labels: {}, createdAt: 0, updatedAt: 0, content };
    return { id, directory: join(place.root, "data", id), info };
  }

  it("is one mount, with a device for each layer", async () => {
    const tars = Array.from({ length: DIFFERENT }, (_, i) =>
      tarScript(dir("d"), file(`d/${i}`, `${i}`.repeat(600)), file("last", `${i}`)),
    );
    const { diffIds } = await place.addStack(tars);
    const chain = Array.from({ length: LAYERS }, (_, i) => i % DIFFERENT);
    const contentOf = (layer: number): Digest[] => [diffIds[layer] as string as Digest];
    const parents = chain.map((layer, i) => snapshot(`c${i}`, "committed", contentOf(layer))).reverse();
    const [top] = parents;
    const view = snapshot("v", "view");
    mkdirSync(top?.directory ?? "");
    mkdirSync(view.directory);
    const { root, content, indexCache } = place;
    const driver = createErofsDriver({ root, content, indexCache });
    await driver.create(view, parents);
    const [mount] = await driver.mounts(view, parents);
    const whole = chain.map((layer) => tars[layer] as Uint8Array);
    const shown = treeText(readDirectory(mount?.source ?? ""));
    expect(shown).toBe(treeText(mergedFiles(mergeLayers(whole.map(indexOf)), whole)));
    const record = JSON.parse(readFileSync(join(top?.directory ?? "", "merged.json"), "utf8")) as { tars: unknown[] };
    expect(record.tars).toHaveLength(LAYERS);
    await driver.remove(view);
    expect(place.mountsBelow()).toEqual([]);
  });
});
