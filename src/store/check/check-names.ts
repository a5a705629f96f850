import type { Fault } from "../fault.ts";
import type { NameRecord } from "../metadata/records.ts";
import { readNamesCopy } from "../names-copy.ts";
import type { CheckContext } from "./check-context.ts";

/** Holds the names against the images, and against their copy. */
export async function* checkNames({ parts, tables }: CheckContext): AsyncGenerator<Fault> {
  if (tables === undefined) return;
  const names = tables.read((records) => records.list("name"));
  for (const [name, { digest }] of names) {
    if (tables.read((records) => records.get("image", digest)) !== undefined) continue;
    yield {
      code: "name-without-image",
      severity: "error",
      what: `The name ${name} leads to ${digest}, of which the tables know nothing`,
      digest,
      name,
      images: [name],
      remedy: "repair the store, or pull the image again",
    };
  }
  if (names.length === 0) return;
  if (isSame(names, await readNamesCopy(parts.layout.root))) return;
  yield {
    code: "names-copy-differs",
    severity: "info",
    what: "The copy of the names in index.json is not that of the tables, as after a crash",
    path: "index.json",
    images: [],
    remedy: "nothing: the next change of a name writes it anew",
  };
}

function isSame(
  names: readonly (readonly [string, NameRecord])[],
  copy: ReadonlyMap<string, NameRecord> | undefined,
): boolean {
  return copy?.size === names.length && names.every(([name, { digest }]) => copy.get(name)?.digest === digest);
}
