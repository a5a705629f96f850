import { describe, expect, it } from "vitest";
import { dir, file, indexOf, type TarStep, tarScript, whiteout } from "../testing/index.ts";
import { type ChainOfLayers, mergeLayers, mergeOnShared, rememberedTree, type TreeMemory } from "./index.ts";

class NotingMemory implements TreeMemory {
  readonly kept = new Map<string, Uint8Array>();
  asked: string[] = [];

  async get(key: string): Promise<Uint8Array | undefined> {
    this.asked.push(chainOf(key));
    return this.kept.get(key);
  }

  async set(key: string, bytes: Uint8Array): Promise<void> {
    this.kept.set(key, bytes);
  }

  get chains(): string[] {
    return [...this.kept.keys()].map(chainOf);
  }
}

const chainOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1);

const BASE: readonly (readonly TarStep[])[] = [[dir("a"), file("a/one", "1")], [file("a/two", "2")]];
const ONE = chain("base one", [...BASE, [file("b", "3")]]);
const OTHER = chain("base other", [...BASE, [whiteout("a/one")], [dir("c")]]);

/** A chain named by words, of which the base has one name everywhere. */
function chain(words: string, scripts: readonly (readonly TarStep[])[]): ChainOfLayers {
  const [base = "", top = ""] = words.split(" ");
  const chainIds = scripts.map((_, i) => (i < BASE.length ? `${base}${i}` : `${top}${i}`));
  return { layers: scripts.map((steps) => indexOf(tarScript(...steps))), chainIds };
}

const wholeOf = ({ layers }: ChainOfLayers): unknown => mergeLayers(layers).flatten().columns;

describe("remembered trees", () => {
  it("are merged once, and asked for from the top down", async () => {
    const memory = new NotingMemory();
    expect((await rememberedTree(memory, ONE)).flatten().columns).toEqual(wholeOf(ONE));
    expect(memory.asked).toEqual(["one2", "base1", "base0"]);
    memory.asked = [];
    expect((await rememberedTree(memory, ONE)).flatten().columns).toEqual(wholeOf(ONE));
    expect(memory.asked).toEqual(["one2"]);
    expect(memory.chains).toEqual(["one2"]);
  });

  it("grow on those of the layers below", async () => {
    const memory = new NotingMemory();
    const base = { layers: OTHER.layers.slice(0, 3), chainIds: OTHER.chainIds.slice(0, 3) };
    await rememberedTree(memory, base);
    memory.asked = [];
    expect((await rememberedTree(memory, OTHER)).flatten().columns).toEqual(wholeOf(OTHER));
    expect(memory.asked).toEqual(["other3", "other2"]);
    expect(memory.chains).toEqual(["other2", "other3"]);
  });

  it("of what images share are kept when the second comes, for the third", async () => {
    const memory = new NotingMemory();
    await rememberedTree(memory, ONE);
    const tree = await mergeOnShared(memory, OTHER, 2);
    expect(tree.firstTold).toBe(2);
    expect(tree.flatten().columns).toEqual(wholeOf(OTHER));
    expect(memory.chains).toEqual(["one2", "base1"]);
    memory.asked = [];
    await mergeOnShared(memory, OTHER, 2);
    expect(memory.asked).toEqual(["base1"]);
  });

  it("know everything where nothing is shared", async () => {
    const memory = new NotingMemory();
    expect((await mergeOnShared(memory, ONE, 0)).firstTold).toBe(0);
    expect(memory.asked).toEqual([]);
  });

  it("that cannot be read are merged again and replaced; of no layers there is nothing to keep", async () => {
    const memory = new NotingMemory();
    await rememberedTree(memory, ONE);
    for (const key of memory.kept.keys()) memory.kept.set(key, new Uint8Array(3));
    expect((await rememberedTree(memory, ONE)).flatten().columns).toEqual(wholeOf(ONE));
    expect([...memory.kept.values()][0]?.length).toBeGreaterThan(3);
    const empty = new NotingMemory();
    const none = await rememberedTree(empty, { layers: [], chainIds: [] });
    expect([...none.walk()]).toHaveLength(1);
    expect(empty.chains).toEqual([]);
  });
});
