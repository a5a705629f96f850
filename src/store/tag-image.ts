import { type FoundImage, findImage } from "./find-image.ts";
import { assertUsable, readGraph, rootOf } from "./image-graph.ts";
import { openLease } from "./lease.ts";
import { saveImage } from "./save-image.ts";
import type { StoreParts } from "./store-parts.ts";

/** Gives what a text leads to one more name, already in full. A manifest inside of an index becomes an image of its own. */
export async function tagImage(parts: StoreParts, text: string, name: string): Promise<void> {
  const metadata = await parts.metadata();
  const { key, target } = metadata.read((records) => findImage(records, text));
  if (target.digest === key) {
    metadata.write((records) => {
      const found = findImage(records, text);
      records.put("name", name, rootOf(found.record));
    });
    return;
  }
  await using lease = await openLease(parts.layout);
  await lease.add(...partsOf(metadata.read((records) => findImage(records, text))));
  const graph = await readGraph(parts.place, parts.content, target);
  assertUsable(graph.record);
  metadata.write((records) => saveImage(records, graph, [name]));
}

function partsOf({ record }: FoundImage): FoundImage["target"]["digest"][] {
  return record.parts.map(({ digest }) => digest);
}
