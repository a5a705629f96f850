import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasSharedData, noSharedData, sharedData } from "../../test/support/shared-data.ts";
import { requireOrSkip } from "../../test/support/skip.ts";
import { memorySource, StrataError } from "../base/index.ts";
import { type PlainEntry, scanTarSync } from "../tar/index.ts";
import { dir, file, hardlink, symlink, tarScript } from "../testing/index.ts";
import { encodeLayerIndex, LayerIndexBuilder } from "./index.ts";

/** What comes of a tar: its index, or the error. Plain entries are taken as such, or not. */
function outcome(tar: Uint8Array, takesPlain: boolean): { readonly index: string; readonly plain: number } {
  const builder = new LayerIndexBuilder();
  let plain = 0;
  const onPlain = (entry: PlainEntry): void => {
    plain++;
    builder.addPlain(entry);
  };
  const options = { ownerNames: "ignore", ...(takesPlain && { onPlain }) } as const;
  try {
    scanTarSync(memorySource(tar), (entry) => builder.add(entry), options);
  } catch (error) {
    if (!(error instanceof StrataError)) throw error;
    return { index: JSON.stringify([error.code, error.message, error.details]), plain };
  }
  return { index: Buffer.from(encodeLayerIndex(builder.finish(tar.length))).toString("hex"), plain };
}

function expectNoDifference(tar: Uint8Array): void {
  expect(outcome(tar, true).index).toBe(outcome(tar, false).index);
}

const name = fc.stringMatching(/^[a-z\xe9./]{1,40}$/);
const step = fc.oneof(
  fc.tuple(name, fc.string({ maxLength: 600 })).map(([at, content]) => file(at, content)),
  name.map((at) => dir(at)),
  fc.tuple(name, name).map(([at, target]) => symlink(at, target)),
  fc.tuple(name, name).map(([at, target]) => hardlink(at, target)),
);

describe("an index made of plain entries", () => {
  it("is the one made of whole entries", () => {
    const one = tarScript(file("a/b", "text"), dir("c"), symlink("d", "a/b"), hardlink("e", "a/b"));
    expect(outcome(one, true).plain).toBe(4);
    fc.assert(fc.property(fc.array(step, { maxLength: 8 }), (steps) => expectNoDifference(tarScript(...steps))));
  });

  it("is the same, or the same error, when any byte of a header is another", () => {
    const tar = tarScript(file("directory/file", "text"), symlink("link", "directory/file"));
    fc.assert(
      fc.property(fc.nat(511), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(tar);
        changed[at] = byte;
        // The sum must be right, or nobody would look at the rest.
        changed.fill(0x20, 148, 156);
        const sum = changed.subarray(0, 512).reduce((total, value) => total + value, 0);
        changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
        expectNoDifference(changed);
      }),
      { numRuns: 400 },
    );
  });
});

requireOrSkip(
  "an index of plain entries of other programs' archives",
  hasSharedData("tar-corpus"),
  noSharedData("tar-corpus"),
)(() => {
  it("is the one made of whole entries, or the same error", () => {
    const corpus = sharedData("tar-corpus");
    const files = readdirSync(corpus, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".tar"));
    expect(files.length).toBeGreaterThan(50);
    for (const path of files) expectNoDifference(readFileSync(join(corpus, path)));
  });
});
